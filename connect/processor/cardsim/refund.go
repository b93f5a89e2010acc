package cardsim

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// refund is one refund as the sandbox knows it.
type refund struct {
	reference     string
	payment       string
	amount        money.Amount
	status        processor.RefundStatus
	failureReason string
	resolvesAt    time.Time
	resolvesTo    processor.RefundStatus
	createdAt     time.Time
}

// Refund gives captured money back, as often as something is left.
func (s *Sim) Refund(ctx context.Context, request processor.RefundRequest) (processor.RefundResult, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.RefundResult{}, err
	}
	if request.Reference == "" {
		return processor.RefundResult{}, fault.Missing("reference")
	}
	var result processor.RefundResult
	err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		var err error
		result, err = s.refund(ctx, tx, request, s.clock.Now())
		return err
	})
	if fault.As(err) != nil {
		return processor.RefundResult{}, err
	}
	if err != nil {
		return unansweredRefund(ctx, "refund", err), nil
	}
	return result, nil
}

// LookupRefund is the present state of a refund.
func (s *Sim) LookupRefund(ctx context.Context, reference string) (processor.RefundResult, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.RefundResult{}, err
	}
	r, err := findRefund(ctx, s.pool, reference)
	if err != nil {
		return unansweredRefund(ctx, "lookup refund", err), nil
	}
	if r == nil {
		return processor.RefundResult{Status: processor.RefundAbsent}, nil
	}
	now := s.clock.Now()
	if r.due(now) {
		if err := s.bookDue(ctx, r.payment, now); err != nil {
			return unansweredRefund(ctx, "lookup refund", err), nil
		}
	}
	r.resolve(now)
	return r.result(), nil
}

// bookDue writes down what has become of a payment's waiting refunds.
func (s *Sim) bookDue(ctx context.Context, payment string, now time.Time) error {
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p, err := lockPayment(ctx, tx, payment)
		if err != nil {
			return err
		}
		if err := resolveRefunds(ctx, tx, p, now); err != nil {
			return err
		}
		return updatePayment(ctx, tx, *p)
	})
}

// refund books one refund under the lock of its payment's row.
func (s *Sim) refund(ctx context.Context, tx bun.Tx, request processor.RefundRequest, now time.Time) (processor.RefundResult, error) {
	p, err := lockPayment(ctx, tx, request.Payment)
	if err != nil {
		return processor.RefundResult{}, err
	}
	if p == nil || p.status == lost {
		return processor.RefundResult{}, fault.Invalidf("resource_missing", "charge", "The sandbox knows no such payment.")
	}
	if err := s.resolve(p, now); err != nil {
		return processor.RefundResult{}, err
	}
	earlier, err := findRefund(ctx, tx, request.Reference)
	if err != nil {
		return processor.RefundResult{}, err
	}
	if earlier != nil {
		if earlier.payment != request.Payment || earlier.amount != request.Amount {
			return processor.RefundResult{}, reused(request.Reference)
		}
		earlier.resolve(now)
		return earlier.result(), nil
	}
	if err := resolveRefunds(ctx, tx, p, now); err != nil {
		return processor.RefundResult{}, err
	}
	if err := checkRefund(*p, request.Amount); err != nil {
		return processor.RefundResult{}, err
	}
	r := s.newRefund(*p, request, now)
	p.refunded += request.Amount.Minor
	if err := errors.Join(insertRefund(ctx, tx, r), updatePayment(ctx, tx, *p)); err != nil {
		return processor.RefundResult{}, err
	}
	if p.card.behavior.refund == refundIsNoReply {
		return processor.RefundResult{Status: processor.RefundUnknown}, nil
	}
	return r.result(), nil
}

func (s *Sim) newRefund(p payment, request processor.RefundRequest, now time.Time) refund {
	r := refund{reference: request.Reference, payment: p.reference, amount: request.Amount, status: processor.RefundSucceeded, createdAt: now}
	switch p.card.behavior.refund {
	case refundPends:
		r.status, r.resolvesTo, r.resolvesAt = processor.RefundPending, processor.RefundSucceeded, now.Add(s.cfg.Delay)
	case refundBounces:
		r.resolvesTo, r.resolvesAt = processor.RefundFailed, now.Add(s.cfg.Delay)
	}
	return r
}

func checkRefund(p payment, amount money.Amount) error {
	if p.captured == 0 {
		return fault.Invalidf("charge_not_refundable", "charge", "The payment %s has not been captured.", p.reference)
	}
	if err := capabilities.CheckRefund(money.New(p.captured, p.amount.Currency), amount); err != nil {
		return err
	}
	if left := money.New(p.captured-p.refunded, p.amount.Currency); amount.Minor > left.Minor {
		return fault.Invalidf("amount_too_large", "amount", "Refund amount (%s) is greater than unrefunded amount on payment (%s).", amount, left)
	}
	return nil
}

// due reports whether a waiting refund is decided by now.
func (r refund) due(now time.Time) bool { return !r.resolvesAt.IsZero() && !now.Before(r.resolvesAt) }

// resolve brings a waiting refund to where it is at now.
func (r *refund) resolve(now time.Time) {
	if !r.due(now) {
		return
	}
	r.status, r.resolvesTo, r.resolvesAt = r.resolvesTo, "", time.Time{}
	if r.status == processor.RefundFailed {
		r.failureReason = "expired_or_canceled_card"
	}
}

func (r refund) result() processor.RefundResult {
	return processor.RefundResult{
		Status: r.status, ProcessorReference: "sim_" + digest("refund", r.reference), Amount: r.amount, FailureReason: r.failureReason,
		Provisional: r.status == processor.RefundSucceeded && !r.resolvesAt.IsZero(),
	}
}
