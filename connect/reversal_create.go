package connect

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ReversalParams asks to take a transfer back.
type ReversalParams struct {
	Amount               *int64         `form:"amount"` // all that is left if absent
	Description          *string        `form:"description"`
	RefundApplicationFee bool           `form:"refund_application_fee"`
	Metadata             metadata.Patch `form:"metadata"`
}

// Reverse takes a transfer back, in part or in whole, as often as something is
// left. What is on hold goes back first, whatever else the destination owes; it
// must have the rest (balance_insufficient).
// refund_application_fee gives the fee back in proportion, by the cumulative method.
func (s *TransferService) Reverse(ctx context.Context, tx bun.Tx, scope tenant.Scope, transfer string, p ReversalParams) (*Reversal, error) {
	if err := checkWords(p.Description, p.Metadata); err != nil {
		return nil, err
	}
	t, err := lockTransfer(ctx, tx, scope, transfer)
	if err != nil {
		return nil, err
	}
	r, err := newReversal(t, p)
	if err != nil {
		return nil, err
	}
	r.CreatedAt = s.Clocks.For(t.Livemode).Now()
	fee, back, err := s.feeBack(ctx, tx, t, r, p.RefundApplicationFee)
	if err != nil {
		return nil, err
	}
	reversal := journal.Reversal{
		Unwound:  journal.Unwound{Reversal: r.ID, PaymentRefund: r.DestinationPaymentRefund, Destination: t.Destination, Amount: r.Amount},
		Livemode: t.Livemode, Platform: t.Platform, Currency: t.Currency, At: r.CreatedAt, MaturesOn: t.MaturesOn,
	}
	if back != nil {
		reversal.Fee = &journal.FeeReturn{ID: back.ID, Account: fee.Account, Amount: back.Amount}
	}
	t.AmountReversed += r.Amount
	var entries []ledger.Entry
	if freed, held := t.TakeHeld(r.Amount, r.CreatedAt); held > 0 {
		reversal.Released, entries = held, append(entries, freed)
	}
	entry := journal.TransferReversed(reversal, newLineID)
	if err := PostAll(ctx, tx, s.Book, append(entries, entry)...); err != nil {
		return nil, err
	}
	r.BalanceTransaction = entry.LineID("transfer_refund", r.ID)
	r.DestinationBalanceTransaction = entry.LineID("payment_refund", r.DestinationPaymentRefund)
	t.Version++
	if err := RecordReversals(ctx, tx, []*Transfer{t}, []*Reversal{r}); err != nil {
		return nil, err
	}
	events := make([]event.Event, 0, 2)
	reversed, err := t.ReversedEvent(r.CreatedAt, event.OriginOf(ctx))
	if err != nil {
		return nil, err
	}
	events = append(events, reversed)
	if back != nil {
		back.BalanceTransaction = entry.LineID("application_fee_refund", back.ID)
		if err := RecordFeeRefund(ctx, tx, fee, back); err != nil {
			return nil, err
		}
		refunded, err := fee.RefundedEvent(r.CreatedAt, event.OriginOf(ctx))
		if err != nil {
			return nil, err
		}
		events = append(events, refunded)
	}
	return r, s.events.Append(ctx, tx, events...)
}

func newReversal(t *Transfer, p ReversalParams) (*Reversal, error) {
	amount := t.Reversible()
	if p.Amount != nil {
		amount = *p.Amount
	}
	switch {
	case t.Reversible() == 0:
		return nil, fault.Invalidf("", "", "The transfer %s is already fully reversed.", t.ID)
	case amount < 1:
		return nil, fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > t.Reversible():
		return nil, fault.Invalidf("amount_too_large", "amount", "Reversal amount (%s) is greater than unreversed amount on transfer (%s).",
			money.New(amount, t.Currency), money.New(t.Reversible(), t.Currency))
	}
	meta, err := p.Metadata.Apply(nil)
	return &Reversal{
		ID: id.New("trr"), Transfer: t.ID, Amount: amount, Currency: t.Currency,
		DestinationPaymentRefund: id.New("pyr"), Metadata: meta,
	}, err
}

// feeBack is the part of the transfer's application fee that a reversal returns, or nil.
func (s *TransferService) feeBack(ctx context.Context, tx bun.Tx, t *Transfer, r *Reversal, wanted bool) (*ApplicationFee, *FeeRefund, error) {
	if !wanted {
		return nil, nil, nil
	}
	if t.ApplicationFee == "" {
		return nil, nil, fault.Invalidf("parameter_invalid", "refund_application_fee", "Attempting to refund_application_fee on transfer %s, but it has no application fee", t.ID)
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
