// Package clock gives business time. Goroutine time (timeouts, backoff) uses
// the standard library; everything a report or a rule compares comes from here.
package clock

import (
	"sync/atomic"
	"time"
)

// Clock tells business time in UTC, truncated to microseconds as PostgreSQL keeps it.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the present.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// World is the sandbox's clock: the machine's clock plus an offset that only
// grows. Test-mode charges, maturity, payouts and bank answers all follow it.
// The zero value has no offset.
type World struct{ offset atomic.Int64 }

// Now is the sandbox's present.
func (w *World) Now() time.Time {
	return time.Now().Add(time.Duration(w.offset.Load())).UTC().Truncate(time.Microsecond)
}

// Offset is how far the sandbox is ahead of the machine.
func (w *World) Offset() time.Duration { return time.Duration(w.offset.Load()) }

// SetOffset moves the sandbox forward; a smaller offset than the present one is ignored.
func (w *World) SetOffset(d time.Duration) {
	for {
		old := w.offset.Load()
		if int64(d) <= old || w.offset.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Modes holds the clock of each mode: live money follows the machine, test money the sandbox.
type Modes struct {
	Live Clock
	Test Clock
}

// For is the clock of a mode.
func (m Modes) For(livemode bool) Clock {
	if livemode {
		return m.Live
	}
	return m.Test
}

// Fixed is a clock for tests; it moves only by Advance or Set.
type Fixed struct{ nanos atomic.Int64 }

// NewFixed starts a fixed clock.
func NewFixed(t time.Time) *Fixed {
	f := &Fixed{}
	f.Set(t)
	return f
}

// Now is where the test has put it.
func (f *Fixed) Now() time.Time { return time.Unix(0, f.nanos.Load()).UTC() }

// Set moves the clock to t.
func (f *Fixed) Set(t time.Time) { f.nanos.Store(t.UTC().Truncate(time.Microsecond).UnixNano()) }

// Advance moves the clock by d.
func (f *Fixed) Advance(d time.Duration) { f.nanos.Add(int64(d)) }
