package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// confirmRefund asks the processor about a booked refund whose end is open and
// settles what it hears.
func (s *Service) confirmRefund(ctx context.Context, r *Refund) (settled bool, err error) {
	port, err := s.processor(r.Livemode)
	if err != nil {
		return false, err
	}
	result, err := port.LookupRefund(ctx, r.ID)
	if err != nil {
		return false, err
	}
	switch {
	case result.Status == processor.RefundAbsent:
		return false, fmt.Errorf("the processor does not know booked refund %s", r.ID) // a person must look
	case result.Status == processor.RefundPending, result.Status == processor.RefundUnknown, result.Provisional && r.Status == RefundSucceeded:
		return false, nil
	}
	err = db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		found, err := lockRefundWithCharge(ctx, tx, r.ID)
		if err != nil || !found.refund.Unconfirmed {
			return err
		}
		at := s.Clocks.For(r.Livemode).Now()
		if result.Status == processor.RefundFailed {
			return s.bookFailure(ctx, tx, found.refund, found.charge, result.FailureReason, at)
		}
		return s.noteSuccess(ctx, tx, found.refund, result.Provisional, at)
	})
	return err == nil && !result.Provisional, err
}

// noteSuccess tells that a booked refund has reached the payer; the money has moved before.
func (s *Service) noteSuccess(ctx context.Context, tx bun.Tx, r *Refund, provisional bool, at time.Time) error {
	told, before := r.Status == RefundSucceeded, RefundWire(r)
	r.Status, r.Unconfirmed = RefundSucceeded, provisional
	if told {
		return updateRefund(ctx, tx, r)
	}
	r.Version++
	if err := updateRefund(ctx, tx, r); err != nil {
		return err
	}
	var b eventBatch
	b.updated(before, r, at, event.OriginOf(ctx))
	if b.err != nil {
		return b.err
	}
	return s.events.Append(ctx, tx, b.events...)
}

// bookFailure brings the money of a booked refund back to the account that paid
// it. The charge may be refunded again.
func (s *Service) bookFailure(ctx context.Context, tx bun.Tx, r *Refund, c *Charge, reason string, at time.Time) error {
	entry := journal.RefundFailed(journal.FailedRefund{
		ID: r.ID, Livemode: c.Livemode, Owner: c.Account, Platform: c.Platform, Amount: money.New(r.Amount, r.Currency),
		At: at, MaturesOn: c.MaturesOn,
	}, newLineID)
	if err := connect.PostOne(ctx, tx, s.Book, entry); err != nil {
		return err
	}
	if reason == "" {
		reason = "unknown"
	}
	r.Status, r.Unconfirmed, r.FailureReason = RefundFailed, false, reason
	r.FailureBalanceTransaction = entry.LineID("refund_failure", r.ID)
	r.Version++
	before := ChargeWire(c)
	c.AmountRefunded -= r.Amount
	c.Version++
	if err := chargeTable.Update(ctx, tx, []*Charge{c}, "amount_refunded", "version"); err != nil {
		return err
	}
	if err := updateRefund(ctx, tx, r); err != nil {
		return err
	}
	var b eventBatch
	b.refund("refund.failed", r, at, event.OriginOf(ctx))
	b.changed("charge.updated", before, c, at, event.OriginOf(ctx))
	if b.err != nil {
		return b.err
	}
	return s.events.Append(ctx, tx, b.events...)
}

// CancelRefund refuses: money on its way to a card cannot be called back. (Only
// refunds that wait for the payer's instructions can be canceled, and cards need none.)
func (s *Service) CancelRefund(ctx context.Context, idb bun.IDB, scope tenant.Scope, refund string) error {
	r, err := s.GetRefund(ctx, idb, scope, refund)
	if err != nil {
		return err
	}
	return fault.Invalidf("", "", "Refund %s cannot be canceled: its status is %s, and only refunds with the status requires_action can be canceled.", r.ID, r.Status)
}
