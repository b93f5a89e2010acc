package cardsim

import (
	"context"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
)

// Config says how the sandbox behaves; zero values are sensible.
type Config struct {
	Fees processor.FeeSchedule // default processor.SandboxFees
	// Delay is how long what is not decided at once takes, in the clock's time; default one minute.
	Delay time.Duration
	// ActionURL is where payers authenticate; the payment's reference is appended.
	ActionURL string
	Batches   db.CommitterConfig // of authorizations
}

// Sim is the sandbox processor.
type Sim struct {
	cfg   Config
	pool  *bun.DB
	clock clock.Clock
	// authorizations commit together: one transaction for as many as are waiting.
	authorizations *db.Committer[*authorization]
}

var _ processor.Processor = (*Sim)(nil)

// New opens the sandbox on a pool of its own; its clock is the world clock. Close ends it.
func New(pool *bun.DB, world clock.Clock, cfg Config) *Sim {
	if cfg.Fees.Percent == 0 && cfg.Fees.Fixed == nil {
		cfg.Fees = processor.SandboxFees()
	}
	if cfg.Delay == 0 {
		cfg.Delay = time.Minute
	}
	s := &Sim{cfg: cfg, pool: pool, clock: world}
	s.authorizations = db.NewCommitter(pool, cfg.Batches, s.bookAll)
	return s
}

// Close answers what is waiting and refuses new authorizations. The pool stays open.
func (s *Sim) Close() { s.authorizations.Close() }

// Name is "cardsim".
func (s *Sim) Name() string { return "cardsim" }

// Capabilities are those of cards: everything. Three-decimal currencies go in
// steps of ten, as card networks settle them with two decimals.
func (s *Sim) Capabilities() processor.Capabilities { return capabilities }

// authorization is one request on its way through the committer, with its outcome.
type authorization struct {
	request processor.AuthorizeRequest
	card    Card
	result  processor.Result
	err     error
}

// Authorize decides by the card. See the package comment for cards that fail in transit.
func (s *Sim) Authorize(ctx context.Context, request processor.AuthorizeRequest) (processor.Result, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.Result{}, err
	}
	if request.Reference == "" {
		return processor.Result{}, fault.Missing("reference")
	}
	if err := capabilities.CheckCharge(request.Amount, request.Capture); err != nil {
		return processor.Result{}, err
	}
	card, known := ByHandle(request.Method)
	if !known {
		return processor.Result{}, fault.Invalidf("resource_missing", "payment_method", "The sandbox knows no such card.")
	}
	item := &authorization{request: request, card: card}
	if err := s.authorizations.Do(ctx, item); err != nil {
		if fault.Is(err, fault.Unavailable) {
			return processor.Result{}, err // never queued
		}
		return unanswered(ctx, "authorize", err), nil
	}
	return item.result, item.err
}

// Capture takes reserved money once.
func (s *Sim) Capture(ctx context.Context, request processor.CaptureRequest) (processor.Result, error) {
	return s.change(ctx, request.Reference, func(p *payment) (processor.Result, error) {
		switch {
		case p == nil || p.status == lost:
			return processor.Result{Status: processor.Absent}, nil
		case p.captured > 0 && p.captured == request.Amount.Minor && p.amount.Currency == request.Amount.Currency && !p.capture:
			return s.result(*p), nil
		case p.captured > 0 || p.status != processor.Succeeded:
			return processor.Result{}, unexpected(*p)
		}
		if err := capabilities.CheckCapture(p.amount, request.Amount); err != nil {
			return processor.Result{}, err
		}
		if err := s.take(p, request.Amount.Minor); err != nil {
			return processor.Result{}, err
		}
		if p.card.behavior.fault == faultCaptureTimeout {
			return processor.Result{Status: processor.Unknown}, nil
		}
		return s.result(*p), nil
	})
}

// Void releases reserved money and closes references never seen.
func (s *Sim) Void(ctx context.Context, reference string) (processor.Result, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.Result{}, err
	}
	if err := s.closeUnseen(ctx, reference); err != nil {
		return unanswered(ctx, "void", err), nil
	}
	return s.change(ctx, reference, func(p *payment) (processor.Result, error) {
		switch {
		case p.captured > 0:
			return processor.Result{}, unexpected(*p)
		case p.status != processor.Failed:
			p.status, p.resolvesAt, p.resolvesTo = processor.Voided, time.Time{}, ""
		}
		return s.result(*p), nil
	})
}

// CompleteAction is the payer's side: they authenticate at their bank, or fail
// to. A payment that is not waiting for its payer is left as it is.
func (s *Sim) CompleteAction(ctx context.Context, reference string, authenticated bool) (processor.Result, error) {
	return s.change(ctx, reference, func(p *payment) (processor.Result, error) {
		switch {
		case p == nil || p.status == lost:
			return processor.Result{Status: processor.Absent}, nil
		case p.status != processor.RequiresAction:
			return s.result(*p), nil
		case !authenticated || p.card.behavior.secure == secureError:
			p.fail(authenticationFailed)
		default:
			p.secured = true
			if err := s.conclude(p); err != nil {
				return processor.Result{}, err
			}
		}
		return s.result(*p), nil
	})
}

// Lookup is the present state of a payment.
func (s *Sim) Lookup(ctx context.Context, reference string) (processor.Result, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.Result{}, err
	}
	p, err := findPayment(ctx, s.pool, reference)
	if err != nil {
		return unanswered(ctx, "lookup", err), nil
	}
	if p == nil {
		return processor.Result{Status: processor.Absent}, nil
	}
	if !p.due(s.clock.Now()) {
		return s.result(*p), nil
	}
	return s.change(ctx, reference, func(p *payment) (processor.Result, error) { return s.result(*p), nil })
}

// unanswered is the result of a call whose end is not certain, with a line for
// the operator: the port has no place for causes.
func unanswered(ctx context.Context, call string, err error) processor.Result {
	slog.WarnContext(ctx, "the sandbox processor gave no answer", "call", call, "error", err)
	return processor.Result{Status: processor.Unknown}
}

// unansweredRefund is unanswered for refunds.
func unansweredRefund(ctx context.Context, call string, err error) processor.RefundResult {
	slog.WarnContext(ctx, "the sandbox processor gave no answer", "call", call, "error", err)
	return processor.RefundResult{Status: processor.RefundUnknown}
}
