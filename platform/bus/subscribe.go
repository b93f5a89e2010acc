package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/sluicepay/sluice/platform/event"
)

// Subscription is one consumer group's interest in a topic.
type Subscription struct {
	Group string
	Topic string
	Types []string // "charge.succeeded", "charge.*"; none = every type

	// Handle has the event's effect. It is called again after an error, a crash
	// or a rebalance, so the effect's transaction asks event.Inbox first. One
	// partition's messages come one at a time. ctx ends when the partition
	// moves on or the process stops; Handle must then return within a second or
	// two, well inside the session timeout.
	Handle func(ctx context.Context, m Message) error

	Attempts int           // tries before parking; default 5
	Backoff  time.Duration // before the second try, doubling to 2 s; default 50 ms
	Session  time.Duration // after which a silent member loses its partitions; default 10 s
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
	return s
}

// stopWithin is how long a stopping subscriber may say good-bye to the group
// before its connections are cut. A join or a dial to a dead broker would
// otherwise hold the process for many seconds.
const stopWithin = 1500 * time.Millisecond

// Subscribe handles messages until ctx ends, and returns after everything it
// started has stopped. Broker failures are logged and outlived; the only error
// is a wrong Subscription.
func (b *Bus) Subscribe(ctx context.Context, s Subscription) error {
	s = s.withDefaults()
	lines := newLines()
	dialer := &kafka.Dialer{ClientID: "sluice", DialFunc: lines.dial, Timeout: 3 * time.Second, TLS: b.tls, SASLMechanism: b.sasl}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: s.Group, Brokers: b.brokers, Topics: []string{s.Topic}, Dialer: dialer,
		StartOffset:       kafka.FirstOffset, // LastOffset loses what comes before the first commit
		HeartbeatInterval: s.Session / 5, SessionTimeout: s.Session, RebalanceTimeout: 10 * time.Second,
		JoinGroupBackoff: 500 * time.Millisecond, Timeout: 5 * time.Second,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("subscribe %s to %s: %w", s.Group, s.Topic, err)
	}
	b.generations(ctx, group, dialer, s)

	cut := time.AfterFunc(stopWithin, lines.cut)
	err = group.Close() // waits for the generation's functions, unlike Next
	cut.Stop()
	lines.cut()
	return err
}

// generations serves one generation after the other until ctx ends. The group
// paces itself after errors.
func (b *Bus) generations(ctx context.Context, group *kafka.ConsumerGroup, dialer *kafka.Dialer, s Subscription) {
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			b.log.Warn("cannot join the consumer group, trying again", "group", s.Group, "error", err)
			continue
		}
		for _, a := range gen.Assignments[s.Topic] {
			p := &partition{bus: b, sub: s, gen: gen, dialer: dialer, id: a.ID, next: a.Offset, held: map[string]bool{}}
			gen.Start(func(genCtx context.Context) { p.run(ctx, genCtx) })
		}
	}
}

// Retry handles a key's parked events again, as Subscribe would have done, and
// frees the key when all went through. It reports how many did.
func (b *Bus) Retry(ctx context.Context, s Subscription, key string) (handled int, err error) {
	if b.parking == nil {
		return 0, errors.New("bus: no parking to retry from")
	}
	return b.parking.Retry(ctx, s.Group, key, func(ctx context.Context, e event.Parked) error {
		return s.Handle(ctx, fromParked(e))
	})
}
