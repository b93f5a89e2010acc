// Package relay publishes the event log to Kafka: everything committed, at
// least once, each object's versions in order.
//
// Order and safety come from the log (see event.Settled): an event is read only
// once no open transaction can still add an earlier one. So a transaction left
// open, in any database of the cluster, delays publishing; it never loses or
// reorders an event, and after a few seconds the relay names it in the log.
//
// The log has lanes (event.Lanes), and the relays of all processes share them
// out: each holds its part by leases in the cursors' rows (see share.go). A
// relay that loses a lane while it publishes cannot move the cursor any more,
// and what it sent is sent again by the next: consumers have the Inbox.
//
// Memory is bounded whatever the broker does: each lane has at most one batch
// read but not acknowledged, so batchBytes and one event (event.MaxBytes) times
// the lanes, about 20 MiB at the worst and a tenth of it as a rule; while up to
// four batches are being read they stand there twice.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// Publisher is the way to the broker. It returns what was not acknowledged, in
// order, and sends nothing after a failure that belongs before it. Several
// lanes publish at the same time.
type Publisher interface {
	Publish(ctx context.Context, topic string, messages []bus.Message) (unacked []bus.Message, err error)
}

// Config has sensible zero values.
type Config struct {
	Topic      string        // default bus.Events
	Poll       time.Duration // between looks at a quiet log; default 40 ms
	Gather     time.Duration // from a look that found something to the next: one publishing of many events costs little more than of one; default 80 ms
	Lease      time.Duration // after which a silent relay's lanes are taken over; default 6 s
	StallAfter time.Duration // of a standing horizon before the log names the culprit; default 5 s
	Log        *slog.Logger  // default slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Topic == "" {
		c.Topic = bus.Events
	}
	if c.Poll == 0 {
		c.Poll = 40 * time.Millisecond
	}
	if c.Gather == 0 {
		c.Gather = 80 * time.Millisecond
	}
	if c.Lease == 0 {
		c.Lease = 6 * time.Second
	}
	if c.StallAfter == 0 {
		c.StallAfter = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// workers publish lanes at the same time: while one waits for the broker,
// another reads.
const workers = 4

// saveEvery gathers the lanes that have moved into one statement.
const saveEvery = 20 * time.Millisecond

// Relay publishes the lanes it holds.
type Relay struct {
	pool  *bun.DB
	to    Publisher
	cfg   Config
	name  string // who holds the leases
	wake  chan struct{}
	stats stats

	// Of the running Run alone:
	lanes    map[int]*lane
	lost     map[int]bool // lanes lost while a worker had them; not taken again until it is back
	busy     int          // lanes with a worker
	last     int          // the lane that was given out last: they take turns
	leasedAt time.Time    // when the leases were last renewed
	others   int          // relays that live besides us
	restless time.Time    // until when their coming or going is still being settled
	horizon  horizon
	months   months
	trouble  trouble
	due      struct{ beat, look, save time.Time }
}

// New makes a relay over the pool.
func New(pool *bun.DB, to Publisher, cfg Config) *Relay {
	return &Relay{
		pool: pool, to: to, cfg: cfg.withDefaults(), name: id.New("relay"), wake: make(chan struct{}, 1),
		lanes: map[int]*lane{}, lost: map[int]bool{},
	}
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
//
// Run itself keeps leases, cursors and the horizon; it gives lanes with news to
// workers and never touches a lane while a worker has it.
func (r *Relay) Run(ctx context.Context) error {
	jobs, done := make(chan *lane, workers), make(chan *lane, workers)
	var staff sync.WaitGroup
	for range workers {
		staff.Go(func() {
			for l := range jobs {
				l.carry(ctx, r)
				done <- l
			}
		})
	}
	for ctx.Err() == nil {
		r.attend(ctx)
		r.handOut(jobs)
		r.await(ctx, done)
	}
	close(jobs)
	staff.Wait()
	close(done)
	for l := range done {
		r.takeBack(l)
	}
	r.leave()
	return nil
}

// attend does what is due with the database. When that fails, it rests a while
// and so does everything here; lanes that workers have go on.
func (r *Relay) attend(ctx context.Context) {
	now := time.Now()
	if now.Before(r.trouble.restUntil) {
		return
	}
	err := func() error {
		if !now.Before(r.due.beat) {
			if err := r.beat(ctx); err != nil {
				return err
			}
		}
		if err := r.save(ctx, now); err != nil {
			return err
		}
		if now.Before(r.due.look) {
			return nil
		}
		r.due.look = now.Add(r.cfg.Poll)
		if err := r.trim(ctx); err != nil {
			return err
		}
		return r.look(ctx)
	}()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.failed(err)
		r.trouble.inRow++
		r.trouble.restUntil = time.Now().Add(backoff(r.trouble.inRow))
	default:
		r.trouble.inRow = 0
	}
}

// handOut gives lanes that have something to publish to free workers, in turn.
// A relay that could not renew its leases stops before they run out.
func (r *Relay) handOut(jobs chan<- *lane) {
	now := time.Now()
	if now.Sub(r.leasedAt) > r.cfg.Lease*3/4 {
		return
	}
	for range event.Lanes {
		if r.busy == workers {
			return
		}
		r.last = (r.last + 1) % event.Lanes
		if l := r.lanes[r.last]; l != nil && l.wants(now) {
			l.busy = true
			r.busy++
			jobs <- l // has room for every worker
		}
	}
}

// await returns when a lane comes back or something is due.
func (r *Relay) await(ctx context.Context, done <-chan *lane) {
	t := time.NewTimer(time.Until(r.nextDue()))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-r.wake:
		r.due.look = time.Time{}
	case l := <-done:
		r.takeBack(l)
	}
}

func (r *Relay) nextDue() time.Time {
	next := r.due.beat
	if len(r.lanes) > 0 && r.due.look.Before(next) {
		next = r.due.look
	}
	for _, l := range r.lanes {
		if l.moved() && r.due.save.Before(next) {
			next = r.due.save
		}
		if l.wants(l.retryAt) && r.busy < workers && l.retryAt.Before(next) {
			next = l.retryAt
		}
	}
	if next.Before(r.trouble.restUntil) {
		return r.trouble.restUntil
	}
	return next
}

// takeBack is what a lane has become with its worker.
func (r *Relay) takeBack(l *lane) {
	l.busy = false
	r.busy--
	r.stats.published.Add(int64(l.sent))
	if r.lanes[l.Lane] != l {
		delete(r.lost, l.Lane)
		return
	}
	switch {
	case errors.Is(l.err, errStopped):
	case l.err != nil:
		l.failures++
		l.retryAt = time.Now().Add(backoff(l.failures))
		r.failed(l.err)
	default:
		l.failures, l.Position, l.ready = 0, l.upTo, l.full
	}
	r.tellOldest()
}

// trouble is what went wrong with the database.
type trouble struct {
	inRow     int
	restUntil time.Time
	toldAt    time.Time // of any failure
}

// tellEvery spares the log: in an outage of the broker every lane fails again and again.
const tellEvery = 2 * time.Second

func (r *Relay) failed(err error) {
	r.stats.failures.Add(1)
	if time.Since(r.trouble.toldAt) >= tellEvery {
		r.trouble.toldAt = time.Now()
		r.cfg.Log.Warn("relay: cannot publish, trying again", "failures", r.stats.failures.Load(), "error", err)
	}
}

// backoff grows from 50 ms to 2 s.
func backoff(failures int) time.Duration {
	return min(50*time.Millisecond<<min(failures-1, 10), 2*time.Second)
}

// Stats are what a relay tells about itself.
type Stats struct {
	Lanes             int           // how many it holds
	Published         int64         // events acknowledged since the start
	Failures          int64         // failed steps since the start
	Looks             int64         // how often it has asked whether there is something to publish
	OldestUnpublished time.Duration // age of the oldest event of its lanes that waits; 0 when none does
	HorizonAge        time.Duration // how long an open transaction has held events back; 0 when none does
}

type stats struct {
	lanes, published, failures, looks atomic.Int64
	oldest                            atomic.Int64 // unix milliseconds; 0 = nothing waits
	horizonSince                      atomic.Int64 // likewise
}

// Stats may be called at any time, by metrics and health checks.
func (r *Relay) Stats() Stats {
	return Stats{
		Lanes: int(r.stats.lanes.Load()), Published: r.stats.published.Load(), Failures: r.stats.failures.Load(), Looks: r.stats.looks.Load(),
		OldestUnpublished: since(r.stats.oldest.Load()), HorizonAge: since(r.stats.horizonSince.Load()),
	}
}

func since(ms int64) time.Duration {
	if ms == 0 {
		return 0
	}
	return max(time.Since(time.UnixMilli(ms)), 0)
}

// WaitPublished waits until the log is published up to and including a place in
// each lane, usually event.Head. It asks the database, so it works from any process.
func WaitPublished(ctx context.Context, pool *bun.DB, upTo event.Positions) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		at, err := event.Published(ctx, pool)
		if err != nil {
			return err
		}
		if !at.Before(upTo) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the relay: %w", errors.Join(ctx.Err(), context.Cause(ctx)))
		case <-again.C:
		}
	}
}
