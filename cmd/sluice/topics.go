package main

// Every subscription on one screen: who hears of what.

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/run"
)

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
	s.Topic, s.Session = bus.Events, a.cfg.KafkaSession
	group.Go(s.Group, func(ctx context.Context) error { return a.bus.Subscribe(ctx, s) })
}

// notified hands events to the webhooks, and mails whom they concern.
func (a *App) notified(ctx context.Context, tx bun.Tx, batch []bus.Message) (committed func(), err error) {
	events := make([]webhook.Incoming, len(batch))
	for i, m := range batch {
		events[i] = webhook.Incoming{
			ID: m.EventID, Type: m.Type, Account: m.Key, Platform: m.Platform, Livemode: m.Livemode,
			ObjectID: m.Subject, ObjectVersion: m.ObjectVersion, Envelope: m.Value,
		}
	}
	mails := moneyNotices{a.accounts, a.mails}.of(ctx, tx, batch)
	wrote, err := a.notify.Effect(ctx, tx, events)
	if wrote == nil && len(mails) == 0 {
		return nil, err
	}
	return func() {
		for _, m := range mails {
			a.mails.Post(m)
		}
		if wrote != nil {
			wrote()
			a.listen.Wake()
		}
	}, err
}

// awaitTopics waits for the broker and makes the topics; false when the process
// stops first. The API does not wait: the log keeps every event until then. What
// is in the way is said once, and again when it is something else.
func (a *App) awaitTopics(ctx context.Context) bool {
	const pause = time.Second
	topics := bus.LogTopics(bus.Events)
	topics[0].Partitions, topics[0].Retention = a.cfg.Topic.Partitions, a.cfg.Topic.Retention
	for {
		err := a.bus.EnsureTopics(ctx, topics...)
		if err == nil {
			a.sayOfKafka(ctx, "")
			return true
		}
		if ctx.Err() == nil {
			a.sayOfKafka(ctx, inShort(err))
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// inShort is a sentence that stays the same while the reason does.
func inShort(err error) string {
	var unreachable *bus.Unreachable
	if errors.As(err, &unreachable) {
		return unreachable.Sentence()
	}
	return err.Error()
}

// sayOfKafka logs what is in the way, "" for nothing, if it is news to this process.
func (a *App) sayOfKafka(ctx context.Context, trouble string) {
	before, _ := a.kafkaTrouble.Swap(trouble).(string)
	switch {
	case before == trouble:
	case trouble == "":
		a.log.InfoContext(ctx, "Kafka can be reached now")
	default:
		a.log.ErrorContext(ctx, "events wait in the log until Kafka can be reached", "error", trouble)
	}
}
