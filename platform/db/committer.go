package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
)

// CommitterConfig bounds a Committer; zero values take the defaults.
type CommitterConfig struct {
	Writers  int // transactions at a time, default 1
	MaxItems int // items in one transaction, default 200
	MaxBytes int // their sizes together, for items with a Size method, default 4 MiB; one item alone may exceed it
	Queue    int // items waiting for a writer, default 4096; beyond it Do answers Unavailable
}

// Sized items count towards CommitterConfig.MaxBytes.
type Sized interface{ Size() int }

// commitTimeout bounds one transaction of a Committer, so that Close ends even
// when the server no longer answers.
const commitTimeout = 30 * time.Second

// Committer gathers concurrent items and commits whatever has queued, many
// items in one transaction. There is no timer: a writer that is free takes what
// is there, so a lone item waits for nobody and batches grow with the load.
//
// An item's own result and decided error live in the item (a pointer). apply
// decides per item, in the order given, and may run more than once on the same
// item (retry, bisection): it must reset what it records. It gets a context of
// the Committer, not of a waiter.
type Committer[T any] struct {
	pool  *bun.DB
	cfg   CommitterConfig
	apply func(ctx context.Context, tx bun.Tx, items []T) error

	mu     sync.RWMutex // guards closed, and queue against closing during a send
	closed bool
	queue  chan job[T]
	work   sync.WaitGroup // the writers
}

type job[T any] struct {
	item T
	size int
	done chan error // room for one: a writer never waits for a waiter
}

// NewCommitter starts the writers; Close ends them.
func NewCommitter[T any](pool *bun.DB, cfg CommitterConfig, apply func(ctx context.Context, tx bun.Tx, items []T) error) *Committer[T] {
	cfg.Writers = orDefault(cfg.Writers, 1)
	cfg.MaxItems = orDefault(cfg.MaxItems, 200)
	cfg.MaxBytes = orDefault(cfg.MaxBytes, 4<<20)
	cfg.Queue = orDefault(cfg.Queue, 4096)
	c := &Committer[T]{pool: pool, cfg: cfg, apply: apply, queue: make(chan job[T], cfg.Queue)}
	for range cfg.Writers {
		c.work.Go(c.write)
	}
	return c
}

// Do returns once the item's commit is durable. An error means that the item
// was not committed, except ErrUnknown: the connection broke at COMMIT, or ctx
// ended first. After ErrUnknown the item still belongs to the Committer; do not read it.
func (c *Committer[T]) Do(ctx context.Context, item T) error {
	if Inside(ctx) {
		return errors.New("db: Committer.Do called inside a transaction")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := job[T]{item: item, done: make(chan error, 1)}
	if s, ok := any(item).(Sized); ok {
		j.size = s.Size()
	}
	if err := c.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

// Waiting is the number of items that no writer has taken yet.
func (c *Committer[T]) Waiting() int { return len(c.queue) }

// Close refuses new items, commits the queued ones and waits for the writers.
func (c *Committer[T]) Close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	c.work.Wait()
}

func (c *Committer[T]) enqueue(j job[T]) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return unavailable("The server is shutting down. Please try again.", nil)
	}
	select {
	case c.queue <- j:
		return nil
	default:
		return unavailable("The server is too busy. Please try again.", nil)
	}
}

// write commits batches until the queue is closed and empty.
func (c *Committer[T]) write() {
	var held *job[T] // taken from the queue but too big for the batch before
	for {
		batch, rest, ok := c.gather(held)
		if !ok {
			return
		}
		held = rest
		c.commit(batch)
	}
}

// gather waits for a first item and adds what else has queued, within the bounds.
func (c *Committer[T]) gather(held *job[T]) (batch []job[T], rest *job[T], ok bool) {
	var first job[T]
	if held != nil {
		first = *held
	} else if first, ok = <-c.queue; !ok {
		return nil, nil, false
	}
	batch = append(batch, first)
	for size := first.size; len(batch) < c.cfg.MaxItems; {
		select {
		case next, open := <-c.queue:
			if !open {
				return batch, nil, true
			}
			if size += next.size; size > c.cfg.MaxBytes {
				return batch, &next, true
			}
			batch = append(batch, next)
		default:
			return batch, nil, true
		}
	}
	return batch, nil, true
}

// commit brings a batch to its end. When something in it is bad, halves are
// tried until the bad item stands alone: at most 2n−1 transactions for n items,
// about 2·log₂ n for one bad item.
func (c *Committer[T]) commit(batch []job[T]) {
	err := c.retry(batch)
	if err == nil || len(batch) == 1 || !blamesItem(err) {
		for _, j := range batch {
			j.done <- err
		}
		return
	}
	half := len(batch) / 2
	c.commit(batch[:half])
	c.commit(batch[half:])
}

// retry runs the batch again while that is known to be harmless and useful.
func (c *Committer[T]) retry(batch []job[T]) error {
	items := make([]T, len(batch))
	for i, j := range batch {
		items[i] = j.item
	}
	return withRetries(context.Background(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, commitTimeout)
		defer cancel()
		return transact(ctx, c.pool, func(ctx context.Context, tx bun.Tx) error {
			return guarded(func() error { return c.apply(ctx, tx, items) })
		})
	})
}

// blamesItem reports whether a smaller batch could fare better.
func blamesItem(err error) bool {
	return !errors.Is(err, ErrUnknown) && !errors.Is(err, context.DeadlineExceeded) && !fault.Is(err, fault.Unavailable)
}
