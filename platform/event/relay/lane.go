package relay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// batchEvents and batchBytes bound what one lane holds in memory.
const (
	batchEvents = 500
	batchBytes  = 512 << 10
)

// lane is one that this relay holds.
type lane struct {
	// Of Run:
	event.Cursor                // acknowledged up to here
	saved        event.Position // as the database knows it
	busy         bool           // a worker has it
	ready        bool           // something is settled
	leaving      bool           // to be given up at the next beat
	failures     int            // in a row
	retryAt      time.Time

	// Of the worker that has it, else of Run:
	pending []bus.Message  // read but not acknowledged
	upTo    event.Position // the cursor once pending is empty
	full    bool           // more was there than the batch took
	sent    int            // acknowledged this time
	err     error

	oldest atomic.Int64 // unix milliseconds of the first event that waits; 0 when none does
}

// wants reports whether there is something to do for a worker.
func (l *lane) wants(now time.Time) bool {
	return !l.busy && !l.leaving && l.hasWork() && !now.Before(l.retryAt)
}

func (l *lane) hasWork() bool { return l.ready || len(l.pending) > 0 }

// moved reports whether the cursor has to be saved.
func (l *lane) moved() bool { return l.Position != l.saved }

// errStopped is work that ended with Run.
var errStopped = errors.New("the relay is stopping")

// carry publishes one batch: what is pending or else the next.
func (l *lane) carry(ctx context.Context, r *Relay) {
	l.sent, l.err = 0, nil
	if len(l.pending) == 0 {
		l.err = l.read(ctx, r)
	}
	if l.err == nil {
		l.err = l.publish(ctx, r)
	}
	if l.err != nil && ctx.Err() != nil {
		l.err = errStopped
	}
}

func (l *lane) read(ctx context.Context, r *Relay) error {
	l.upTo, l.full = l.Position, false
	entries, err := event.Settled(ctx, r.pool, l.Cursor, batchEvents, batchBytes)
	if err != nil || len(entries) == 0 {
		return err
	}
	messages, size := make([]bus.Message, len(entries)), 0
	for i, e := range entries {
		if messages[i], err = bus.Carry(e.Event); err != nil {
			return err
		}
		size += len(e.Object) + len(e.Previous)
	}
	l.pending, l.upTo = messages, entries[len(entries)-1].Position
	l.full = len(entries) == batchEvents || size >= batchBytes
	l.waits(entries[0].ID)
	return nil
}

// publish sends what is pending. What one partition of the topic has
// acknowledged is not sent again while another is down.
func (l *lane) publish(ctx context.Context, r *Relay) error {
	if len(l.pending) == 0 {
		l.oldest.Store(0)
		return nil
	}
	unacked, err := r.to.Publish(ctx, r.cfg.Topic, l.pending)
	l.sent = len(l.pending) - len(unacked)
	if err != nil {
		l.pending = unacked
		l.waits(unacked[0].EventID)
		return fmt.Errorf("publish: %w", err)
	}
	l.pending = nil // lets go of the batch's memory
	l.oldest.Store(0)
	return nil
}

// waits notes the oldest event not yet published. Its id knows the machine's
// time of writing; its own time is business time and may be in the sandbox's future.
func (l *lane) waits(eventID string) {
	if at, ok := id.Time(eventID); ok {
		l.oldest.Store(at.UnixMilli())
	}
}

// tellOldest sums the lanes up.
func (r *Relay) tellOldest() {
	oldest := int64(0)
	for _, l := range r.lanes {
		if at := l.oldest.Load(); at != 0 && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	r.stats.oldest.Store(oldest)
}
