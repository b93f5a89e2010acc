package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, bustest.SharedDatabase()...) }

func message(key string, version int) bus.Message {
	return bus.Message{
		Key: key, EventID: id.New("evt"), Type: "charge.updated", Subject: "ch_" + key, ObjectVersion: int64(version),
		Platform: "acct_hub", Time: time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC), Value: fmt.Appendf(nil, `{"n":%d}`, version),
	}
}

// diary notes what subscribers were given.
type diary struct {
	mu   sync.Mutex
	all  []bus.Message
	keys map[string][]int64
}

func (d *diary) note(_ context.Context, m bus.Message) error {
	d.noteAll([]bus.Message{m})
	return nil
}

func (d *diary) noteAll(batch []bus.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys == nil {
		d.keys = map[string][]int64{}
	}
	for _, m := range batch {
		d.all = append(d.all, m)
		d.keys[m.Key] = append(d.keys[m.Key], m.ObjectVersion)
	}
}

func (d *diary) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.all)
}

func (d *diary) of(key string) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]int64(nil), d.keys[key]...)
}

func publish(t *testing.T, b *bus.Bus, topic string, messages ...bus.Message) {
	t.Helper()
	if unacked, err := b.Publish(t.Context(), topic, messages); err != nil || len(unacked) > 0 {
		t.Fatalf("publish: %d not acknowledged, %v", len(unacked), err)
	}
}

func TestAMessageArrivesAsItWasSent(t *testing.T) {
	b := bustest.Open(t, bustest.Brokers(t), dbtest.New(t))
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := bustest.Topic(t, b, 3)
	want := message("acct_1", 7)
	want.Livemode = true
	publish(t, b, topic, want)
	var got diary
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("group"), Topic: topic, Effect: bustest.Each(got.note)})
	bustest.Eventually(t, "the message arrives", func() bool { return got.len() == 1 })
	m := got.all[0]
	m.Partition, m.Offset = 0, 0
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

func TestEnsureTopicsLeavesExistingTopicsAlone(t *testing.T) {
	b := bustest.Open(t, bustest.Brokers(t), nil)
	topic := bustest.Topic(t, b, 2)
	if err := b.EnsureTopics(t.Context(), bus.LogTopics(topic)...); err != nil {
		t.Error(err)
	}
}

func TestCheckSaysWhichAddressDoesNotAnswer(t *testing.T) {
	broker := bustest.Start(t)
	broker.Stop()
	b := bustest.Open(t, []string{broker.Addr()}, nil)
	err := b.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no way to the Kafka brokers at "+broker.Addr()+": are they running") {
		t.Errorf("got %v", err)
	}
}

func TestPublishSplitsWhatOneBatchCannotHold(t *testing.T) {
	b := bustest.Open(t, bustest.Brokers(t), dbtest.New(t))
	topic := bustest.Topic(t, b, 2)
	var sent []bus.Message
	for v := range 1200 {
		m := message(fmt.Sprintf("acct_%d", v%7), v)
		if v%100 == 0 {
			m.Value = fmt.Appendf(nil, `"%0700000d"`, v)
		}
		sent = append(sent, m)
	}
	publish(t, b, topic, sent...)
	var got diary
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("group"), Topic: topic, Effect: bustest.Each(got.note)})
	bustest.Eventually(t, "all arrive", func() bool { return got.len() >= len(sent) })
	if got.len() != len(sent) {
		t.Errorf("%d arrived, want %d", got.len(), len(sent))
	}
	for key, versions := range got.keys {
		for i := 1; i < len(versions); i++ {
			if versions[i] <= versions[i-1] {
				t.Fatalf("%s: %d after %d", key, versions[i], versions[i-1])
			}
		}
	}
}

func TestUnacknowledgedMessagesComeBackInOrder(t *testing.T) {
	broker := bustest.Start(t)
	b := bustest.Open(t, []string{broker.Addr()}, nil)
	topic := bustest.Topic(t, b, 1)
	broker.Stop()
	sent := []bus.Message{message("acct_1", 1), message("acct_1", 2)}
	unacked, err := b.Publish(t.Context(), topic, sent)
	if err == nil {
		t.Fatal("a stopped broker acknowledged")
	}
	if diff := cmp.Diff(sent, unacked); diff != "" {
		t.Error(diff)
	}
}

func TestAStoppedSubscriberHandsOverItsPartitions(t *testing.T) {
	brokers := bustest.Brokers(t)
	b := bustest.Open(t, brokers, dbtest.New(t))
	topic, group := bustest.Topic(t, b, 6), bustest.Name("group")
	var first, second diary
	sub := func(d *diary) bus.Subscription {
		return bus.Subscription{Group: group, Topic: topic, Effect: bustest.Each(d.note), Session: 6 * time.Second}
	}
	version := 0
	round := func() {
		version++
		var messages []bus.Message
		for k := range 60 {
			messages = append(messages, message(fmt.Sprintf("acct_%d", k), version))
		}
		publish(t, b, topic, messages...)
	}
	stop := bustest.Subscribe(t, b, sub(&first))
	bustest.Subscribe(t, b, sub(&second))
	bustest.Eventually(t, "both have partitions", func() bool {
		round()
		return first.len() > 0 && second.len() > 0
	})
	stop()
	had := first.len()
	round()
	bustest.Eventually(t, "the other one has everything", func() bool {
		for k := range 60 {
			key := fmt.Sprintf("acct_%d", k)
			if seen := second.of(key); len(seen) == 0 || seen[len(seen)-1] != int64(version) {
				return false
			}
		}
		return true
	})
	if first.len() != had {
		t.Error("a stopped subscriber went on handling")
	}
	for k := range 60 {
		key := fmt.Sprintf("acct_%d", k)
		seen := append(first.of(key), second.of(key)...)
		if len(seen) < version {
			t.Errorf("%s: %v, want 1 to %d", key, seen, version)
		}
	}
}

func TestAPoisonEventIsParkedWithItsKeysSuccessorsWhileOtherKeysFlow(t *testing.T) {
	pool := dbtest.New(t)
	parking := event.NewParking(pool, clock.System{})
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic, group := bustest.Topic(t, b, 1), bustest.Name("group")

	var got, dead diary
	var poisonous atomic.Bool
	poisonous.Store(true)
	sub := bus.Subscription{
		Group: group, Topic: topic, Types: []string{"charge.*"}, Attempts: 2, Backoff: time.Millisecond,
		Effect: func(ctx context.Context, _ bun.Tx, batch []bus.Message) (func(), error) {
			for _, m := range batch {
				switch {
				case poisonous.Load() && m.Key == "acct_bad" && m.ObjectVersion == 2:
					return nil, errors.New("cannot digest this")
				case poisonous.Load() && m.Key == "acct_worse":
					panic("nor this")
				}
			}
			return func() { got.noteAll(batch) }, nil
		},
	}
	stop := bustest.Subscribe(t, b, sub)
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("dead"), Topic: topic + bus.DeadLetters, Effect: bustest.Each(dead.note)})
	unwanted := message("acct_bad", 9)
	unwanted.Type = "payout.paid"
	publish(t, b, topic, message("acct_bad", 1), message("acct_bad", 2), message("acct_good", 1), message("acct_worse", 1),
		message("acct_bad", 3), unwanted, message("acct_good", 2))
	bustest.Eventually(t, "the good key flows", func() bool { return len(got.of("acct_good")) == 2 })
	bustest.Eventually(t, "the dead letters are noted", func() bool { return dead.len() == 2 })
	stop()

	// Another member learns from the database that the key is held.
	publish(t, b, topic, message("acct_bad", 4), message("acct_good", 3))
	bustest.Subscribe(t, b, sub)
	bustest.Eventually(t, "the good key flows", func() bool { return len(got.of("acct_good")) == 3 })
	if diff := cmp.Diff([]int64{1}, got.of("acct_bad")); diff != "" {
		t.Errorf("the held key: %s", diff)
	}
	lines, err := parking.Lines(t.Context(), group, 10)
	if err != nil || len(lines) != 2 || lines[0].Behind != 2 || lines[1].Behind != 0 {
		t.Fatalf("parked %+v, %v; want versions 2, 3 and 4 of one key and one of the other", lines, err)
	}
	if lines[0].Reason != "cannot digest this" || lines[1].Reason != "effect panicked: nor this" {
		t.Errorf("reasons %q, %q", lines[0].Reason, lines[1].Reason)
	}

	poisonous.Store(false)
	if _, err := parking.RequestRetry(t.Context(), group, "acct_bad", "ada@desk"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, topic, message("acct_bad", 5)) // while the line is driven or after it
	bustest.Eventually(t, "the freed key flows", func() bool { return len(got.of("acct_bad")) == 5 })
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5}, got.of("acct_bad")); diff != "" {
		t.Error(diff)
	}
}

func TestASubscriberOutlivesItsBroker(t *testing.T) {
	broker := bustest.Start(t)
	b := bustest.Open(t, []string{broker.Addr()}, dbtest.New(t))
	topic := bustest.Topic(t, b, 2)
	var got diary
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("group"), Topic: topic, Effect: bustest.Each(got.note), Session: 2 * time.Second})
	publish(t, b, topic, message("acct_1", 1))
	bustest.Eventually(t, "it works", func() bool { return got.len() == 1 })
	broker.Stop()
	broker.Start()
	publish(t, b, topic, message("acct_1", 2))
	bustest.Eventually(t, "it works again", func() bool {
		seen := got.of("acct_1")
		return seen[len(seen)-1] == 2
	})
}

func TestASubscriberOfADeadBrokerStopsInTime(t *testing.T) {
	broker := bustest.Start(t)
	b := bustest.Open(t, []string{broker.Addr()}, dbtest.New(t))
	topic := bustest.Topic(t, b, 2)
	var got diary
	stop := bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("group"), Topic: topic, Effect: bustest.Each(got.note)})
	publish(t, b, topic, message("acct_1", 1))
	bustest.Eventually(t, "it works", func() bool { return got.len() == 1 })
	broker.Stop()
	stop()
}
