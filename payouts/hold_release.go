package payouts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ReleaseHold ends a hold by hand. What no other hold stops may leave again.
func (s *Service) ReleaseHold(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, hold string) (*Hold, error) {
	h, err := s.releaseHold(ctx, tx, scope, actor, hold)
	if err == nil && h == nil {
		return nil, fault.Invalidf("payout_hold_released", "", "The hold %s was released already.", hold)
	}
	return h, err
}

// releaseHold is nil if somebody else has released it.
func (s *Service) releaseHold(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, hold string) (*Hold, error) {
	seen, err := findHold(ctx, tx, scope, hold, false)
	if err != nil {
		return nil, err
	}
	freed, err := stoppedBy(ctx, tx, seen) // before the hold's row, as when it was made
	if err != nil {
		return nil, err
	}
	h, err := findHold(ctx, tx, scope, hold, true)
	if err != nil || !h.ReleasedAt.IsZero() {
		return nil, err
	}
	now := s.cfg.Clocks.For(h.Livemode).Now()
	h.ReleasedAt, h.ReleasedBy = now, actor
	h.Version++
	if err := saveHold(ctx, tx, h); err != nil {
		return nil, err
	}
	if err := s.letGo(ctx, tx, freed, now); err != nil {
		return nil, err
	}
	return h, s.tellHold(ctx, tx, h, "payout_hold.released", now)
}

// letGo unmarks those of locked payouts that no hold stops any more.
func (s *Service) letGo(ctx context.Context, tx bun.Tx, payouts []*Payout, now time.Time) error {
	still, err := stillHeld(ctx, tx, payouts)
	if err != nil {
		return err
	}
	for _, p := range payouts {
		if !p.Held || still[p.ID] {
			continue
		}
		p.Held = false
		if err := s.catchUp(ctx, tx, p, now); err != nil {
			return err
		}
		if err := s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"on_hold": true}); err != nil {
			return err
		}
	}
	return nil
}

// catchUp moves the day of arrival of a payout that had to wait to the first on which
// its bank still can carry it out.
func (s *Service) catchUp(ctx context.Context, idb bun.IDB, p *Payout, now time.Time) error {
	found, ok := s.cfg.Rails.For(p.Livemode).Named(p.Rail)
	if p.Status != Pending || !ok {
		return nil
	}
	way, days := found.Capabilities(), calendar.Days(calendar.Every)
	if p.Method == Instant {
		way.CutOff = 0
	} else {
		var err error
		if days, err = s.Days(ctx, idb, p.Platform, p.Livemode, way.Calendar); err != nil {
			return err
		}
	}
	if first := executes(way, days, later(now, p.SendAfter)); p.ArrivalDate.Before(first) {
		p.ArrivalDate = first
	}
	return nil
}

// ReleaseHolds ends the holds of a mode whose time is over and returns how many:
// at their time if the bank works on that day, else when its next business day
// begins. One that fails does not hold back the others. Any number of processes
// may do it at once.
func (s *Service) ReleaseHolds(ctx context.Context, livemode bool, now time.Time) (released int, err error) {
	var errs []error
	for after := ""; ; {
		over, err := holdsOver(ctx, s.pool, livemode, now, after)
		if err != nil {
			return released, errors.Join(append(errs, err)...)
		}
		for _, h := range over {
			after = h.ID
			ok, err := s.expire(ctx, h, now)
			if err != nil {
				errs = append(errs, fmt.Errorf("release hold %s: %w", h.ID, err))
			}
			if ok {
				released++
			}
			if ctx.Err() != nil {
				return released, errors.Join(errs...)
			}
		}
		if len(over) < batch {
			return released, errors.Join(errs...)
		}
	}
}

func (s *Service) expire(ctx context.Context, h *Hold, now time.Time) (released bool, err error) {
	rails, err := s.railsOf(ctx, h)
	if err != nil {
		return false, err
	}
	for _, way := range rails {
		if now.Before(opens(way, h.ExpiresAt)) {
			return false, nil
		}
	}
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		done, err := s.releaseHold(ctx, tx, tenant.Scope{Platform: h.Platform, Account: h.Platform, Livemode: h.Livemode}, ByExpiry, h.ID)
		released = done != nil
		return err
	})
	return released && err == nil, err
}

// railsOf are those that what is held would go over.
func (s *Service) railsOf(ctx context.Context, h *Hold) ([]rail.Capabilities, error) {
	set := s.cfg.Rails.For(h.Livemode)
	scope := tenant.Scope{Platform: h.Platform, Account: h.Account, Livemode: h.Livemode}
	if h.Payout != "" {
		p, err := find(ctx, s.pool, scope, h.Payout, false)
		if err != nil {
			return nil, err
		}
		if way, ok := set.Named(p.Rail); ok {
			return []rail.Capabilities{way.Capabilities()}, nil
		}
		return nil, nil
	}
	payable, err := s.cfg.Accounts.Payable(ctx, s.pool, scope)
	if err != nil && !gone(err) {
		return nil, err
	}
	var ways []rail.Capabilities
	for _, to := range payable.Destinations {
		if way, ok := set.Find(rail.Use{Currency: to.Currency, Country: to.Country}); ok && to.Default {
			ways = append(ways, way.Capabilities())
		}
	}
	return ways, nil
}

// opens is the first moment from at on that lies on a business day of a rail.
func opens(way rail.Capabilities, at time.Time) time.Time {
	window := windowOf(way, builtIn(way))
	window.CutOff = 0
	day := calendar.Of(at, window.Loc)
	if next := window.Executes(at); next != day {
		return window.Opens(next)
	}
	return at
}
