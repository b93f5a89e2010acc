package main

// Every subscription on one screen: who hears of what.

import (
	"context"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/run"
)

// subscribe starts the consumer groups of this process's roles.
func (a *App) subscribe(group *run.Group) {
	if a.cfg.Roles.Has(RoleWebhooks) {
		a.consume(group, bus.Subscription{Group: "sluice.webhooks", Handle: a.notified})
	}
	if a.cfg.Roles.Has(RolePayouts) {
		a.consume(group, bus.Subscription{Group: "sluice.payouts", Types: payouts.IntakeTypes, Handle: a.intake.Handle})
	}
}

func (a *App) consume(group *run.Group, s bus.Subscription) {
	s.Topic = bus.Events
	group.Go(s.Group, func(ctx context.Context) error {
		if !a.awaitTopics(ctx) {
			return nil
		}
		return a.bus.Subscribe(ctx, s)
	})
}

// notified hands an event to the webhooks.
func (a *App) notified(ctx context.Context, m bus.Message) error {
	return a.notify.Handle(ctx, webhook.Incoming{
		ID: m.EventID, Type: m.Type, Account: m.Key, Platform: m.Platform, Livemode: m.Livemode, Envelope: m.Value,
	})
}

// awaitTopics waits for the broker and makes the topics; false when the process
// stops first. The API does not wait: the log keeps every event until then.
func (a *App) awaitTopics(ctx context.Context) bool {
	const pause = time.Second
	for {
		err := a.bus.EnsureTopics(ctx, bus.LogTopics(bus.Events)...)
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			a.log.WarnContext(ctx, "the broker is not there yet, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}
