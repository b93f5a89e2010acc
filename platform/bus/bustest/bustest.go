// Package bustest gives tests a Kafka: the embedded broker, or a real cluster
// when SLUICE_TEST_KAFKA names one (host:port, several with commas). Names of
// topics and groups are unique, so that runs can share a cluster.
package bustest

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/dev/broker"
	"github.com/sluicepay/sluice/platform/id"
)

// Brokers are the addresses of a Kafka that lives at least as long as the test.
func Brokers(t testing.TB) []string {
	t.Helper()
	if real := os.Getenv("SLUICE_TEST_KAFKA"); real != "" {
		return strings.Split(real, ",")
	}
	return []string{Start(t).Addr()}
}

// Name is a name for a topic or a group that no other test uses.
func Name(what string) string { return id.New("test." + what) }

// Open is a Bus that is closed with the test. It cannot subscribe without a pool.
func Open(t testing.TB, brokers []string, pool *bun.DB) *bus.Bus {
	t.Helper()
	b, err := bus.Open(bus.Config{Brokers: brokers, Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	return b
}

// Topic makes an event topic with its dead letters and returns its name.
func Topic(t testing.TB, b *bus.Bus, partitions int) string {
	t.Helper()
	name := Name("events")
	topics := bus.LogTopics(name)
	topics[0].Partitions = partitions
	if err := b.EnsureTopics(t.Context(), topics...); err != nil {
		t.Fatal(err)
	}
	return name
}

// Each is an Effect that gives the messages of a batch to fn, one by one. What fn
// has outside the database it has again when the batch is tried again.
func Each(fn func(ctx context.Context, m bus.Message) error) func(context.Context, bun.Tx, []bus.Message) (func(), error) {
	return func(ctx context.Context, _ bun.Tx, batch []bus.Message) (func(), error) {
		for _, m := range batch {
			if err := fn(ctx, m); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
}

// Subscribe runs a subscription until stop is called, which waits for it and
// fails the test if that takes over two seconds. The test's end stops it too.
func Subscribe(t testing.TB, b *bus.Bus, s bus.Subscription) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Subscribe(ctx, s) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("subscribe: %v", err)
			}
		case <-time.After(2 * time.Second):
			t.Error("the subscriber took over 2 s to stop")
			<-done
		}
	}
	t.Cleanup(stop)
	return stop
}

// Broker is an embedded broker that can go down and come back with its data.
type Broker struct {
	t       testing.TB
	dir     string
	addr    string
	port    int // taken by the first start, kept for the next ones
	running *broker.Broker
}

// Start starts an embedded broker on disk; it ends with the test.
func Start(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{t: t, dir: t.TempDir()}
	b.Start()
	t.Cleanup(b.Stop)
	return b
}

// Running is the broker of this start, to make it answer errors.
func (b *Broker) Running() *broker.Broker { return b.running }

// Addr is the same before and after a restart.
func (b *Broker) Addr() string { return b.addr }

// Start brings the broker back.
func (b *Broker) Start() {
	b.t.Helper()
	running, err := broker.Start(broker.Config{Dir: b.dir, Port: b.port})
	if err != nil {
		b.t.Fatal(err)
	}
	b.running, b.addr, b.port = running, running.Addr(), running.Port()
}

// Stop takes the broker down.
func (b *Broker) Stop() {
	if b.running != nil {
		b.running.Close()
		b.running = nil
	}
}

// SharedDatabase is what a leak check must overlook: dbtest's pool and the
// server's keeper serve the whole test process.
func SharedDatabase() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreTopFunction("database/sql.(*DB).connectionCleaner"),
		goleak.IgnoreAnyFunction("github.com/sluicepay/sluice/platform/dbtest.startKeeper.func1"),
	}
}

// Eventually waits for a fact, at most half a minute.
func Eventually(t testing.TB, what string, fact func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		case <-again.C:
		}
	}
}
