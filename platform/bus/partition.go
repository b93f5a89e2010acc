package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

// partition is one partition in one generation: read, have the effect, go on.
// One goroutine works on it; what others look at is under the lock.
type partition struct {
	*group
	gen *kafka.Generation
	id  int

	started int64           // offset that Kafka knew at the start; negative if none
	owner   string          // our word in the offset's row
	held    map[string]bool // keys with parked events, of this consumer

	storedAt  time.Time // when the database last heard of an offset
	announced bool      // the others wait for us, see together.go
	hinted    int64     // what Kafka was last told, -1 = nothing yet
	hintedAt  time.Time

	mu      sync.Mutex
	next    int64              // offset after the last handled message
	inHand  time.Time          // when the first event under way was made; zero when none is
	end     int64              // where the partition ended when we last asked
	known   bool               // Kafka has a commit of ours
	order   order              // what the watch wants done
	rouse   context.CancelFunc // ends the present reader's wait
	waiting waiting
}

// Bounds of one batch. It takes what the partition's reader has at that moment, so
// after a quiet time a lone message is handled at once. A group that has just committed
// waits for more, because a commit of one costs nearly as much as a commit of many.
const (
	batchEvents = 500
	batchValues = 4 << 20
	ripens      = 100 * time.Millisecond // from one commit of the group to the next
)

const (
	// hintEvery bounds how often Kafka is told where we are.
	hintEvery = time.Second
	// hintWithin bounds the last hint of a generation, whose end others wait for.
	hintWithin = 500 * time.Millisecond
	// storeEvery bounds how much of what nobody wanted is read again after a crash.
	storeEvery = time.Second
	// again is the pause after a failure of broker or database that has no pace of its own.
	again = time.Second / 4
)

func newPartition(g *group, gen *kafka.Generation, a kafka.PartitionAssignment) *partition {
	return &partition{group: g, gen: gen, id: a.ID, started: a.Offset, hinted: -1, end: -1, held: map[string]bool{}, rouse: func() {}}
}

// run returns only when the generation ends, ctx ends, or somebody else owns the
// partition: whatever returns here takes the member's whole generation down.
func (p *partition) run(ctx, genCtx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(genCtx, cancel)()

	if !p.begin(ctx) {
		return
	}
	p.enter(p)
	defer p.leave(p)
	for p.read(ctx) {
	}
	good, done := context.WithTimeout(context.WithoutCancel(ctx), hintWithin)
	defer done()
	_ = p.hint(good) // refused only if another member has taken over
}

// begin takes the partition over and learns where to start and which keys are
// held; false when ctx ended first.
func (p *partition) begin(ctx context.Context) bool {
	for {
		err := p.take(ctx)
		if err == nil {
			err = p.loadHeld(ctx)
		}
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			p.warn("cannot take the partition over yet, trying again", err)
		}
		if !pause(ctx, again) {
			return false
		}
	}
}

func (p *partition) loadHeld(ctx context.Context) error {
	keys, err := p.bus.parking.HeldKeys(ctx, p.sub.Group)
	for _, k := range keys {
		p.held[k] = true
	}
	return err
}

// read works with one reader until the watch wants another; false ends the partition.
func (p *partition) read(ctx context.Context) bool {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: p.bus.brokers, Topic: p.sub.Topic, Partition: p.id, Dialer: p.dialer,
		MinBytes: 1, MaxBytes: 10 << 20, MaxWait: 500 * time.Millisecond, ReadLagInterval: -1, QueueCapacity: batchEvents,
		ReadBackoffMin: 10 * time.Millisecond, ReadBackoffMax: time.Second,
	})
	defer func() { _ = reader.Close() }()
	if err := reader.SetOffset(p.position()); err != nil {
		p.warn("cannot start reading, leaving the partition", err)
		return false
	}
	defer p.dismiss()
	wait, rouse := context.WithCancel(ctx)
	defer rouse()
	p.listen(rouse)
	for {
		batch, err := p.gather(wait, reader)
		switch {
		case ctx.Err() != nil:
			return false
		case wait.Err() != nil:
			return p.obey(ctx)
		case err != nil:
			p.warn("cannot read from Kafka, trying again", err)
			if !pause(ctx, again) {
				return false
			}
			continue
		}
		if batch.next > 0 && !p.handle(ctx, batch) || !p.hintInTime(ctx) {
			return false
		}
	}
}

// batch is what a partition has read: what is wanted of it, and the offset behind it.
type batch struct {
	wanted []Message
	values int   // bytes
	read   int   // messages, wanted or not
	next   int64 // 0 without any
}

// add takes a message in. What nobody wants is not looked at any further.
func (b *batch) add(k kafka.Message, types []string) {
	b.next = k.Offset + 1
	b.read++
	b.values += len(k.Value)
	if len(types) == 0 || event.TypeMatches(types, typeOf(k)) {
		b.wanted = append(b.wanted, received(k))
	}
}

// gather waits for a message and adds what the reader has behind it, and what comes
// until the group may commit again. It returns none when it is time to tell Kafka something.
func (p *partition) gather(ctx context.Context, reader *kafka.Reader) (b batch, err error) {
	wait := ctx
	if p.position() != p.hinted {
		var done context.CancelFunc
		wait, done = context.WithDeadline(ctx, p.hintedAt.Add(hintEvery))
		defer done()
	}
	k, err := reader.FetchMessage(wait)
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return b, nil
	}
	ripe, done := context.WithDeadline(ctx, p.meeting.ripe())
	defer done()
	queued := int64(0) // so many come at once: nobody else takes from the reader's queue
	for err == nil {
		if b.add(k, p.sub.Types); len(b.wanted) > 0 {
			p.expect()
		}
		if queued--; queued <= 0 {
			queued = reader.Stats().QueueLength
		}
		more := ripe
		if queued > 0 {
			more = ctx
		}
		if b.read == batchEvents || b.values >= batchValues || more.Err() != nil {
			return b, nil
		}
		k, err = reader.FetchMessage(more)
	}
	if b.read > 0 && ctx.Err() == nil {
		return b, nil // the error will come again
	}
	p.dismiss()
	return batch{}, err
}

// handle brings a batch to its end: every message had its effect, is parked, or
// was not wanted. false ends the partition.
func (p *partition) handle(ctx context.Context, b batch) bool {
	defer p.dismiss()
	if len(b.wanted) == 0 {
		return p.pass(ctx, b.next)
	}
	p.begun(b.wanted[0])
	defer p.ended()
	if len(b.wanted) < muchEvents && b.values < muchBytes {
		if err := p.together(ctx, b.wanted, b.next); err == nil {
			return true
		}
	}
	p.dismiss()
	if len(b.wanted) > 1 {
		err := p.persist(ctx, b.wanted, b.next)
		if err == nil {
			return true
		}
		if ctx.Err() != nil || errors.Is(err, errFenced) {
			return p.stopped(err)
		}
		p.bus.log.Warn("batch not handled, trying its events one by one", "group", p.sub.Group, "partition", p.id, "events", len(b.wanted), "error", err)
	}
	for _, m := range b.wanted {
		p.begun(m)
		if !p.alone(ctx, m) {
			return false
		}
	}
	return p.pass(ctx, b.next)
}

// persist tries a batch until it succeeds or fails for a reason of its own.
func (p *partition) persist(ctx context.Context, batch []Message, next int64) error {
	for backoff := p.sub.Backoff; ; backoff = min(2*backoff, 2*time.Second) {
		err := p.transact(ctx, batch, next)
		if err == nil || ctx.Err() != nil || !event.Excused(err) {
			return err
		}
		p.warn("the database does not take the batch now, trying again", err)
		if !pause(ctx, backoff) {
			return ctx.Err()
		}
	}
}

// alone brings one message to its end; false ends the partition.
func (p *partition) alone(ctx context.Context, m Message) bool {
	backoff := p.sub.Backoff
	for try := 1; ; try++ {
		err := p.persist(ctx, []Message{m}, m.Offset+1)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errFenced) && try >= p.sub.Attempts {
			if parking := p.park(ctx, m, err); parking == nil || errors.Is(parking, errFenced) || ctx.Err() != nil {
				return p.stopped(parking)
			}
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, errFenced) {
			return p.stopped(err)
		}
		p.bus.log.Warn("event not handled, trying again", "group", p.sub.Group, "event", m.EventID, "type", m.Type, "attempt", try, "error", err)
		if !pause(ctx, backoff) {
			return false
		}
		backoff = min(2*backoff, 2*time.Second)
	}
}

// stopped says why the partition ends, if somebody else owns it, and whether it goes on.
func (p *partition) stopped(err error) bool {
	if errors.Is(err, errFenced) {
		p.warn("leaving the partition", err)
	}
	return err == nil
}

// transact is one batch in one transaction: see the package comment.
func (p *partition) transact(ctx context.Context, batch []Message, next int64) error {
	mine := &part{partition: p, batch: batch, next: next}
	if err := p.group.transact(ctx, []*part{mine}); err != nil {
		return err
	}
	for _, key := range mine.freed {
		delete(p.held, key)
	}
	p.moved(next)
	return nil
}

// lineUp parks events behind earlier ones of their key. free are those whose key
// is not held; open are keys that we thought were.
func (p *partition) lineUp(ctx context.Context, tx bun.Tx, batch []Message) (free []Message, open []string, err error) {
	opened := map[string]bool{}
	for _, m := range batch {
		if !p.held[m.Key] || opened[m.Key] {
			free = append(free, m)
			continue
		}
		held, err := p.bus.parking.ParkBehind(ctx, tx, m.parked(p.sub.Group, "behind an earlier event"))
		if err != nil {
			return nil, nil, err
		}
		if !held {
			opened[m.Key] = true
			open, free = append(open, m.Key), append(free, m)
		}
	}
	return free, open, nil
}

// park holds the message's key and goes past it.
func (p *partition) park(ctx context.Context, m Message, cause error) error {
	err := db.InTx(ctx, p.bus.pool, func(ctx context.Context, tx bun.Tx) error {
		if err := p.move(ctx, tx, []*part{{partition: p, next: m.Offset + 1}}); err != nil {
			return err
		}
		return p.bus.parking.Park(ctx, tx, m.parked(p.sub.Group, event.Reason(cause)))
	})
	if err != nil {
		return err
	}
	p.held[m.Key] = true
	p.moved(m.Offset + 1)
	p.bus.log.Error("event parked, its key is held", "group", p.sub.Group, "event", m.EventID, "type", m.Type, "account", m.Key, "error", cause)
	p.noteDead(ctx, m, cause)
	return nil
}

// noteDead tells Kafka's own tools. The parked row is the truth, so a failure here is only logged.
func (p *partition) noteDead(ctx context.Context, m Message, cause error) {
	k := m.kafka(p.sub.Topic + DeadLetters)
	k.Headers = append(k.Headers,
		kafka.Header{Key: "sluice_group", Value: []byte(p.sub.Group)},
		kafka.Header{Key: "sluice_error", Value: []byte(event.Reason(cause))})
	if err := p.bus.writer.WriteMessages(ctx, k); err != nil {
		p.bus.log.Warn("parked event not noted in the dead letters", "group", p.sub.Group, "event", m.EventID, "error", err)
	}
}

// pass goes past messages that nobody here wants. They cost no transaction of
// their own: the next effect's moves the offset past them, or this one every second.
func (p *partition) pass(ctx context.Context, next int64) bool {
	if p.position() == next {
		return true
	}
	if time.Since(p.storedAt) >= storeEvery {
		err := db.InTx(ctx, p.bus.pool, func(ctx context.Context, tx bun.Tx) error {
			return p.move(ctx, tx, []*part{{partition: p, next: next}})
		})
		if errors.Is(err, errFenced) {
			return p.stopped(err)
		}
		if err == nil {
			p.storedAt = time.Now()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = next
	return true
}

// moved notes a committed offset.
func (p *partition) moved(next int64) {
	p.storedAt = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = next
}

func (p *partition) position() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// hintInTime tells Kafka where we are if it is time to; false ends the partition.
func (p *partition) hintInTime(ctx context.Context) bool {
	if p.position() == p.hinted || time.Since(p.hintedAt) < hintEvery {
		return true
	}
	err := p.hint(ctx)
	if err != nil && ctx.Err() == nil {
		p.warn("Kafka refused our offset, leaving the partition", err)
	}
	return err == nil
}

// hint commits our place to Kafka. It looks first whether the commit before is
// still there: a topic made anew has none, and ours would hide that for ever.
func (p *partition) hint(ctx context.Context) error {
	next := p.position()
	if next == p.hinted {
		return nil
	}
	if p.isKnown() {
		commits, err := p.bus.committed(ctx, p.sub.Group, p.sub.Topic, []int{p.id})
		if err != nil {
			p.hintedAt = time.Now() // not now
			return nil
		}
		if commit, told := commits[p.id]; told && commit < 0 {
			p.doubt()
			return nil
		}
	}
	p.hinted, p.hintedAt = next, time.Now()
	if err := p.gen.CommitOffsets(map[string]map[int]int64{p.sub.Topic: {p.id: next}}); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = true
	return nil
}

func (p *partition) warn(what string, err error) {
	p.bus.log.Warn(what, "group", p.sub.Group, "partition", p.id, "error", err)
}
