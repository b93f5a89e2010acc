package connect

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// What to do when the destination does not have the money.
const (
	Refuse   = "refuse"   // nothing is taken; the default
	Wait     = "pending"  // what is there is taken, and the rest as it comes
	Overdraw = "negative" // it is taken, and the destination owes it
)

// ReversalParams asks to take a transfer back.
type ReversalParams struct {
	Amount               *int64         `form:"amount"` // all that is left if absent
	Description          *string        `form:"description"`
	RefundApplicationFee bool           `form:"refund_application_fee"`
	Metadata             metadata.Patch `form:"metadata"`
	WhenInsufficient     string         `form:"when_insufficient"` // Refuse, Wait or Overdraw
}

// Reverse takes a transfer back, in part or in whole, as often as something is
// left. What is on hold goes back first, whatever else the destination owes. If it
// does not have the rest, that is refused with balance_insufficient, or as
// WhenInsufficient says: with Wait what comes of it is a pending reversal instead of a reversal.
// refund_application_fee gives the fee back in proportion, by the cumulative method.
func (s *TransferService) Reverse(ctx context.Context, tx bun.Tx, scope tenant.Scope, transfer string, p ReversalParams) (*Reversal, *PendingReversal, error) {
	if err := checkWords(p.Description, p.Metadata); err != nil {
		return nil, nil, err
	}
	if p.WhenInsufficient != "" {
		if err := oneOf("when_insufficient", p.WhenInsufficient, Refuse+" "+Wait+" "+Overdraw); err != nil {
			return nil, nil, err
		}
	}
	t, err := lockTransfer(ctx, tx, scope, transfer)
	if err != nil {
		return nil, nil, err
	}
	spoken, err := spokenFor(ctx, tx, t.ID)
	if err != nil {
		return nil, nil, err
	}
	r, err := newReversal(t, p, spoken)
	if err != nil {
		return nil, nil, err
	}
	r.CreatedAt = s.Clocks.For(t.Livemode).Now()
	if err := s.mayRefundFee(t, p.RefundApplicationFee); err != nil {
		return nil, nil, err
	}
	behind := false
	if p.WhenInsufficient == Wait { // who came first is served first
		if behind, err = waiting(ctx, tx, t); err != nil {
			return nil, nil, err
		}
	}
	if !behind {
		err = s.reverse(ctx, tx, t, r, taking{fee: p.RefundApplicationFee, overdraft: p.WhenInsufficient == Overdraw, maturesOn: t.MaturesOn})
		if f := fault.As(err); p.WhenInsufficient != Wait || f == nil || f.Code != "balance_insufficient" {
			return r, nil, err
		}
	}
	pending, err := s.wait(ctx, tx, t, r, p.RefundApplicationFee)
	return nil, pending, err
}

// taking is how a reversal takes the money.
type taking struct {
	fee       bool      // the application fee goes back in proportion
	overdraft bool      // the destination may be left owing
	maturesOn time.Time // where it is taken from: zero is the available balance
}

// reverse books and records a reversal of a locked transfer and tells it. It
// fails with balance_insufficient before it has written anything.
func (s *TransferService) reverse(ctx context.Context, tx bun.Tx, t *Transfer, r *Reversal, how taking) error {
	fee, back, err := s.feeBack(ctx, tx, t, r, how.fee)
	if err != nil {
		return err
	}
	reversal := journal.Reversal{
		Unwound:  journal.Unwound{Reversal: r.ID, PaymentRefund: r.DestinationPaymentRefund, Destination: t.Destination, Amount: r.Amount},
		Livemode: t.Livemode, Platform: t.Platform, Currency: t.Currency, At: r.CreatedAt, MaturesOn: how.maturesOn, Overdraft: how.overdraft,
	}
	if back != nil {
		reversal.Fee = &journal.FeeReturn{ID: back.ID, Account: fee.Account, Amount: back.Amount}
	}
	reversal.Released, reversal.Payment = min(r.Amount, t.Held), t.DestinationPayment
	entry := journal.TransferReversed(reversal, newLineID)
	if err := PostOne(ctx, tx, s.Book, entry); err != nil {
		return err
	}
	r.BalanceTransaction = entry.LineID("transfer_refund", r.ID)
	r.DestinationBalanceTransaction = entry.LineID("payment_refund", r.DestinationPaymentRefund)
	t.AmountReversed += r.Amount
	t.takeHeld(reversal.Released)
	t.Version++
	if err := RecordReversals(ctx, tx, []*Transfer{t}, []*Reversal{r}); err != nil {
		return err
	}
	events := make([]event.Event, 0, 2)
	reversed, err := t.ReversedEvent(r.CreatedAt, event.OriginOf(ctx))
	if err != nil {
		return err
	}
	events = append(events, reversed)
	if back != nil {
		back.BalanceTransaction = entry.LineID("application_fee_refund", back.ID)
		if err := RecordFeeRefund(ctx, tx, fee, back); err != nil {
			return err
		}
		refunded, err := fee.RefundedEvent(r.CreatedAt, event.OriginOf(ctx))
		if err != nil {
			return err
		}
		events = append(events, refunded)
	}
	return s.events.Append(ctx, tx, events...)
}

// newReversal takes what is asked for of what is left and not spoken for by
// pending reversals.
func newReversal(t *Transfer, p ReversalParams, spoken int64) (*Reversal, error) {
	left := max(0, t.Reversible()-spoken)
	amount := left
	if p.Amount != nil {
		amount = *p.Amount
	}
	switch {
	case t.Reversible() == 0:
		return nil, fault.Invalidf("", "", "The transfer %s is already fully reversed.", t.ID)
	case left == 0:
		return nil, fault.Invalidf("", "", "What is left of the transfer %s is being taken back by pending reversals.", t.ID)
	case amount < 1:
		return nil, fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, fault.Invalidf("amount_too_large", "amount", "Reversal amount (%s) is greater than unreversed amount on transfer (%s).",
			money.New(amount, t.Currency), money.New(left, t.Currency))
	}
	meta, err := p.Metadata.Apply(nil)
	return reversalOf(t, amount, meta), err
}

func reversalOf(t *Transfer, amount int64, meta map[string]string) *Reversal {
	return &Reversal{
		ID: id.New("trr"), Transfer: t.ID, Amount: amount, Currency: t.Currency,
		DestinationPaymentRefund: id.New("pyr"), Metadata: meta,
	}
}

func (s *TransferService) mayRefundFee(t *Transfer, wanted bool) error {
	if wanted && t.ApplicationFee == "" {
		return fault.Invalidf("parameter_invalid", "refund_application_fee", "Attempting to refund_application_fee on transfer %s, but it has no application fee", t.ID)
	}
	return nil
}

// feeBack is the part of the transfer's application fee that a reversal returns, or nil.
func (s *TransferService) feeBack(ctx context.Context, tx bun.Tx, t *Transfer, r *Reversal, wanted bool) (*ApplicationFee, *FeeRefund, error) {
	if !wanted {
		return nil, nil, nil
	}
	fee, err := LockApplicationFee(ctx, tx, t.ApplicationFee)
	if err != nil {
		return nil, nil, err
	}
	due, err := money.Cumulative(fee.Amount, t.Amount, t.AmountReversed, r.Amount)
	if err != nil {
		return nil, nil, err
	}
	due = min(due, fee.Amount-fee.AmountRefunded)
	if due == 0 {
		return fee, nil, nil
	}
	fee.AmountRefunded += due
	fee.Version++
	return fee, &FeeRefund{ID: id.New("fr"), Fee: fee.ID, Amount: due, Currency: fee.Currency, Metadata: map[string]string{}, CreatedAt: r.CreatedAt}, nil
}

// UpdateReversal changes the metadata of a reversal.
func (s *TransferService) UpdateReversal(ctx context.Context, tx bun.Tx, scope tenant.Scope, transfer, id string, patch metadata.Patch) (*Reversal, error) {
	if err := checkWords(nil, patch); err != nil {
		return nil, err
	}
	if _, err := lockTransfer(ctx, tx, scope, transfer); err != nil {
		return nil, err
	}
	r, err := s.GetReversal(ctx, tx, transfer, id)
	if err != nil {
		return nil, err
	}
	if r.Metadata, err = patch.Apply(r.Metadata); err != nil {
		return nil, err
	}
	_, err = tx.NewUpdate().Model(&reversalRow{Reversal: *r}).Column("metadata").WherePK().Exec(ctx)
	return r, err
}
