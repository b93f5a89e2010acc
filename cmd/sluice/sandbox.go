package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// worldRoutes read and move the sandbox's clock: everything with a date follows,
// charges, maturity, payouts and the sandbox bank.
func (a *App) worldRoutes() []rest.Route {
	const path = "/v1/test_helpers/world_clock"
	return []rest.Route{
		{Method: "GET", Path: path, Resource: "test_helpers", Handler: a.server.Read(a.showWorld)},
		{Method: "POST", Path: path + "/advance", Resource: "test_helpers", Handler: a.server.Read(a.advanceWorld)},
	}
}

func (a *App) showWorld(_ context.Context, r *rest.Request) (any, error) {
	if err := sandboxOnly(r); err != nil {
		return nil, err
	}
	return a.worldClock(), r.Decode(&struct{}{})
}

func (a *App) worldClock() wire.WorldClock {
	now := a.clocks.Test.Now()
	return wire.WorldClock{Object: "world_clock", Now: now.Unix(), AheadSeconds: int64(time.Until(now).Round(time.Second) / time.Second)}
}

func sandboxOnly(r *rest.Request) error {
	if r.Scope.Livemode {
		return fault.Invalidf("testmode_only", "", "Live time moves by itself. Use a test key.")
	}
	return nil
}

func (a *App) advanceWorld(ctx context.Context, r *rest.Request) (any, error) {
	if err := sandboxOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		Duration string `form:"duration,required"` // "2d", "36h", "90m", "1d12h"
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	d, err := parseSpan(p.Duration)
	if err != nil {
		return nil, fault.Invalidf("parameter_invalid", "duration", "Invalid duration %q: use days, hours and minutes such as 2d, 36h or 1d12h.", p.Duration)
	}
	// What falls due now is not this request's doing: payouts of other platforms are among it.
	if err := a.advance(event.WithOrigin(context.WithoutCancel(ctx), event.Origin{}), d); err != nil {
		return nil, err
	}
	return a.worldClock(), nil
}

// bankHour is how long after midnight the sandbox bank has paid the day's payouts.
const bankHour = time.Hour

// advance moves the sandbox to now + d, stopping wherever something falls due:
// at each UTC midnight funds mature and the day's payouts are made, an hour
// later the bank has paid them. At every stop the world waits until the events
// it caused have arrived, so that the order of things is that of real days.
func (a *App) advance(ctx context.Context, d time.Duration) error {
	end := a.clocks.Test.Now().Add(d)
	for a.clocks.Test.Now().Before(end) {
		now := a.clocks.Test.Now()
		stop := now.Truncate(24 * time.Hour).Add(bankHour)
		if !stop.After(now) {
			stop = now.Truncate(24*time.Hour).AddDate(0, 0, 1)
		}
		if stop.After(end) {
			stop = end
		}
		if _, err := a.world.Advance(ctx, stop.Sub(now)); err != nil {
			return err
		}
		if err := a.stop(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stop does what is due at one moment of the sandbox.
func (a *App) stop(ctx context.Context) error {
	if _, err := a.mature(ctx, false); err != nil {
		return err
	}
	if err := a.reserve(ctx, false); err != nil {
		return err
	}
	if err := a.quiet(ctx); err != nil {
		return err
	}
	return errors.Join(a.pay(ctx, false), a.collect(ctx, false))
}

// patience is how long the sandbox waits for its events to arrive.
const patience = 15 * time.Second

// quiet waits until the payouts room has heard of everything that concerns it.
func (a *App) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a.relay.Wake()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		behind, err := event.Behind(ctx, a.pool, payouts.IntakeConsumer, payouts.IntakeTypes)
		if err == nil && behind == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return &fault.Error{Kind: fault.Unavailable, Message: "The sandbox's events are not arriving: is Kafka up, and do processes with the roles relay and payouts run?", Err: fmt.Errorf("%d events behind: %w", behind, ctx.Err())}
		case <-tick.C:
		}
	}
}
