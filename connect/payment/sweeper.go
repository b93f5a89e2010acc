package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
)

// patience is how long an operation may be under way before the sweeper asks
// about it; its own request is then surely gone or waiting in vain.
const patience = 30 * time.Second

// sweepLimit bounds what is read at a time.
const sweepLimit = 500

// A payer who has not come back is asked about for recentAction; the attempt of
// one who has not acted by lastAction is closed, so that it cannot succeed unseen.
const (
	recentAction = time.Hour
	lastAction   = 24 * time.Hour
)

// Sweeper finishes what a crash or an unknown outcome has left open. It asks
// the processor by the same reference and settles what it hears: it never
// repeats a payment and never guesses.
type Sweeper struct {
	*Service
	// Answer makes the answer to a request that nobody waits for any more, to be
	// saved for its idempotency key. Internal errors come back as error.
	Answer func(object any, failure error) (idempotency.Response, error)
}

// Sweep resolves operations begun more than half a minute ago. At start-up, when
// no request of this process can be under way, pass zero to resolve all.
func (w *Sweeper) Sweep(ctx context.Context, age time.Duration) (resolved int, err error) {
	var errs []error
	for _, sweep := range []func(context.Context, time.Duration) (int, error){
		w.sweepCharges, w.sweepActions, w.sweepCaptures, w.sweepRefunds, w.sweepUnconfirmed,
	} {
		n, err := sweep(ctx, age)
		resolved += n
		errs = append(errs, err)
	}
	return resolved, errors.Join(errs...)
}

// SweepOld is Sweep for a running system.
func (w *Sweeper) SweepOld(ctx context.Context) error {
	_, err := w.Sweep(ctx, patience)
	return err
}

// sweepCharges reads page after page: many payments that stay undecided must not hide a later one.
func (w *Sweeper) sweepCharges(ctx context.Context, age time.Duration) (resolved int, err error) {
	before := clockOfClaims.Now().Add(-age)
	var errs []error
	for last := (*Charge)(nil); ; {
		open, err := chargesOpen(ctx, w.Pool, before, last, sweepLimit)
		if err != nil {
			return resolved, errors.Join(append(errs, err)...)
		}
		done, err := w.resolveCharges(ctx, open)
		resolved += done
		errs = append(errs, err)
		if len(open) < sweepLimit {
			return resolved, errors.Join(errs...)
		}
		last = open[len(open)-1]
	}
}

// sweepers is how many charges are asked about at once, so that their
// settlements share commits.
const sweepers = 16

func (w *Sweeper) resolveCharges(ctx context.Context, open []*Charge) (resolved int, err error) {
	dones, errs := make([]bool, len(open)), make([]error, len(open))
	turns := make(chan struct{}, sweepers)
	var asked sync.WaitGroup
	for i, c := range open {
		turns <- struct{}{}
		asked.Go(func() {
			defer func() { <-turns }()
			if dones[i], errs[i] = w.resolveCharge(ctx, c); errs[i] != nil {
				errs[i] = fmt.Errorf("resolve %s: %w", c.ID, errs[i])
			}
		})
	}
	asked.Wait()
	for _, done := range dones {
		if done {
			resolved++
		}
	}
	return resolved, errors.Join(errs...)
}

// sweepActions settles what payers did at their bank without coming back to us,
// and closes attempts whose payer never came.
func (w *Sweeper) sweepActions(ctx context.Context, age time.Duration) (resolved int, err error) {
	now := clockOfClaims.Now()
	recent, err := chargesWaiting(ctx, w.Pool, now.Add(-recentAction), now.Add(-age), sweepLimit)
	if err != nil {
		return 0, err
	}
	late, err := chargesWaiting(ctx, w.Pool, time.Time{}, now.Add(-lastAction), sweepLimit)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, c := range late {
		if port, err := w.processor(c.Livemode); err != nil {
			errs = append(errs, err)
		} else if _, err := port.Void(ctx, c.ID); err != nil && !refused(err) {
			errs = append(errs, fmt.Errorf("close %s: %w", c.ID, err))
		}
	}
	for _, c := range append(recent, late...) {
		_, err := w.ResolveAction(ctx, c.ID)
		if fault.Is(err, fault.Declined) {
			err = nil // settled: the payer failed to authenticate, or was refused then
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("resolve %s: %w", c.ID, err))
			continue
		}
		resolved++
	}
	return resolved, errors.Join(errs...)
}

func (w *Sweeper) resolveCharge(ctx context.Context, c *Charge) (bool, error) {
	port, err := w.processor(c.Livemode)
	if err != nil {
		return false, err
	}
	result, err := port.Lookup(ctx, c.ID)
	if err != nil {
		return false, err
	}
	if result.Status == processor.Absent && port.Capabilities().ClosesUnseen {
		// What arrives between the look and the closing has won: look again.
		if result, err = port.Void(ctx, c.ID); refused(err) {
			result, err = port.Lookup(ctx, c.ID)
		}
		if err != nil {
			return false, err
		}
	}
	switch result.Status {
	case processor.Unknown, processor.Processing, processor.Absent:
		return false, nil
	case processor.Succeeded, processor.Failed, processor.Voided, processor.RequiresAction:
	}
	owner, err := w.Accounts.Lookup(ctx, c.Scope(), c.Account)
	if err != nil {
		return false, err
	}
	origin, err := w.origin(ctx, c.Claim)
	if err != nil {
		return false, err
	}
	item := &settlement{
		charge: c.ID, intent: c.PaymentIntent, result: result, claim: w.orphan(c.Claim), origin: origin,
		at: w.Clocks.For(c.Livemode).Now(), delayDays: owner.DelayDays,
	}
	return true, w.settles.Do(ctx, item)
}

// sweepCaptures reads page after page, as sweepCharges does.
func (w *Sweeper) sweepCaptures(ctx context.Context, age time.Duration) (resolved int, err error) {
	before := clockOfClaims.Now().Add(-age)
	var errs []error
	for last := (*capture)(nil); ; {
		open, err := capturesOpen(ctx, w.Pool, before, last, sweepLimit)
		if err != nil {
			return resolved, errors.Join(append(errs, err)...)
		}
		done, err := w.resolveCaptures(ctx, open)
		resolved += done
		errs = append(errs, err)
		if len(open) < sweepLimit {
			return resolved, errors.Join(errs...)
		}
		last = open[len(open)-1]
	}
}

func (w *Sweeper) resolveCaptures(ctx context.Context, open []*capture) (resolved int, err error) {
	var errs []error
	for _, job := range open {
		row, err := w.chargeByID(ctx, job.Charge)
		if err == nil {
			var result processor.Result
			// Capture and Void are idempotent by the charge: asking again is looking up.
			if result, err = w.askFinish(ctx, row.Livemode, job); err == nil {
				err = w.onBehalf(ctx, job.Claim, func(ctx context.Context) error {
					_, err := w.settleFinish(ctx, job, result, w.orphan(job.Claim))
					return err
				})
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("resolve %s of %s: %w", job.Kind, job.Charge, err))
			continue
		}
		resolved++
	}
	return resolved, errors.Join(errs...)
}

// sweepRefunds reads page after page, as sweepCharges does.
func (w *Sweeper) sweepRefunds(ctx context.Context, age time.Duration) (resolved int, err error) {
	before := clockOfClaims.Now().Add(-age)
	var errs []error
	for last := (*Refund)(nil); ; {
		open, err := refundsOpen(ctx, w.Pool, before, last, sweepLimit)
		if err != nil {
			return resolved, errors.Join(append(errs, err)...)
		}
		done, err := w.resolveRefunds(ctx, open)
		resolved += done
		errs = append(errs, err)
		if len(open) < sweepLimit {
			return resolved, errors.Join(errs...)
		}
		last = open[len(open)-1]
	}
}

func (w *Sweeper) resolveRefunds(ctx context.Context, open []*Refund) (resolved int, err error) {
	var errs []error
	for _, r := range open {
		// A refund is idempotent by its own id: a repeated request finds the first
		// one, or makes the one that never arrived, which its caller still wants.
		result, err := w.askRefund(ctx, r, r.Charge)
		if err == nil {
			err = w.onBehalf(ctx, r.Claim, func(ctx context.Context) error {
				_, _, err := w.settleRefund(ctx, r.ID, result, w.orphan(r.Claim))
				return err
			})
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("resolve %s: %w", r.ID, err))
		case result.Status != processor.RefundUnknown:
			resolved++
		}
	}
	return resolved, errors.Join(errs...)
}

// sweepUnconfirmed asks about refunds whose end the payer's bank still decides,
// page after page: many that stay undecided must not hide a later one.
func (w *Sweeper) sweepUnconfirmed(ctx context.Context, _ time.Duration) (resolved int, err error) {
	var errs []error
	for last := ""; ; {
		open, err := refundsUnconfirmed(ctx, w.Pool, last, sweepLimit)
		if err != nil {
			return resolved, errors.Join(append(errs, err)...)
		}
		for _, r := range open {
			done, err := w.confirmRefund(ctx, r)
			if err != nil {
				errs = append(errs, fmt.Errorf("confirm %s: %w", r.ID, err))
			}
			if done {
				resolved++
			}
		}
		if len(open) < sweepLimit {
			return resolved, errors.Join(errs...)
		}
		last = open[len(open)-1].ID
	}
}

// orphan is the claim of a request that is gone.
func (w *Sweeper) orphan(hash []byte) *idempotency.Claim {
	if len(hash) != 16 {
		return nil
	}
	return &idempotency.Claim{Hash: [16]byte(hash), Render: renderOrphan(w.Answer)}
}

// origin is the request behind an orphaned claim: events still tell who caused
// them. Its key is not known any more, only the hash of it; without a key there is
// no claim, and nothing is known.
func (w *Sweeper) origin(ctx context.Context, hash []byte) (event.Origin, error) {
	if len(hash) != 16 {
		return event.Origin{}, nil
	}
	request, err := w.Keys.RequestID(ctx, w.Pool, [16]byte(hash))
	return event.Origin{RequestID: request}, err
}

// onBehalf does what the request of an orphaned claim would have done.
func (w *Sweeper) onBehalf(ctx context.Context, hash []byte, do func(context.Context) error) error {
	origin, err := w.origin(ctx, hash)
	if err != nil {
		return err
	}
	return do(event.WithOrigin(ctx, origin))
}

func renderOrphan(answer func(any, error) (idempotency.Response, error)) func(context.Context, bun.IDB, any, error) (idempotency.Response, error) {
	return func(_ context.Context, _ bun.IDB, object any, failure error) (idempotency.Response, error) {
		return answer(object, failure)
	}
}
