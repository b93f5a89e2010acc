package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/sluicepay/sluice/platform/event"
)

// partition is one partition in one generation: read, handle, commit.
type partition struct {
	bus    *Bus
	sub    Subscription
	gen    *kafka.Generation
	dialer *kafka.Dialer
	id     int
	held   map[string]bool // keys with parked events, of this consumer

	next        int64 // offset after the last handled message
	uncommitted bool
	committedAt time.Time
}

// commitEvery bounds how much is delivered again after a crash.
const commitEvery = 50 * time.Millisecond

// run returns only when the generation ends, ctx ends or the commit is refused:
// whatever returns here takes the member's whole generation down.
func (p *partition) run(ctx, genCtx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(genCtx, cancel)()

	if !p.loadHeld(ctx) {
		return
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: p.bus.brokers, Topic: p.sub.Topic, Partition: p.id, Dialer: p.dialer,
		MinBytes: 1, MaxBytes: 10 << 20, MaxWait: 500 * time.Millisecond, ReadLagInterval: -1,
		ReadBackoffMin: 10 * time.Millisecond, ReadBackoffMax: time.Second,
	})
	defer func() { _ = reader.Close() }()
	if err := reader.SetOffset(p.next); err != nil {
		p.bus.log.Error("cannot start reading", "group", p.sub.Group, "partition", p.id, "error", err)
		return
	}
	for p.one(ctx, reader) {
	}
	_ = p.commit() // refused only if another member has taken over, who then handles again
}

// one handles the next message or commits while there is none; false ends the partition.
func (p *partition) one(ctx context.Context, reader *kafka.Reader) bool {
	wait := ctx
	if p.uncommitted {
		var done context.CancelFunc
		wait, done = context.WithDeadline(ctx, p.committedAt.Add(commitEvery))
		defer done()
	}
	k, err := reader.FetchMessage(wait)
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, context.DeadlineExceeded) && wait.Err() != nil:
		return p.committed()
	case err != nil:
		p.bus.log.Warn("cannot read from Kafka, trying again", "group", p.sub.Group, "partition", p.id, "error", err)
		return pause(ctx, time.Second/4)
	}
	if !p.deliver(ctx, received(k)) {
		return false
	}
	p.next = k.Offset + 1
	if !p.uncommitted {
		p.uncommitted, p.committedAt = true, time.Now()
	}
	return time.Since(p.committedAt) < commitEvery || p.committed()
}

func (p *partition) committed() bool {
	err := p.commit()
	if err != nil {
		p.bus.log.Warn("offset refused, leaving the partition", "group", p.sub.Group, "partition", p.id, "error", err)
	}
	return err == nil
}

func (p *partition) commit() error {
	if !p.uncommitted {
		return nil
	}
	p.uncommitted = false
	return p.gen.CommitOffsets(map[string]map[int]int64{p.sub.Topic: {p.id: p.next}})
}

// deliver has the message handled, parked, or found not wanted; false when ctx
// ended before.
func (p *partition) deliver(ctx context.Context, m Message) bool {
	if !event.TypeMatches(p.sub.Types, m.Type) {
		return true
	}
	if p.held[m.Key] {
		parked, ok := p.behind(ctx, m)
		if parked || !ok {
			return ok
		}
		delete(p.held, m.Key) // an operator has freed it
	}
	backoff := p.sub.Backoff
	for try := 1; ; try++ {
		err := p.handle(ctx, m)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case try >= p.sub.Attempts && p.park(ctx, m, err):
			return true
		}
		p.bus.log.Warn("event not handled, trying again", "group", p.sub.Group, "event", m.EventID, "type", m.Type, "attempt", try, "error", err)
		if !pause(ctx, backoff) {
			return false
		}
		backoff = min(2*backoff, 2*time.Second)
	}
}

// handle turns a panic into an error: one bad event must not take the process along.
func (p *partition) handle(ctx context.Context, m Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler panicked: %v", r)
		}
	}()
	return p.sub.Handle(ctx, m)
}

// park holds the message's key. It fails while the database is down, which is
// then also why the handler failed: the caller goes on trying.
func (p *partition) park(ctx context.Context, m Message, cause error) bool {
	if p.bus.parking == nil {
		return false
	}
	if err := p.bus.parking.Park(ctx, m.parked(p.sub.Group, cause.Error())); err != nil {
		return false
	}
	p.held[m.Key] = true
	p.bus.log.Error("event parked, its key is held", "group", p.sub.Group, "event", m.EventID, "type", m.Type, "account", m.Key, "error", cause)
	p.noteDead(ctx, m, cause)
	return true
}

// noteDead tells Kafka's own tools. The parked row is the truth, so a failure here is only logged.
func (p *partition) noteDead(ctx context.Context, m Message, cause error) {
	k := m.kafka(p.sub.Topic + DeadLetters)
	k.Headers = append(k.Headers,
		kafka.Header{Key: "sluice_group", Value: []byte(p.sub.Group)},
		kafka.Header{Key: "sluice_error", Value: []byte(cause.Error())})
	if err := p.bus.writer.WriteMessages(ctx, k); err != nil {
		p.bus.log.Warn("parked event not noted in the dead letters", "group", p.sub.Group, "event", m.EventID, "error", err)
	}
}

// behind parks the message if its key is still held; not ok when ctx ended first.
func (p *partition) behind(ctx context.Context, m Message) (parked, ok bool) {
	for {
		parked, err := p.bus.parking.ParkBehind(ctx, m.parked(p.sub.Group, "behind an earlier event"))
		if err == nil {
			return parked, true
		}
		if !pause(ctx, time.Second/4) {
			return false, false
		}
	}
}

// loadHeld learns which keys are held; false when ctx ended first.
func (p *partition) loadHeld(ctx context.Context) bool {
	for p.bus.parking != nil {
		keys, err := p.bus.parking.HeldKeys(ctx, p.sub.Group)
		if err == nil {
			for _, k := range keys {
				p.held[k] = true
			}
			break
		}
		if !pause(ctx, time.Second/4) {
			return false
		}
	}
	return true
}
