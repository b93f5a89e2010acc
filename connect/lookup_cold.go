package connect

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicepay/sluice/platform/fault"
)

// coldReads reads accounts that the cache does not have. An account is five
// statements, and a large marketplace's charges go to an account that nobody has
// asked for in the last seconds: so who comes while one read is under way waits, and
// the next one is for all of them. Nobody waits when nothing is under way.
type coldReads struct {
	summarize func(context.Context, []summaryKey) (map[summaryKey]Summary, error)

	mu      sync.Mutex
	reading bool // somebody reads, or was told that it is his turn
	waiting []*coldRead
}

// coldRead is one who waits. signal is closed when it is his turn to read, or when
// another has read for him.
type coldRead struct {
	key    summaryKey
	signal chan struct{}
	turn   bool
	sum    Summary
	err    error
}

// coldBatch bounds one read; who is beyond it is in the next.
const coldBatch = 200

// read is the summary of one account. Fails with NotFound.
func (c *coldReads) read(ctx context.Context, key summaryKey) (Summary, error) {
	r := &coldRead{key: key, signal: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, r)
	if !c.reading {
		c.reading = true
		c.call(r)
	}
	c.mu.Unlock()
	select {
	case <-r.signal:
	case <-ctx.Done():
		c.leave(r)
		return Summary{}, ctx.Err()
	}
	if r.turn {
		c.work(ctx, r)
	}
	return r.sum, r.err
}

// call makes it r's turn; c.mu is held.
func (c *coldReads) call(r *coldRead) {
	r.turn = true
	close(r.signal)
}

// leave is for one who cannot wait any longer. If it has become his turn, it is the next one's.
func (c *coldReads) leave(r *coldRead) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, w := range c.waiting {
		if w == r {
			c.waiting = append(c.waiting[:i:i], c.waiting[i+1:]...)
			break
		}
	}
	if r.turn {
		c.next()
	}
}

// next passes the turn on; c.mu is held.
func (c *coldReads) next() {
	if c.reading = len(c.waiting) > 0; c.reading {
		c.call(c.waiting[0])
	}
}

// work reads for r, whose turn it is, and for those who wait with him. He may go away
// meanwhile, and they still want their answer.
func (c *coldReads) work(ctx context.Context, r *coldRead) {
	c.mu.Lock()
	n := min(len(c.waiting), coldBatch)
	batch := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	c.mu.Unlock()

	keys, seen := make([]summaryKey, 0, n), make(map[summaryKey]bool, n)
	for _, w := range batch {
		if !seen[w.key] {
			seen[w.key], keys = true, append(keys, w.key)
		}
	}
	found, err := map[summaryKey]Summary(nil), errUnread
	defer func() { // also when summarize panics: all others would wait for ever
		for _, w := range batch {
			w.sum, w.err = found[w.key], err
			if _, ok := found[w.key]; err == nil && !ok {
				w.err = fault.NoSuch("account", w.key.account)
			}
			if w != r {
				close(w.signal)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.next()
	}()
	found, err = c.summarize(context.WithoutCancel(ctx), keys)
}

var errUnread = errors.New("connect: the accounts could not be read")
