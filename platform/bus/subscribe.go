package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/uptrace/bun"
)

// Subscription is one consumer group's interest in a topic.
type Subscription struct {
	Group string // also its name in the inbox and in the parking
	Topic string
	Types []string // "charge.succeeded", "charge.*"; none = every type

	// Effect has the effect of a batch, in order, in the transaction that claims
	// the events and moves the partition's offset: an event comes once, however
	// often Kafka delivers it. A batch may hold events of several partitions. An
	// error or a panic undoes all of it, and the batch is tried again partition by
	// partition and then one event at a time. One partition's batches come one at
	// a time, several partitions' at once.
	//
	// committed, which may be nil, is called after the commit. It is for what may
	// be lost, such as waking somebody: a process that dies, or a connection that
	// breaks at COMMIT, does not call it.
	//
	// ctx ends when the partition moves on or the process stops; Effect must then
	// return within a second or two, well inside the session timeout.
	Effect func(ctx context.Context, tx bun.Tx, batch []Message) (committed func(), err error)

	Attempts int           // tries of one event before it is parked; default 5
	Backoff  time.Duration // before the second try, doubling to 2 s; default 50 ms
	Session  time.Duration // after which a silent member loses its partitions; default 10 s
	Stall    time.Duration // without messages while there are some, before the reader is made anew; default 10 s
}

func (s Subscription) withDefaults() Subscription {
	if s.Attempts == 0 {
		s.Attempts = 5
	}
	if s.Backoff == 0 {
		s.Backoff = 50 * time.Millisecond
	}
	if s.Session == 0 {
		s.Session = 10 * time.Second
	}
	if s.Stall == 0 {
		s.Stall = 10 * time.Second
	}
	return s
}

// stopWithin is how long a stopping subscriber may say good-bye to the group
// before its connections are cut. A join or a dial to a dead broker would
// otherwise hold the process for many seconds.
const stopWithin = 1500 * time.Millisecond

// group is one subscription at work.
type group struct {
	bus    *Bus
	sub    Subscription
	dialer *kafka.Dialer

	generations atomic.Int64 // that this process has been part of
	parked      atomic.Int64

	meeting meeting // of its partitions, to commit together

	mu         sync.Mutex
	partitions map[int]*partition // those that this process has now
}

// Subscribe handles messages until ctx ends, and returns after everything it
// started has stopped. It waits for its topic. Failures of broker and database
// are logged and outlived; the only error is a wrong Subscription.
func (b *Bus) Subscribe(ctx context.Context, s Subscription) error {
	if b.pool == nil || s.Effect == nil {
		return fmt.Errorf("subscribe %s to %s: a database and an effect are required", s.Group, s.Topic)
	}
	g := &group{bus: b, sub: s.withDefaults(), partitions: map[int]*partition{}}
	b.enter(g)
	defer b.leave(g)

	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { g.redrive(ctx) }) // needs only the database
	if b.awaitLeaders(ctx, s.Topic) != nil {
		return nil // stopped; until then it waits
	}
	return g.consume(ctx)
}

func (g *group) consume(ctx context.Context) error {
	lines := newLines()
	s := g.sub
	g.dialer = &kafka.Dialer{ClientID: "sluice", DialFunc: lines.dial, Timeout: 3 * time.Second, TLS: g.bus.tls, SASLMechanism: g.bus.sasl}
	members, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: s.Group, Brokers: g.bus.brokers, Topics: []string{s.Topic}, Dialer: g.dialer,
		StartOffset:       kafka.FirstOffset, // LastOffset loses what comes before the first commit
		HeartbeatInterval: s.Session / 5, SessionTimeout: s.Session, RebalanceTimeout: 10 * time.Second,
		JoinGroupBackoff: 500 * time.Millisecond, Timeout: 5 * time.Second,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("subscribe %s to %s: %w", s.Group, s.Topic, err)
	}
	var work sync.WaitGroup
	work.Go(func() { g.watch(ctx) })
	g.serve(ctx, members)

	cut := time.AfterFunc(stopWithin, lines.cut)
	err = members.Close() // waits for the generation's functions, unlike Next
	cut.Stop()
	lines.cut()
	work.Wait()
	return err
}

// serve serves one generation after the other until ctx ends. The consumer
// group paces itself after errors.
func (g *group) serve(ctx context.Context, members *kafka.ConsumerGroup) {
	for {
		gen, err := members.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			g.bus.log.Warn("cannot join the consumer group, trying again", "group", g.sub.Group, "error", err)
			continue
		}
		g.generations.Add(1)
		for _, a := range gen.Assignments[g.sub.Topic] {
			p := newPartition(g, gen, a)
			gen.Start(func(genCtx context.Context) { p.run(ctx, genCtx) })
		}
	}
}

// current is the partitions that this process has now.
func (g *group) current() []*partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*partition, 0, len(g.partitions))
	for _, p := range g.partitions {
		all = append(all, p)
	}
	return all
}
