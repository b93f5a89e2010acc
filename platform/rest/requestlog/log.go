package requestlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/rest"
)

const (
	maxQueued = 20_000   // requests that wait to be written
	maxBytes  = 64 << 20 // of their parameters and answers, as received
	maxBatch  = 500      // rows of one statement
	flushRate = 300 * time.Millisecond
	// tries is how often a batch is written before it is given up: what is wrong with it
	// must not keep out what comes after.
	tries = 5
)

// Config says who hears of what is lost.
type Config struct {
	Dropped func(n int) // counts requests that were not kept; may be nil
	Log     *slog.Logger
}

// Log keeps requests. It satisfies rest.RequestLog.
type Log struct {
	pool *bun.DB
	cfg  Config
	full chan struct{} // a batch is complete

	mu     sync.Mutex
	lines  [worths]line
	queued int
	bytes  int

	flush sync.Mutex // one writer at a time
	rest  []entry    // of a batch that could not be written
	tried int
}

// The lines, what matters least first.
const (
	reads = iota
	writes
	failures
	worths
)

// line is a first-in-first-out queue.
type line struct {
	items []rest.Served
	head  int
}

func (l *line) push(s rest.Served) {
	if l.head > 1024 && l.head > len(l.items)/2 {
		kept := copy(l.items, l.items[l.head:])
		clear(l.items[kept:])
		l.items, l.head = l.items[:kept], 0
	}
	l.items = append(l.items, s)
}

func (l *line) pop() (s rest.Served, ok bool) {
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
		return s, false
	}
	s = l.items[l.head]
	l.items[l.head] = rest.Served{}
	l.head++
	return s, true
}

// New keeps requests in pool's database, once Run runs.
func New(pool *bun.DB, cfg Config) *Log {
	if cfg.Dropped == nil {
		cfg.Dropped = func(int) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Log{pool: pool, cfg: cfg, full: make(chan struct{}, 1)}
}

// Note takes a request. What a person reads through a dashboard is not kept: looking
// at the log would fill it.
func (l *Log) Note(s rest.Served) {
	read := s.Method == "GET" || s.Method == "HEAD"
	if read && s.Person != "" {
		return
	}
	worth := writes
	switch {
	case s.Status >= 400:
		worth = failures
	case read:
		worth = reads
	}
	if s.Size > maxParams {
		s.Params = rest.Params{} // only that they were there is kept
	}
	size := weight(s)
	dropped := 0
	l.mu.Lock()
	for l.queued >= maxQueued || l.queued > 0 && l.bytes+size > maxBytes {
		l.dropLeast()
		dropped++
	}
	l.lines[worth].push(s)
	l.queued++
	l.bytes += size
	complete := l.queued >= maxBatch
	l.mu.Unlock()
	if dropped > 0 {
		l.cfg.Dropped(dropped)
	}
	if complete {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
}

func weight(s rest.Served) int { return min(s.Size, maxParams) + len(s.Answer) + 512 }

// dropLeast forgets the oldest of what matters least.
func (l *Log) dropLeast() {
	for i := range l.lines {
		if s, ok := l.lines[i].pop(); ok {
			l.queued--
			l.bytes -= weight(s)
			return
		}
	}
}

// take is the next batch, errors first.
func (l *Log) take() []rest.Served {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := make([]rest.Served, 0, min(l.queued, maxBatch))
	for i := len(l.lines) - 1; i >= 0; i-- {
		for len(batch) < maxBatch {
			s, ok := l.lines[i].pop()
			if !ok {
				break
			}
			l.queued--
			l.bytes -= weight(s)
			batch = append(batch, s)
		}
	}
	return batch
}

// Run writes what is noted until ctx is done, and once more then.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(flushRate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return l.Flush(last)
		case <-l.full:
		case <-tick.C:
		}
		if err := l.Flush(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.WarnContext(ctx, "request log not written", "error", err)
			select { // the database rests; the queue holds on
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// Flush writes all that waits. What cannot be written waits for the next Flush, five
// times at most.
func (l *Log) Flush(ctx context.Context) error {
	l.flush.Lock()
	defer l.flush.Unlock()
	for {
		if l.rest == nil {
			batch := l.take()
			if len(batch) == 0 {
				return nil
			}
			l.rest, l.tried = make([]entry, len(batch)), 0
			for i, s := range batch {
				l.rest[i] = entryOf(s)
			}
		}
		if err := insert(ctx, l.pool, l.rest); err != nil {
			if l.tried++; l.tried >= tries {
				l.cfg.Dropped(len(l.rest))
				l.rest = nil
			}
			return err
		}
		l.rest = nil
	}
}
