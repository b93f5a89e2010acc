package webhook

import (
	"sync"
	"time"
)

const (
	// readAhead bounds what this process holds leased for one endpoint that answers
	// well, so that a send that ends is followed by the next without asking the table.
	readAhead = 1024
	// probationBirths bounds the endpoints on probation that one batch of events has places
	// for as it is written. The others wait in the table for the rounds of their standing.
	probationBirths = 16
	// maxHeld and maxHeldBytes bound what waits for places in this process; the rest waits in the table.
	maxHeld      = 8192
	maxHeldBytes = 64 << 20
	// patience is how long a delivery waits here for a place before it goes back to
	// the table, where another process can take it. A lease outlasts it by a send.
	patience = 5 * time.Second
	// idleFor is how long an endpoint is remembered without a delivery; then it is on probation again.
	idleFor = 10 * time.Minute
)

// receiver is what this process knows of an endpoint.
type receiver struct {
	endpoint string
	running  int      // sends under way
	held     []leased // leased to us, waiting for a place
	proven   bool     // its last answer here was good
	failing  bool     // its last answer, here or elsewhere, was not
	misses   int      // failures in a row, here
	overload int      // 429, 502, 503 and 504 in a row, here
	restsTo  time.Time
	waiting  bool // the table may hold more that is due
	stalled  bool // stands in places.stalled
	usedAt   time.Time
}

// footing is how an endpoint stands with this process. What is done for the one
// standing shares no query, no transaction and no queue with what is done for the other.
type footing int

const (
	proven    footing = iota // its last answer was good
	probation                // nobody knows, or it was not
	footings                 // how many there are
)

func (r *receiver) footing() footing {
	if r.proven {
		return proven
	}
	return probation
}

// places decides what may start. An endpoint has one place until it has answered
// well, and again while it does not: on probation. All endpoints on probation
// share half of the room, and those known to fail half of that: any number of dead
// receivers leaves a half to those that answer, and a quarter to those nobody knows.
// What waits for one on probation waits in the table, never here: what is held is
// for those that answer.
type places struct {
	cfg   DispatcherConfig
	sends sync.WaitGroup // those that have begun; counted under mu, so that none begins behind stop

	mu        sync.Mutex
	open      bool // a dispatcher runs
	receivers map[string]*receiver
	total     int // sends under way or not recorded yet
	shaky     int // sends under way to endpoints on probation
	failing   int // of these, to endpoints known to fail
	held      int
	heldBytes int
	stalled   []*receiver // that wait for room in general
}

func newPlaces(cfg DispatcherConfig) *places {
	return &places{cfg: cfg, receivers: map[string]*receiver{}}
}

func (p *places) of(endpointID string) *receiver {
	r := p.receivers[endpointID]
	if r == nil {
		r = &receiver{endpoint: endpointID}
		p.receivers[endpointID] = r
	}
	r.usedAt = time.Now()
	return r
}

// ahead is how much of r's this process may hold, sends under way included.
func (p *places) ahead(r *receiver) int {
	if r.proven {
		return p.cfg.PerEndpoint + readAhead
	}
	return 1
}

func (p *places) limit(r *receiver) int {
	if r.proven {
		return p.cfg.PerEndpoint
	}
	return 1
}

// offers reports whether one more delivery, behind what the batch has claimed and
// is not here yet, would find a place soon, and how its endpoint stands.
func (p *places) offers(endpointID string, c *claims, now time.Time) (footing, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.receivers[endpointID]
	if r == nil {
		r = &receiver{}
	}
	switch {
	case !p.open || p.held+c.all >= maxHeld || p.heldBytes+c.bytes > maxHeldBytes,
		!r.proven && c.probation >= probationBirths,
		r.waiting, // what waits in the table came first
		r.restsTo.After(now), r.misses > 0:
		return r.footing(), false
	}
	return r.footing(), r.running+len(r.held)+c.places[endpointID] < p.ahead(r)
}

// footingOf is how an endpoint stands now.
func (p *places) footingOf(endpointID string) footing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.receivers[endpointID]; r != nil {
		return r.footing()
	}
	return probation
}

// room is how many deliveries of an endpoint may be leased for it now.
func (p *places) room(d due, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.of(d.ID)
	r.failing = r.failing || !r.proven && d.Failures > 0
	switch {
	case r.restsTo.After(now) || p.total+p.held >= p.cfg.InFlight+maxHeld:
		return 0
	case !r.proven && (r.running+len(r.held) > 0 || p.full(r)):
		return 0
	case !r.proven:
		return 1
	case d.guarded():
		most := max(p.cfg.PerEndpoint, d.MaxConcurrency)
		if d.MaxConcurrency == 0 {
			most = max(most, min(d.RateLimit, paceBurst))
		}
		return max(most-r.running, 0)
	}
	if len(r.held) >= p.cfg.PerEndpoint {
		return 0 // there is enough to go on with
	}
	return max(p.ahead(r)-r.running-len(r.held), 0)
}

// admit takes leased deliveries in and says what starts now, and what has to go back.
func (p *places) admit(batch []leased) (start, refused []leased) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		return nil, batch
	}
	now := time.Now()
	touched := map[*receiver]bool{}
	for _, l := range batch {
		r := p.of(l.Endpoint)
		l.takenAt = now
		if l.guarded {
			start = append(start, p.begin(r, l))
			continue
		}
		p.hold(r, l)
		touched[r] = true
	}
	for r := range touched {
		start = append(start, p.next(r)...)
	}
	return start, refused
}

func (p *places) hold(r *receiver, l leased) {
	r.held = append(r.held, l)
	p.held++
	p.heldBytes += len(l.Body)
}

// next takes what may start of r's.
func (p *places) next(r *receiver) (start []leased) {
	for len(r.held) > 0 && r.running < p.limit(r) {
		if p.full(r) {
			if !r.stalled {
				r.stalled = true
				p.stalled = append(p.stalled, r)
			}
			return start
		}
		l := r.held[0]
		r.held = r.held[1:]
		p.held--
		p.heldBytes -= len(l.Body)
		start = append(start, p.begin(r, l))
	}
	if len(r.held) == 0 {
		r.held = nil
	}
	return start
}

// full reports that there is no room for a send to r.
func (p *places) full(r *receiver) bool {
	return p.total >= p.cfg.InFlight || !r.proven && p.shaky >= max(p.cfg.InFlight/2, 1) || r.failing && p.failing >= max(p.cfg.InFlight/4, 1)
}

func (p *places) begin(r *receiver, l leased) leased {
	p.sends.Add(1)
	r.running++
	p.total++
	if l.shaky = !r.proven; l.shaky {
		p.shaky++
	}
	if l.failing = r.failing; l.failing {
		p.failing++
	}
	return l
}

// verdict is what a send says about its endpoint.
type verdict int

const (
	nothing    verdict = iota // we did not try, or cut it off
	good                      // 2xx
	bad                       // no answer or a wrong one
	overloaded                // an answer that asks for less
)

// leave frees the place of a send that ended; what it was counted for in all goes
// with recorded. wake says that the table may have more for the endpoint, which now
// stands as told; dropped goes back to it.
func (p *places) leave(l leased, v verdict, ended time.Time) (start, dropped []leased, now footing, wake bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.of(l.Endpoint)
	r.running--
	if l.shaky {
		p.shaky--
	}
	if l.failing {
		p.failing--
	}
	switch v {
	case good:
		r.proven, r.failing, r.misses, r.overload, r.restsTo = true, false, 0, 0, time.Time{}
	case overloaded:
		r.overload++
		r.restsTo = ended.Add(rest(r.overload))
		fallthrough
	case bad:
		r.misses++
		r.failing = true
		if r.proven = false; r.misses > 2 || r.overload > 0 {
			dropped = p.drop(r)
		}
	}
	start = append(p.next(r), p.unstall()...)
	return start, dropped, r.footing(), r.waiting && p.hungry(r, ended)
}

// hungry reports that r has not enough to go on with, and would find a place. Where
// there is no room for those on probation, hundreds of dead receivers would be looked up
// at every wake.
func (p *places) hungry(r *receiver, now time.Time) bool {
	if r.restsTo.After(now) || !r.proven && p.full(r) {
		return false
	}
	return r.running+len(r.held) == 0 || r.proven && len(r.held) < p.cfg.PerEndpoint
}

// drop takes everything that r holds; the table has it from now on.
func (p *places) drop(r *receiver) []leased {
	held := r.held
	for _, l := range held {
		p.held--
		p.heldBytes -= len(l.Body)
	}
	r.held = nil
	r.waiting = r.waiting || len(held) > 0
	return held
}

func (p *places) unstall() (start []leased) {
	stalled := p.stalled
	p.stalled = nil
	for i, r := range stalled {
		r.stalled = false
		start = append(start, p.next(r)...)
		if p.total >= p.cfg.InFlight {
			p.stalled = append(p.stalled, stalled[i+1:]...)
			break
		}
	}
	return start
}

// recorded ends what leave began.
func (p *places) recorded() (start []leased) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	return p.unstall()
}

// expect notes that the table has something for the endpoints.
func (p *places) expect(endpoints []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, endpointID := range endpoints {
		p.of(endpointID).waiting = true
	}
}

// expected takes up to n endpoints of a standing that the table may have something
// for, those known to fail last. Those that have enough to go on with, rest, or find
// no room stay expected.
func (p *places) expected(of footing, n int, now time.Time) (endpoints []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var failing []*receiver
	take := func(r *receiver) {
		if len(endpoints) < n {
			r.waiting = false
			endpoints = append(endpoints, r.endpoint)
		}
	}
	for _, r := range p.receivers { // which of too many come first changes with the order of the map
		switch {
		case len(endpoints) == n:
			return endpoints
		case !r.waiting || r.footing() != of || !p.hungry(r, now):
		case r.failing:
			failing = append(failing, r)
		default:
			take(r)
		}
	}
	for _, r := range failing {
		take(r)
	}
	return endpoints
}

// tidy takes back what has waited too long, and forgets idle endpoints.
func (p *places) tidy() (impatient []leased) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for endpointID, r := range p.receivers {
		if len(r.held) > 0 && time.Since(r.held[0].takenAt) > patience {
			impatient = append(impatient, p.drop(r)...)
		}
		if r.running == 0 && len(r.held) == 0 && !r.waiting && !r.stalled && time.Since(r.usedAt) > idleFor {
			delete(p.receivers, endpointID)
		}
	}
	return impatient
}

func (p *places) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
}

// stop takes everything that has not started.
func (p *places) stop() (held []leased) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
	for _, r := range p.receivers {
		held = append(held, p.drop(r)...)
	}
	return held
}

// levels are how many sends are under way and how many deliveries wait for one.
func (p *places) levels() (underWay, held int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total, p.held
}

// claims counts what a batch that is being written asks of the places.
type claims struct {
	dispatcher *Dispatcher
	places     map[string]int
	all, bytes int
	probation  int // of all, those for endpoints on probation
}

// take claims a place for a delivery that is about to be written. Endpoints with
// limits, paused ones and those that are pulled from get none: they are leased.
func (c *claims) take(to Endpoint, size int) bool {
	if c.dispatcher == nil || to.Paused || to.Listener != "" || to.RateLimit > 0 || to.MaxConcurrency > 0 {
		return false
	}
	stands, offered := c.dispatcher.places.offers(to.ID, c, c.dispatcher.clock.Now())
	if !offered {
		return false
	}
	c.note(to.ID, stands, size)
	return true
}

func (c *claims) note(endpointID string, of footing, size int) {
	if of == probation {
		c.probation++
	}
	c.places[endpointID]++
	c.all++
	c.bytes += size
}
