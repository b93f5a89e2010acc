package main

// Every subscription on one screen: who hears of what.

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/run"
)

// surroundings are what readers of the catalogue are told about this installation.
func (a *App) surroundings() catalogue.Surroundings {
	return catalogue.Surroundings{BaseURL: a.cfg.BaseURL, Topic: bus.Events}
}

// subscribe starts the consumer groups of this process's roles, and makes their topic.
func (a *App) subscribe(group *run.Group) {
	if a.cfg.Roles.Has(RoleWebhooks) || a.cfg.Roles.Has(RolePayouts) {
		group.Go("topics", func(ctx context.Context) error { a.awaitTopics(ctx); return nil })
	}
	if a.cfg.Roles.Has(RoleWebhooks) {
		a.consume(group, bus.Subscription{Group: webhook.Consumer, Effect: a.notified})
	}
	if a.cfg.Roles.Has(RolePayouts) {
		a.consume(group, bus.Subscription{Group: payouts.IntakeConsumer, Types: payouts.IntakeTypes, Effect: a.intake.Effect})
	}
}

// consume does not wait for the broker: parked events are tried again without it.
func (a *App) consume(group *run.Group, s bus.Subscription) {
	s.Topic = bus.Events
	group.Go(s.Group, func(ctx context.Context) error { return a.bus.Subscribe(ctx, s) })
}

// notified hands events to the webhooks.
func (a *App) notified(ctx context.Context, tx bun.Tx, batch []bus.Message) (committed func(), err error) {
	events := make([]webhook.Incoming, len(batch))
	for i, m := range batch {
		events[i] = webhook.Incoming{
			ID: m.EventID, Type: m.Type, Account: m.Key, Platform: m.Platform, Livemode: m.Livemode,
			ObjectID: m.Subject, ObjectVersion: m.ObjectVersion, Envelope: m.Value,
		}
	}
	wrote, err := a.notify.Effect(ctx, tx, events)
	if wrote == nil {
		return nil, err
	}
	return func() { wrote(); a.listen.Wake() }, err
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
