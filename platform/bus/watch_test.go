package bus_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// notebook keeps what is logged.
type notebook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notebook) has(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), what)
}

// logged is a bus that writes into a notebook.
func (w *workbench) logged() (*bus.Bus, *notebook) {
	w.Helper()
	notes := &notebook{}
	b, err := bus.Open(bus.Config{Brokers: []string{w.broker.Addr()}, Pool: w.pool, Log: slog.New(slog.NewTextHandler(notes, nil))})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = b.Close() })
	return b, notes
}

// Messages are there and the reader gets none, and says nothing: kafka-go issues
// 387 and 955.
func TestASilentReaderIsMadeAnewAndThenTheGenerationLeft(t *testing.T) {
	w := newWorkbench(t, 1)
	b, notes := w.logged()
	sub := w.subscription(nil)
	sub.Stall = time.Second
	bustest.Subscribe(t, b, sub)
	publish(t, w.bus, w.topic, message("acct_1", 1))
	bustest.Eventually(t, "it works", func() bool { return w.effects() == 1 })

	deaf := w.broker.Running().Cluster().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: w.topic, Err: kerr.NotLeaderForPartition, Count: -1,
	})
	publish(t, w.bus, w.topic, message("acct_1", 2))
	bustest.Eventually(t, "the lag shows", func() bool {
		lags := b.Lags()
		return len(lags) == 1 && lags[0].Messages == 1 && lags[0].Age > 0
	})
	bustest.Eventually(t, "the reader is made anew", func() bool { return notes.has("messages do not come, reading anew") })
	bustest.Eventually(t, "the generation is left", func() bool { return notes.has("messages still do not come, leaving the generation") })
	deaf.Remove()
	bustest.Eventually(t, "messages come", func() bool { return w.effects() == 2 })
	bustest.Eventually(t, "there is no lag", func() bool {
		lags := b.Lags()
		return len(lags) == 1 && lags[0].Messages == 0 && lags[0].Age == 0 && lags[0].Rebalances > 1
	})
	if diff := cmp.Diff(upTo(2), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
}

func TestLagIsTheAgeOfTheOldestEventThatIsNotHandled(t *testing.T) {
	w := newWorkbench(t, 2)
	release := make(chan struct{})
	sub := w.subscription(func(ctx context.Context, _ bun.Tx, batch []bus.Message) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	bustest.Subscribe(t, w.bus, sub)
	bustest.Eventually(t, "both partitions are there", func() bool { return len(w.bus.Lags()) == 2 })
	sent := time.Now()
	publish(t, w.bus, w.topic, versions("acct_1", 1, 7)...)
	bustest.Eventually(t, "the lag shows", func() bool {
		var messages int64
		var oldest time.Duration
		for _, l := range w.bus.Lags() {
			messages, oldest = messages+l.Messages, max(oldest, l.Age)
		}
		// Ids carry whole milliseconds.
		return messages == 7 && oldest > 0 && oldest <= time.Since(sent)+2*time.Millisecond
	})
	close(release)
	bustest.Eventually(t, "there is no lag", func() bool {
		for _, l := range w.bus.Lags() {
			if l.Messages > 0 || l.Age > 0 || l.Group != w.group {
				return false
			}
		}
		return w.effects() == 7
	})
}

func TestParkedEventsAreCounted(t *testing.T) {
	w := newWorkbench(t, 1)
	bustest.Subscribe(t, w.bus, w.subscription(func(context.Context, bun.Tx, []bus.Message) error { panic("poison") }))
	publish(t, w.bus, w.topic, versions("acct_1", 1, 3)...)
	bustest.Eventually(t, "three events are parked", func() bool {
		lags := w.bus.Lags()
		return len(lags) == 1 && lags[0].Parked == 3
	})
}
