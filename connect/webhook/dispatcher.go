package webhook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

// leaseFor outlasts a send and its recording; after it, another node may try.
const leaseFor = 3 * sendTimeout

// grace is how long a stopping dispatcher lets running sends end by themselves.
const grace = time.Second

// DispatcherConfig bounds a dispatcher; zero fields get the defaults.
type DispatcherConfig struct {
	InFlight    int           // sends at a time, default 2048; half of them at most to failing endpoints
	PerEndpoint int           // sends at a time to one endpoint, default 8; one while it fails
	Poll        time.Duration // how often to look without being woken, default 500 ms
}

func (c DispatcherConfig) withDefaults() DispatcherConfig {
	if c.InFlight == 0 {
		c.InFlight = 2048
	}
	if c.PerEndpoint == 0 {
		c.PerEndpoint = 8
	}
	if c.Poll == 0 {
		c.Poll = 500 * time.Millisecond
	}
	return c
}

// Dispatcher sends what is due. Any number of them may run side by side.
type Dispatcher struct {
	pool     *bun.DB
	ring     *secret.Keyring
	sender   *Sender
	accounts Directory
	clock    clock.Clock
	cfg      DispatcherConfig
	wakeup   chan struct{}
	record   *db.Committer[settled] // outcomes commit together; exists while Run runs

	mu      sync.Mutex
	running map[string]int  // sends under way, by endpoint
	total   int             // their sum
	failing map[string]bool // endpoints whose last answer was not 2xx
}

// NewDispatcher makes a dispatcher; clk is real time.
func NewDispatcher(pool *bun.DB, ring *secret.Keyring, sender *Sender, accounts Directory, clk clock.Clock, cfg DispatcherConfig) *Dispatcher {
	return &Dispatcher{
		pool: pool, ring: ring, sender: sender, accounts: accounts, clock: clk, cfg: cfg.withDefaults(),
		wakeup: make(chan struct{}, 1), running: map[string]int{}, failing: map[string]bool{},
	}
}

// Wake makes the dispatcher look for due deliveries now. It never blocks.
func (d *Dispatcher) Wake() {
	select {
	case d.wakeup <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Run sends until ctx is done (once at a time), then waits for running sends: a second for them
// to end, then they are cut off and given back.
func (d *Dispatcher) Run(ctx context.Context) error {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	d.record = db.NewCommitter(d.pool, db.CommitterConfig{MaxBytes: 4 << 20}, finish)
	defer d.record.Close()
	var sends sync.WaitGroup
	poll := time.NewTicker(d.cfg.Poll)
	defer poll.Stop()
	for ctx.Err() == nil {
		if err := d.start(ctx, sending, &sends); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "webhook deliveries not leased", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-d.wakeup:
		case <-poll.C:
		}
	}
	timer := time.AfterFunc(grace, cut)
	defer timer.Stop()
	sends.Wait()
	return nil
}

// start leases what there is room for and sends it in the background.
func (d *Dispatcher) start(ctx, sending context.Context, sends *sync.WaitGroup) error {
	room, free := d.room()
	if room == 0 {
		return nil // the next send that ends wakes us
	}
	batch, err := lease(ctx, d.pool, d.clock.Now(), room, d.cfg.PerEndpoint, free)
	if err != nil {
		return err
	}
	for _, l := range batch {
		d.enter(l.Endpoint)
		sends.Go(func() {
			d.leave(l.Endpoint, d.deliver(sending, l))
			d.Wake()
		})
	}
	return nil
}

// room is how many sends may start, and the free places of endpoints that do
// not have all of theirs. A failing endpoint gets one place, and all failing
// endpoints together half of the room, so that any number of dead receivers
// leaves the other half to the healthy ones; which of them get a place changes
// with Go's order of map iteration.
func (d *Dispatcher) room() (int, map[string]int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := make(map[string]int, len(d.running)+len(d.failing))
	left := d.cfg.InFlight / 2
	for endpointID := range d.failing {
		left -= d.running[endpointID]
	}
	for endpointID := range d.failing {
		free[endpointID] = 0
		if d.running[endpointID] == 0 && left > 0 {
			free[endpointID] = 1
			left--
		}
	}
	for endpointID, n := range d.running {
		if !d.failing[endpointID] {
			free[endpointID] = max(d.cfg.PerEndpoint-n, 0)
		}
	}
	return d.cfg.InFlight - d.total, free
}

func (d *Dispatcher) enter(endpointID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[endpointID]++
	d.total++
}

func (d *Dispatcher) leave(endpointID string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	if d.running[endpointID]--; d.running[endpointID] == 0 {
		delete(d.running, endpointID)
	}
	if ok {
		delete(d.failing, endpointID)
	} else {
		d.failing[endpointID] = true
	}
}

// deliver makes one attempt and records it; false if the endpoint did not take it.
// A platform that lost the account since the delivery was written gets nothing.
func (d *Dispatcher) deliver(ctx context.Context, l leased) bool {
	if hears, err := d.hears(ctx, l); err != nil || !hears {
		if err == nil {
			err = withhold(ctx, d.pool, l)
		}
		d.report(ctx, l, err)
		return true // that says nothing about the endpoint
	}
	answer, at, err := d.send(ctx, l)
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if ctx.Err() != nil && !answer.Delivered() {
		d.report(record, l, release(record, d.pool, l, d.clock.Now()))
		return true // we cut it off: that says nothing about the endpoint
	}
	if err != nil {
		d.report(record, l, err)
		answer = Answer{Failure: "other"}
	}
	d.report(record, l, d.settle(record, Attempt{Delivery: l.ID, Endpoint: l.Endpoint, Number: l.Number, At: at, Answer: answer}))
	return answer.Delivered()
}

func (d *Dispatcher) hears(ctx context.Context, l leased) (bool, error) {
	if l.Platform == "" || l.Account == "" || l.EventType == Deauthorized {
		return true, nil
	}
	return d.accounts.Hears(ctx, d.pool, l.Platform, l.Account, l.Livemode)
}

func (d *Dispatcher) send(ctx context.Context, l leased) (Answer, time.Time, error) {
	at := d.clock.Now()
	secrets := make([]Secret, len(l.SecretIDs))
	for i, sealed := range l.SealedSecrets {
		key, err := d.ring.Open(sealed, sealedIn, l.Endpoint)
		if err != nil {
			return Answer{}, at, err
		}
		secrets[i] = Secret{ID: l.SecretIDs[i], Key: key}
	}
	answer, err := d.sender.Send(ctx, Message{ID: l.Event, Endpoint: l.Endpoint, URL: l.URL, Secrets: secrets, Body: l.Body}, at)
	return answer, at, err
}

// settle decides what follows from an attempt and records both.
func (d *Dispatcher) settle(ctx context.Context, a Attempt) error {
	s := settled{Attempt: a, next: Delivered, nextAt: a.At}
	if !a.Delivered() {
		s.next = Failed
		if wait, more := retryIn(a.Number, a.RetryAfter, rand.Int64N(jitterRange)); more {
			s.next, s.nextAt = Pending, a.At.Add(a.Duration).Add(wait)
		}
	}
	return d.record.Do(ctx, s)
}

// Size is what a batch of outcomes is bounded by.
func (s settled) Size() int { return len(s.Response) }

// report logs a failure of ours; the lease's end brings the delivery back.
func (d *Dispatcher) report(ctx context.Context, l leased, err error) {
	if err != nil {
		slog.ErrorContext(ctx, "webhook delivery not settled", "event", l.Event, "delivery", l.ID, "attempt", l.Number, "error", err)
	}
}
