package checkout

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

// PrepareExpiry makes sure that a session can expire: its intent, if it has one, is
// canceled. Doing it again changes nothing. Fails with Invalid if the session has
// ended, and with Conflict while its outcome is not known.
func (s *Service) PrepareExpiry(ctx context.Context, scope tenant.Scope, sessionID string) error {
	c, err := s.Get(ctx, s.cfg.Pool, scope, sessionID)
	if err != nil {
		return err
	}
	if c.Status != Open {
		return c.ended()
	}
	err = s.cancelIntent(ctx, c)
	if !underWay(err) {
		return err
	}
	if c, _, err = s.settle(ctx, c.ID); err != nil {
		return err
	}
	if c.Status == Open {
		return errPaying
	}
	return c.ended()
}

// ended refuses to end a session again.
func (s *Session) ended() error {
	return fault.Invalidf("", "session", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", s.Status)
}

// errPaying says that the buyer was faster, and that the outcome is not known yet.
var errPaying = &fault.Error{
	Kind: fault.Conflict, Code: "lock_timeout", Unsaved: true,
	Message: "The buyer is paying this Checkout Session right now. Retrieve it to see the outcome, or try again.",
}

// Expire ends an open session that PrepareExpiry has prepared.
func (s *Service) Expire(ctx context.Context, tx bun.Tx, scope tenant.Scope, sessionID string) (*Session, error) {
	c, err := lockSession(ctx, tx, sessionID)
	if err != nil {
		return nil, err
	}
	if c.Account != scope.Account || c.Livemode != scope.Livemode {
		return nil, fault.NoSuch("checkout.session", sessionID)
	}
	switch c.Status {
	case Complete:
		return nil, c.ended()
	case Expired: // the sweeper has seen that its intent is canceled
		return c, nil
	case Open:
	}
	intent, err := s.intent(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	if intent != nil && intent.Status != payment.Canceled {
		return nil, errPaying
	}
	return c, s.end(ctx, tx, c, Expired, "checkout.session.expired")
}

// cancelIntent cancels the session's intent, if it has one that can be.
func (s *Service) cancelIntent(ctx context.Context, c *Session) error {
	intent, err := s.intent(ctx, s.cfg.Pool, c)
	if err != nil || intent == nil || intent.Status == payment.Canceled {
		return err
	}
	if intent.Status == payment.RequiresCapture {
		return errPaying // a reservation completes the session; settle does it
	}
	// The key of the request that expires the session is not the cancellation's.
	ctx = idempotency.With(ctx, nil)
	_, err = s.cfg.Payments.CancelIntent(ctx, c.Scope(), c.PaymentIntent, payment.CancelParams{CancellationReason: "abandoned"})
	return err
}

// underWay reports whether a cancellation was refused because the payment has
// succeeded, or may be about to.
func underWay(err error) bool {
	f := fault.As(err)
	return f != nil && (f.Code == "payment_intent_unexpected_state" || f.Code == "lock_timeout")
}

// sweepLimit bounds what is read at a time.
const sweepLimit = 200

// Sweep ends sessions whose time is over and sessions that were paid without their
// buyer coming back. It is periodic work.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(s.sweep(ctx, false), s.sweep(ctx, true))
}

func (s *Service) sweep(ctx context.Context, livemode bool) error {
	var errs []error
	for last := ""; ; {
		ids, err := due(ctx, s.cfg.Pool, livemode, s.now(livemode), last, sweepLimit)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, id := range ids {
			if _, _, err := s.look(ctx, id); err != nil {
				errs = append(errs, fmt.Errorf("end %s: %w", id, err))
			}
		}
		if len(ids) < sweepLimit {
			return errors.Join(errs...)
		}
		last = ids[len(ids)-1]
	}
}
