package payouts

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ReverseParams ask to take a paid payout back.
type ReverseParams struct {
	Metadata metadata.Patch `form:"metadata"`

	Actor string `form:"-"` // who asks for it
}

// Reverse takes a paid payout back from the bank account of a connected account, by
// a new payout with a negative amount over a rail with debits. Its money is pending
// until the bank can no longer refuse.
func (s *Service) Reverse(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout string, params ReverseParams) (*Payout, error) {
	original, err := find(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, err
	}
	if err := s.reversible(ctx, tx, original, scope); err != nil {
		return nil, err
	}
	payable, err := s.cfg.Accounts.Payable(ctx, tx, scope)
	if err != nil {
		return nil, err
	}
	to, ok := payable.named(original.Destination)
	if !ok {
		return nil, fault.Invalidf("payout_not_reversible", "", "The bank account that this payout went to is not there any more.")
	}
	use := rail.Use{Currency: original.Currency, Country: to.Country, Debit: true}
	found, ok := s.cfg.Rails.For(scope.Livemode).Find(use)
	if !ok {
		return nil, fault.Invalidf("payout_reversal_unsupported", "", "No bank of this installation can take money from that bank account.")
	}
	given, err := params.Metadata.Apply(nil)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	p := newPayout(scope, money.New(-original.Amount, original.Currency), to, found.Capabilities(), payable, now)
	p.OriginalPayout, p.Metadata, p.StatementDescriptor, p.CreatedBy = original.ID, given, original.StatementDescriptor, params.Actor
	if err := balance.Lock(ctx, tx, s.cfg.Book, p.Purse()); err != nil {
		return nil, err
	}
	if err := s.admit(ctx, tx, p, payable); err != nil {
		return nil, err
	}
	if err := s.open(ctx, tx, p); err != nil {
		return nil, err
	}
	before := map[string]any{"reversed_by": ref(original.ReversedBy)}
	original.ReversedBy = p.ID
	return p, s.finish(ctx, tx, original, "payout.updated", now, before)
}

// reversible refuses a payout that there is nothing to take back of.
func (s *Service) reversible(ctx context.Context, tx bun.Tx, p *Payout, scope tenant.Scope) error {
	switch {
	case !scope.Connected():
		return fault.Invalidf("payout_not_reversible", "", "Only payouts of connected accounts can be reversed.")
	case p.Debit():
		return fault.Invalidf("payout_not_reversible", "", "This payout took money from the bank account; there is nothing to take back.")
	case p.Cancelable():
		return fault.Invalidf("payout_not_reversible", "", "The bank does not have this payout yet. Cancel it instead.")
	case p.Status != Paid:
		return fault.Invalidf("payout_not_reversible", "", "Payouts can be reversed only once they are paid; this one is %s.", p.Status)
	case p.ReversedBy == "":
		return nil
	}
	earlier, err := find(ctx, tx, scope, p.ReversedBy, false)
	if err != nil {
		return err
	}
	if earlier.Status == Failed || earlier.Status == Canceled {
		return nil
	}
	return fault.Invalidf("payout_not_reversible", "", "This payout is taken back already, by %s.", p.ReversedBy)
}

// ref is an id as an event shows what it was: null if there was none.
func ref(id string) any {
	if id == "" {
		return nil
	}
	return id
}
