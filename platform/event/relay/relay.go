// Package relay publishes the event log to Kafka: everything committed, at
// least once, each object's versions in order.
//
// Order and safety come from the log (see event.Settled): an event is read only
// once no open transaction can still add an earlier one. So a transaction left
// open, in any database of the cluster, delays publishing; it never loses or
// reorders an event, and after a few seconds the relay names it in the log.
//
// Many processes may run a relay; one publishes, by a lease in the cursor's row.
// A relay that loses the lease while it publishes cannot move the cursor any
// more, and what it sent is sent again by the next: consumers have the Inbox.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/uptrace/bun"
)

// Publisher is the way to the broker. It returns what was not acknowledged, in
// order, and sends nothing after a failure that belongs before it.
type Publisher interface {
	Publish(ctx context.Context, topic string, messages []bus.Message) (unacked []bus.Message, err error)
}

// Config has sensible zero values.
type Config struct {
	Topic      string        // default bus.Events
	Poll       time.Duration // between looks at a quiet log; default 50 ms
	Lease      time.Duration // after which a silent relay is replaced; default 20 s, well over one failing Publish
	StallAfter time.Duration // of a standing horizon before the log names the culprit; default 5 s
	Log        *slog.Logger  // default slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Topic == "" {
		c.Topic = bus.Events
	}
	if c.Poll == 0 {
		c.Poll = 50 * time.Millisecond
	}
	if c.Lease == 0 {
		c.Lease = 20 * time.Second
	}
	if c.StallAfter == 0 {
		c.StallAfter = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// batchEvents and batchBytes bound what the relay holds in memory.
const (
	batchEvents = 500
	batchBytes  = 4 << 20
)

// Relay publishes the log while it holds the lease.
type Relay struct {
	pool  *bun.DB
	to    Publisher
	cfg   Config
	name  string // who holds the lease
	wake  chan struct{}
	stats stats

	// Of the running Run alone:
	leasedAt time.Time // zero = not leading
	cursor   event.Position
	pending  []bus.Message  // read but not acknowledged
	upTo     event.Position // the cursor once pending is empty
	horizon  horizon
}

// New makes a relay over the pool.
func New(pool *bun.DB, to Publisher, cfg Config) *Relay {
	return &Relay{pool: pool, to: to, cfg: cfg.withDefaults(), name: id.New("relay"), wake: make(chan struct{}, 1)}
}

// Wake asks for a look at the log now; call it after a commit that appended
// events. It never blocks and may be forgotten: the poll is never far.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx ends. Failures of the broker or the database are
// logged and outlived with growing pauses of at most two seconds. Only one Run at a time.
func (r *Relay) Run(ctx context.Context) error {
	defer r.release()
	failures := 0
	for {
		full, err := r.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			r.stats.failures.Add(1)
			r.cfg.Log.Warn("relay: cannot publish, trying again", "attempt", failures, "error", err)
			pause(ctx, backoff(failures), nil)
		case full:
			failures = 0
		case r.leasedAt.IsZero():
			pause(ctx, time.Second, nil)
		default:
			failures = 0
			pause(ctx, r.cfg.Poll, r.wake)
		}
	}
}

// step publishes one batch; full says that more is probably waiting.
func (r *Relay) step(ctx context.Context) (full bool, err error) {
	if leading, err := r.lead(ctx); err != nil || !leading {
		return false, err
	}
	if r.upTo == r.cursor {
		if full, err = r.read(ctx); err != nil {
			return false, err
		}
	}
	if r.upTo == r.cursor {
		return false, r.look(ctx)
	}
	if err := r.publish(ctx); err != nil {
		return false, err
	}
	return full, r.save(ctx)
}

func (r *Relay) read(ctx context.Context) (full bool, err error) {
	entries, err := event.Settled(ctx, r.pool, r.cursor, batchEvents, batchBytes)
	if err != nil {
		return false, err
	}
	r.upTo = r.cursor
	for _, e := range entries {
		m, err := bus.Carry(e.Event)
		if err != nil {
			return false, err
		}
		r.pending = append(r.pending, m)
		r.upTo = e.Position
	}
	if len(entries) == 0 {
		return false, nil
	}
	r.stats.horizonSince.Store(0)
	r.stats.waiting(r.pending[0])
	return len(entries) == batchEvents, nil
}

// publish sends what is pending. What one partition has acknowledged is not
// sent again while another is down.
func (r *Relay) publish(ctx context.Context) error {
	unacked, err := r.to.Publish(ctx, r.cfg.Topic, r.pending)
	r.stats.published.Add(int64(len(r.pending) - len(unacked)))
	r.pending = unacked
	if err != nil {
		r.stats.waiting(r.pending[0])
		return fmt.Errorf("publish: %w", err)
	}
	r.pending = nil // lets go of the batch's memory
	return nil
}

// backoff grows from 50 ms to 2 s.
func backoff(failures int) time.Duration {
	return min(50*time.Millisecond<<min(failures-1, 10), 2*time.Second)
}

func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-wake:
	}
}

// Stats are what a relay tells about itself.
type Stats struct {
	Leading           bool
	Published         int64         // events acknowledged since the start
	Failures          int64         // failed steps since the start
	OldestUnpublished time.Duration // age of the oldest event that waits; 0 when none does
	HorizonAge        time.Duration // how long an open transaction has held events back; 0 when none does
}

type stats struct {
	leading             atomic.Bool
	published, failures atomic.Int64
	oldest              atomic.Int64 // unix milliseconds; 0 = nothing waits
	horizonSince        atomic.Int64 // likewise
}

// waiting notes the oldest event not yet published. Its id knows the machine's
// time of writing; its own time is business time and may be in the sandbox's future.
func (s *stats) waiting(m bus.Message) { s.waitingFor(m.EventID) }

func (s *stats) waitingFor(eventID string) {
	if at, ok := id.Time(eventID); ok {
		s.oldest.Store(at.UnixMilli())
	}
}

// Stats may be called at any time, by metrics and health checks.
func (r *Relay) Stats() Stats {
	return Stats{
		Leading: r.stats.leading.Load(), Published: r.stats.published.Load(), Failures: r.stats.failures.Load(),
		OldestUnpublished: since(r.stats.oldest.Load()), HorizonAge: since(r.stats.horizonSince.Load()),
	}
}

func since(ms int64) time.Duration {
	if ms == 0 {
		return 0
	}
	return max(time.Since(time.UnixMilli(ms)), 0)
}

// WaitPublished waits until the log is published up to and including a place,
// usually event.Head. It asks the database, so it works from any process.
func WaitPublished(ctx context.Context, pool *bun.DB, upTo event.Position) error {
	for {
		at, err := event.Published(ctx, pool)
		if err != nil {
			return err
		}
		if !at.Before(upTo) {
			return nil
		}
		pause(ctx, 10*time.Millisecond, nil)
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the relay: %w", errors.Join(ctx.Err(), context.Cause(ctx)))
		}
	}
}
