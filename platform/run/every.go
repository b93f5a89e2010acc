package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/uptrace/bun"
)

// Job is work that is done again and again, by one process at a time.
type Job struct {
	Name     string        // key of the lease: one name is one job in the whole installation
	Interval time.Duration // from the end of one run to the next, whichever process does it
	// Do does what is due and returns. An error is logged and the next run comes
	// as usual, so Do must be fit to be repeated. When ctx is done, the process
	// stops or the lease is lost to another: Do returns soon, and does not commit any more.
	// Do may also stay until ctx is done: the lease is kept as long as it runs.
	Do func(ctx context.Context) error
}

const (
	leaseTerm  = 15 * time.Second // after a crash, the job rests this long
	renewEvery = leaseTerm / 3
	giveUp     = leaseTerm * 2 / 3 // without a renewal for this long, we stop before the lease runs out
)

var errLeaseLost = errors.New("the lease was lost")

// Worker does one job in one process.
type Worker struct {
	pool *bun.DB
	job  Job
	poke chan struct{} // room for one: pokes during a run become one more run
	turn chan struct{} // holds a token while this process works at the job
}

// Every prepares a worker. It does nothing by itself: give Run to a Group.
func Every(pool *bun.DB, job Job) *Worker {
	return &Worker{pool: pool, job: job, poke: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// Run does the job whenever it is due or poked, until ctx is done. At the
// start it looks at once whether the job is due.
func (w *Worker) Run(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		poked := false
		select {
		case <-ctx.Done():
			return nil
		case <-w.poke:
			poked = true
		case <-next.C:
		}
		if err := w.once(ctx, poked); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "job failed", "job", w.job.Name, "error", err)
		}
		next.Reset(w.job.Interval)
	}
}

// Poke makes Run do the job now instead of at the next tick. It never blocks.
func (w *Worker) Poke() {
	select {
	case w.poke <- struct{}{}:
	default: // one is waiting already
	}
}

// RunNow does the job here and now and returns its error. It waits for another
// process that is just doing it, until ctx is done. Run need not be running.
func (w *Worker) RunNow(ctx context.Context) error { return w.once(ctx, true) }

// once does the job if the lease can be had. now means: even if it is not due,
// and waiting for the lease.
func (w *Worker) once(ctx context.Context, now bool) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l := lease{pool: w.pool, name: w.job.Name, holder: rand.Text()}
	for {
		got, err := l.take(ctx, !now)
		if err != nil {
			return fmt.Errorf("take the lease: %w", err)
		}
		if got {
			return w.do(ctx, l)
		}
		if !now {
			return nil // not due, or another process is at it
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// do runs the job while the lease is renewed beside it.
func (w *Worker) do(ctx context.Context, l lease) error {
	working, stop := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		l.renew(working, stop)
	}()
	err := guarded(func() error { return w.job.Do(working) })
	stop(nil)
	<-renewed
	// Also when ctx is done: others need not wait for the lease to run out.
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewEvery)
	defer cancel()
	if released := l.release(ended, w.job.Interval); released != nil {
		err = errors.Join(err, fmt.Errorf("release the lease: %w", released))
	}
	if lost := context.Cause(working); errors.Is(lost, errLeaseLost) {
		err = errors.Join(lost, err)
	}
	return err
}

// guarded turns a panic of a job into an error, so that one job does not take the process with it.
func guarded(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}
