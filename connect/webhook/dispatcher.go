package webhook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

const (
	// grace is how long a stopping dispatcher lets running sends end by themselves.
	grace = time.Second
	// perWalk bounds the endpoints of one step of the walk.
	perWalk = 256
	// atOnce bounds the deliveries of one statement that gives them back, and the
	// outcomes of endpoints that do not do well in one transaction: while a transaction
	// writes, the relay publishes nothing that was committed behind it.
	atOnce = 32
)

// rounds are the looks at the table for the endpoints of one standing, one after
// the other and beside those for the other.
type rounds struct {
	of     footing
	most   int           // endpoints of one look
	breath time.Duration // the shortest time between two looks

	wakeup chan struct{}
	heads  map[string]string // by endpoint with a jammed front: where the look at its objects goes on
	walks  bool              // at every tick it also looks for what nobody told of,
	walked string            // where that goes on
}

// newRounds is, by standing, how often and how much is looked for. Of those on
// probation so little that their starts, 320 a second, never stand in a crowd before
// what starts for the proven; it is three times what the half of the room that they
// share bears of receivers that never answer.
func newRounds() [footings]*rounds {
	return [footings]*rounds{
		proven:    {of: proven, most: 256, breath: 5 * time.Millisecond, wakeup: make(chan struct{}, 1), heads: map[string]string{}},
		probation: {of: probation, most: 16, breath: 50 * time.Millisecond, wakeup: make(chan struct{}, 1), heads: map[string]string{}, walks: true},
	}
}

// DispatcherConfig bounds a dispatcher; zero fields get the defaults.
type DispatcherConfig struct {
	InFlight    int           // sends at a time, default 2048; half of them at most to endpoints on probation
	PerEndpoint int           // sends at a time to one endpoint without limits of its own, default 16; one on probation
	Poll        time.Duration // how often to look without being woken, default 500 ms

	Notifier Notifier     // nil: nobody is told when an endpoint is warned about or disabled
	Observe  func(Sample) // of every try; nil for none
}

func (c DispatcherConfig) withDefaults() DispatcherConfig {
	if c.InFlight == 0 {
		c.InFlight = 2048
	}
	if c.PerEndpoint == 0 {
		c.PerEndpoint = 16
	}
	if c.Poll == 0 {
		c.Poll = 500 * time.Millisecond
	}
	if c.Observe == nil {
		c.Observe = func(Sample) {}
	}
	return c
}

// Dispatcher sends what is due. Any number of them may run side by side.
type Dispatcher struct {
	pool       *bun.DB
	sender     *Sender
	accounts   Directory
	clock      clock.Clock
	cfg        DispatcherConfig
	places     *places
	addressees *addressees
	hearers    *hearers
	rounds     [footings]*rounds
	gauges     gauges
	returns    returns

	sending context.Context                   // of all sends of a Run; done when they are cut off
	record  [footings]*db.Committer[*settled] // outcomes commit together, by how the endpoint does; exist while Run runs
}

// NewDispatcher makes a dispatcher; clk is real time.
func NewDispatcher(pool *bun.DB, ring *secret.Keyring, sender *Sender, accounts Directory, clk clock.Clock, cfg DispatcherConfig) *Dispatcher {
	cfg = cfg.withDefaults()
	return &Dispatcher{
		pool: pool, sender: sender, accounts: accounts, clock: clk, cfg: cfg, places: newPlaces(cfg),
		addressees: newAddressees(pool, ring, clk.Now), hearers: &hearers{known: map[hearerKey]time.Time{}}, rounds: newRounds(),
	}
}

// Wake makes the dispatcher look for due deliveries now. It never blocks.
func (d *Dispatcher) Wake() {
	for _, r := range d.rounds {
		r.wake()
	}
}

func (r *rounds) wake() {
	select {
	case r.wakeup <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Run sends until ctx is done (once at a time), then gives back what has not
// started and waits for running sends: a second for them to end, then they are cut
// off and given back too.
func (d *Dispatcher) Run(ctx context.Context) error {
	var cut context.CancelFunc
	d.sending, cut = context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	for of, most := range [footings]int{proven: 200, probation: atOnce} {
		d.record[of] = db.NewCommitter(d.pool, db.CommitterConfig{MaxItems: most, MaxBytes: 4 << 20, Queue: 2 * (d.cfg.InFlight + maxHeld)}, finish)
		defer d.record[of].Close()
	}
	d.places.start()
	var looking sync.WaitGroup
	for _, r := range d.rounds {
		looking.Go(func() { d.loop(ctx, r) })
	}
	looking.Wait()
	d.giveBack(d.places.stop())
	timer := time.AfterFunc(grace, cut)
	defer timer.Stop()
	d.places.sends.Wait()
	return nil
}

// loop looks when it is woken and at every tick.
func (d *Dispatcher) loop(ctx context.Context, r *rounds) {
	poll := time.NewTicker(d.cfg.Poll)
	defer poll.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for tick := true; ctx.Err() == nil; {
		if err := d.look(ctx, r, tick && r.walks); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "webhook deliveries not leased", "error", err)
		}
		pause.Reset(r.breath)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		tick = false
		select {
		case <-ctx.Done():
		case <-r.wakeup:
		case <-poll.C:
			tick = true
			if r.walks {
				d.giveBack(d.places.tidy())
				d.addressees.sweep()
				d.hearers.sweep()
			}
		}
	}
}

// look leases what is due and has a place. What is known to wait is asked for by
// name; a walk asks for the next endpoints that have something pending too.
func (d *Dispatcher) look(ctx context.Context, r *rounds, walk bool) error {
	at := d.clock.Now()
	named := d.places.expected(r.of, r.most, at)
	if len(named) == r.most {
		r.wake() // there may be more
	}
	hops := 0
	if walk {
		hops = perWalk
	}
	if len(named) == 0 && hops == 0 {
		return nil
	}
	found, next, err := findDue(ctx, d.pool, at, named, r.walked, hops)
	if err != nil {
		d.places.expect(named)
		return err
	}
	if walk {
		d.gauges.walked(at, found, next == "")
		r.walked = next
	}
	return d.leaseFound(ctx, r, at, found)
}

// leaseFound leases from the first endpoints found that stand as those of the rounds
// do; what is of the others, or too much for one look, is expected.
func (d *Dispatcher) leaseFound(ctx context.Context, r *rounds, at time.Time, found []due) error {
	free, guarded := map[string]int{}, map[string]int{}
	for _, f := range found {
		if of := d.places.footingOf(f.ID); of != r.of || len(free)+len(guarded) == r.most {
			d.places.expect([]string{f.ID})
			d.rounds[of].wake()
			continue
		}
		room := d.places.room(f, at)
		switch {
		case room == 0:
			d.places.expect([]string{f.ID}) // a send that ends makes room
		case f.guarded():
			guarded[f.ID] = room
		default:
			free[f.ID] = room
		}
	}
	batch, err := leaseFair(ctx, d.pool, at, free, r.heads)
	d.admit(batch)
	if err == nil && len(guarded) > 0 {
		var more []leased
		more, err = leaseGuarded(ctx, d.pool, at, guarded)
		d.admit(more)
		batch = append(batch, more...)
	}
	d.expectMore(batch, free, guarded, err != nil)
	return err
}

// expectMore notes who got all they had places for: there may be more.
func (d *Dispatcher) expectMore(batch []leased, free, guarded map[string]int, failed bool) {
	got := map[string]int{}
	for _, l := range batch {
		got[l.Endpoint]++
	}
	var more []string
	for _, places := range []map[string]int{free, guarded} {
		for endpointID, n := range places {
			if failed || got[endpointID] >= n {
				more = append(more, endpointID)
			}
		}
	}
	for endpointID := range guarded { // their limits, not their places, may have been what ended the lease
		if got[endpointID] > 0 {
			more = append(more, endpointID)
		}
	}
	d.places.expect(more)
}

// accept takes what the Subscriber has just committed: born is leased to us,
// waiting has something that is not.
func (d *Dispatcher) accept(born []leased, waiting []string) {
	d.admit(born)
	if len(waiting) > 0 {
		d.places.expect(waiting)
		d.Wake()
	}
}

func (d *Dispatcher) admit(batch []leased) {
	start, refused := d.places.admit(batch)
	d.begin(start)
	d.giveBack(refused)
}

// begin sends in the background.
func (d *Dispatcher) begin(start []leased) {
	for _, l := range start {
		go func() {
			defer d.places.sends.Done()
			d.deliver(d.sending, l)
		}()
	}
}

// returns gathers what many sends give back while one of them is at the table.
type returns struct {
	giving sync.Mutex // held by who is at the table

	mu     sync.Mutex
	queued []leased
}

func (r *returns) add(batch []leased) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued = append(r.queued, batch...)
}

func (r *returns) take() (batch []leased) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch, r.queued = r.queued, nil
	return batch
}

// giveBack returns to the table what was leased and not tried: what is there for it,
// whoever brought it, a little at a time. It is back when giveBack returns.
func (d *Dispatcher) giveBack(batch []leased) {
	if len(batch) == 0 {
		return
	}
	d.returns.add(batch)
	d.returns.giving.Lock()
	defer d.returns.giving.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	at := d.clock.Now()
	for some := range slices.Chunk(d.returns.take(), atOnce) {
		if err := release(ctx, d.pool, some, at); err != nil {
			slog.WarnContext(ctx, "webhook deliveries not given back, their leases will end", "deliveries", len(some), "error", err)
		}
	}
}

// deliver makes one attempt and records it. After a good answer its place is free
// at once; after any other, what that means for the endpoint is recorded first.
func (d *Dispatcher) deliver(ctx context.Context, l leased) {
	answer, at, t, outcome := d.attempt(ctx, l)
	verdict, ended := outcome.verdict(answer), d.clock.Now()
	if verdict == good {
		d.leave(l, verdict, ended)
	}
	// What was cut off while it ran must still be written down.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	switch outcome {
	case untried:
		d.giveBack([]leased{l})
	case withheld:
		d.report(record, l, withhold(record, d.pool, l))
	case tried:
		d.settle(record, l, t, at, answer)
	}
	if verdict != good {
		d.leave(l, verdict, ended)
	}
	d.begin(d.places.recorded())
}

// leave frees a place. ended is when the attempt did: a rest begins there, like the
// wait for the next try, however long it took to write both down.
func (d *Dispatcher) leave(l leased, v verdict, ended time.Time) {
	start, dropped, now, wake := d.places.leave(l, v, ended)
	d.begin(start)
	d.giveBack(dropped)
	if wake {
		d.rounds[now].wake()
	}
}

// outcome is how far an attempt came.
type outcome int

const (
	tried    outcome = iota
	untried          // it goes back, as if it had not been leased
	withheld         // its receiver may not hear of the account any more, or its body was erased
	unknown          // we do not know: the lease's end brings it back
)

func (o outcome) verdict(a Answer) verdict {
	switch {
	case o != tried:
		return nothing
	case a.Delivered():
		return good
	case a.overloaded():
		return overloaded
	}
	return bad
}

// attempt makes one try, if its endpoint takes any and may hear of the account.
// A platform that lost the account since the delivery was written gets nothing.
func (d *Dispatcher) attempt(ctx context.Context, l leased) (Answer, time.Time, *addressee, outcome) {
	if !d.awaitSlot(ctx, l) {
		d.places.expect([]string{l.Endpoint})
		return Answer{}, time.Time{}, nil, untried
	}
	t, err := d.addressees.get(ctx, l.Endpoint, l.footing())
	if err != nil || t == nil {
		d.report(ctx, l, err)
		return Answer{}, time.Time{}, nil, untried
	}
	if !t.sendable(l.probe) || d.clock.Now().Add(sendTimeout).After(l.until) { // or its lease may end under the send
		return Answer{}, time.Time{}, t, untried
	}
	if len(l.Body) == 0 { // erased since it was missed: there is nothing to send
		return Answer{}, time.Time{}, t, withheld
	}
	if hears, err := d.hears(ctx, l, t); err != nil {
		d.report(ctx, l, err)
		return Answer{}, time.Time{}, t, unknown
	} else if !hears {
		return Answer{}, time.Time{}, t, withheld
	}
	at := d.clock.Now()
	if l.Number-l.Before == 1 {
		d.observeFirst(l)
	}
	answer, err := d.send(ctx, l, t, at)
	if ctx.Err() != nil && !answer.Delivered() {
		return answer, at, t, untried // we cut it off: that says nothing about the endpoint
	}
	if err != nil { // that is our failure, and the endpoint's health does not hear of it
		d.report(ctx, l, err)
		return Answer{}, at, t, unknown
	}
	d.cfg.Observe(Sample{Took: answer.Duration, Failure: answer.Failure})
	return answer, at, t, tried
}

// awaitSlot waits for the time the send was given; false when it came too late, or
// we are stopping: used late, a slot would lie beside the next one.
func (d *Dispatcher) awaitSlot(ctx context.Context, l leased) bool {
	if l.slot.IsZero() {
		return true
	}
	timer := time.NewTimer(l.slot.Sub(d.clock.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	return d.clock.Now().Sub(l.slot) < l.late
}

// hears asks before every try. For a first one, a yes of a moment ago will do: when it
// was written, or for another event of the account.
func (d *Dispatcher) hears(ctx context.Context, l leased, t *addressee) (bool, error) {
	if !t.Connect || l.Account == "" || l.EventType == Deauthorized {
		return true, nil
	}
	key := hearerKey{platform: t.Account, account: l.Account, livemode: t.Livemode}
	first := l.Number-l.Before == 1
	if first && (l.heard && time.Since(l.takenAt) < knownFor || d.hearers.know(key)) {
		return true, nil
	}
	hears, err := d.accounts.Hears(ctx, d.pool, key.platform, key.account, key.livemode)
	if hears && err == nil {
		d.hearers.note(key)
	}
	return hears, err
}

func (d *Dispatcher) send(ctx context.Context, l leased, t *addressee, at time.Time) (Answer, error) {
	if t.unsealed != nil {
		return Answer{}, t.unsealed
	}
	return d.sender.Send(ctx, Message{ID: l.Event, Endpoint: l.Endpoint, URL: t.URL, Secrets: t.secrets, Body: render(l.Body, t.Endpoint, l.Pending)}, at)
}

// settle decides what follows from an attempt and records both.
func (d *Dispatcher) settle(ctx context.Context, l leased, t *addressee, at time.Time, answer Answer) {
	s := &settled{
		Attempt: Attempt{Delivery: l.ID, Endpoint: l.Endpoint, Number: l.Number, At: at, URL: t.URL, Answer: answer},
		next:    Delivered, nextAt: at, probe: l.probe, ailing: t.failures > 0 || !t.openUntil.IsZero(),
	}
	ended := false
	if answer.gone() {
		var err error
		ended, err = d.retire(ctx, t.Endpoint)
		d.report(ctx, l, err)
	}
	switch {
	case answer.Delivered():
	case ended:
		s.next = Undelivered
	default:
		s.next = Failed
		if wait, more := retryIn(t.waits(), l.Number-l.Before, answer.RetryAfter, rand.Int64N(jitterRange)); more {
			s.next, s.nextAt = Pending, at.Add(answer.Duration).Add(wait)
		}
	}
	if err := d.record[s.footing()].Do(ctx, s); err != nil {
		d.report(ctx, l, err)
		return // s may still belong to the Committer
	}
	if s.ailing || !answer.Delivered() {
		d.addressees.forget(l.Endpoint)
	}
	if s.turned == closed || l.Ordered && s.next != Pending {
		d.places.expect([]string{l.Endpoint}) // what waited for this
		d.Wake()
	}
}

// observeFirst measures how long after its event a delivery was tried first.
func (d *Dispatcher) observeFirst(l leased) {
	if happened, ok := id.Time(l.Event); ok && l.Number == 1 {
		d.cfg.Observe(Sample{First: true, Took: time.Since(happened)})
	}
}

// report logs a failure of ours; the lease's end brings the delivery back.
func (d *Dispatcher) report(ctx context.Context, l leased, err error) {
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, "webhook delivery not settled", "event", l.Event, "delivery", l.ID, "attempt", l.Number, "error", err)
	}
}
