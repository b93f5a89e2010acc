package webhook_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/clock"
)

func TestCustomersFaultsNeverEnterTheParking(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	wrong := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	gone := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusGone) })
	urls := []string{wrong.URL, gone.URL, "http://127.0.0.1:1/nobody", "https://no-such-host.invalid/", "https://127.0.0.1:1/"}
	for _, url := range urls {
		p.endpoint(t, hub, all(url))
	}
	p.run(t)

	b := bustest.Open(t, bustest.Brokers(t), p.pool)
	topic := bustest.Topic(t, b, 2)
	bustest.Subscribe(t, b, bus.Subscription{Group: webhook.Consumer, Topic: topic,
		Effect: func(ctx context.Context, tx bun.Tx, batch []bus.Message) (func(), error) {
			events := make([]webhook.Incoming, len(batch))
			for i, m := range batch {
				events[i] = webhook.Incoming{ID: m.EventID, Type: m.Type, Account: m.Key, Platform: m.Platform, ObjectID: m.Subject, Envelope: m.Value}
			}
			return p.subscriber.Effect(ctx, tx, events)
		}})
	const events = 5
	var messages []bus.Message
	for n := range events {
		e := incoming(tutorHub, "charge.succeeded", object(n), 1)
		messages = append(messages, bus.Message{Key: e.Account, EventID: e.ID, Type: e.Type, Subject: e.ObjectID, ObjectVersion: 1, Platform: e.Platform, Time: time.Now(), Value: e.Envelope})
	}
	if _, err := b.Publish(t.Context(), topic, messages); err != nil {
		t.Fatal(err)
	}
	until(t, "every endpoint has failed", func() bool {
		return p.number(t, "SELECT count(DISTINCT endpoint) FROM connect.webhook_attempts WHERE status <> 200") == len(urls)
	})
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_deliveries"); n != len(urls)*events {
		t.Errorf("%d deliveries", n)
	}
	if n := p.number(t, "SELECT count(*) FROM platform.parked_events"); n != 0 {
		t.Errorf("%d events are parked because of what customers did", n)
	}
}
