package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// QueueConfig bounds a queue; zero values take the defaults.
type QueueConfig struct {
	Size     int           // messages waiting, default 1,000; beyond it Post refuses
	Workers  int           // messages under way, default 4: one slow server must not hold up all
	Attempts int           // per message, default 5
	Backoff  time.Duration // before the second attempt, default 1 s; doubles with each
	Timeout  time.Duration // of one attempt, default 20 s
	Log      *slog.Logger  // nil: slog.Default()
}

// Queue keeps messages in memory until a Sender has taken them.
type Queue struct {
	cfg    QueueConfig
	sender Sender
	queue  chan Message
}

// NewQueue prepares a queue; nothing is sent before Run.
func NewQueue(sender Sender, cfg QueueConfig) *Queue {
	cfg.Size = orDefault(cfg.Size, 1000)
	cfg.Workers = orDefault(cfg.Workers, 4)
	cfg.Attempts = orDefault(cfg.Attempts, 5)
	cfg.Backoff = orDefault(cfg.Backoff, time.Second)
	cfg.Timeout = orDefault(cfg.Timeout, 20*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Queue{cfg: cfg, sender: sender, queue: make(chan Message, cfg.Size)}
}

func orDefault[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// Post queues a message and reports whether there was room for it. It never blocks.
func (q *Queue) Post(m Message) bool {
	select {
	case q.queue <- m:
		return true
	default:
		return false
	}
}

// Ready reports whether there is room now. Who must not show whether a mail was
// sent asks this first in every case.
func (q *Queue) Ready() bool { return len(q.queue) < cap(q.queue) }

// drain is how long Run still sends what had queued when it was told to end.
const drain = 3 * time.Second

// Run sends until ctx is done. What had queued by then gets one more chance, within drain.
func (q *Queue) Run(ctx context.Context) error {
	var work sync.WaitGroup
	for range q.cfg.Workers {
		work.Go(func() { q.work(ctx) })
	}
	work.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for last.Err() == nil {
		select {
		case m := <-q.queue:
			if err := q.try(last, m); err != nil {
				q.cfg.Log.WarnContext(last, "mail lost at shutdown", "error", err)
			}
		default:
			return nil
		}
	}
	return nil
}

func (q *Queue) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-q.queue:
			q.deliver(ctx, m)
		}
	}
}

// deliver tries a few times. A worker waits for its message instead of putting it
// back: a server that is down is not asked by everybody at once.
func (q *Queue) deliver(ctx context.Context, m Message) {
	wait := q.cfg.Backoff
	for attempt := 1; ; attempt++ {
		err := q.try(ctx, m)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrPermanent) || attempt == q.cfg.Attempts:
			q.cfg.Log.ErrorContext(ctx, "mail given up", "attempts", attempt, "error", err)
			return
		}
		q.cfg.Log.WarnContext(ctx, "mail not sent yet", "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			q.Post(m) // Run's last round takes it
			return
		case <-time.After(wait):
		}
		wait *= 2
	}
}

func (q *Queue) try(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, q.cfg.Timeout)
	defer cancel()
	return q.sender.Send(ctx, m)
}
