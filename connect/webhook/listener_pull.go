package webhook

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

const (
	// window is how many deliveries one connection has in its hands, sent or waiting
	// for an earlier one of their object.
	window = 64
	// windowBytes bounds the same in bytes; the one that crosses it is still taken.
	windowBytes = 4 << 20
	// perPull bounds one look into the database, so that large events come a few at a time.
	perPull = 16
	// renewLeases keeps what a developer's application takes its time for.
	renewLeases = leaseFor / 3
	// answerFor is how long an answer may follow its acknowledgement when events of
	// the type were answered before.
	answerFor = 30 * time.Second
)

// Push is one event on its way to a device.
type Push struct {
	Delivery string
	Endpoint string
	Event    string
	Header   http.Header // signed, as it would be posted
	Body     []byte
}

// Reply is what a device says of a delivery. Without Answered it only has taken the
// event; an answer of the application behind it may follow.
type Reply struct {
	Delivery string
	Answered bool
	Status   int
	Body     []byte
}

// Pull is one connection of a device. Events of one object go out one after the
// other: the next when the one before is done. That the application refuses an
// event (anything but 2xx, or nothing in time: status 0) does not bring it again: the developer has seen it and
// goes on, as with Stripe's CLI. The attempt log keeps the status.
type Pull struct {
	hub     *Listeners
	session session
	ctx     context.Context // done when the connection is to end; its cause says why
	end     context.CancelCauseFunc
	news    chan struct{}

	mu    sync.Mutex
	fence time.Time // zero until begin is through

	key     secret.Text
	held    map[string]*holding      // by delivery
	lines   map[string][]*holding    // by object, in order; the first is out
	bytes   int                      // of the bodies held
	done    []Attempt                // to be recorded
	answers map[string]time.Duration // by event type, see take
}

// holding is a delivery in a connection's hands.
type holding struct {
	pulled
	sentAt time.Time // zero while an earlier one of the object is out
	dueAt  time.Time // until when an answer may follow the acknowledgement; zero before that
	done   bool
}

func newPull(l *Listeners, s session) *Pull {
	p := &Pull{
		hub: l, session: s, news: make(chan struct{}, 1),
		held: map[string]*holding{}, lines: map[string][]*holding{}, answers: map[string]time.Duration{},
	}
	p.ctx, p.end = context.WithCancelCause(context.Background())
	return p
}

// begin takes over from whoever pulled for the device before.
func (p *Pull) begin(ctx context.Context) error {
	fence, known, err := takeOver(ctx, p.hub.cfg.Pool, p.hub.cfg.Clock.Now(), p.session.endpoints())
	if err != nil || !known {
		return either(err, errSession)
	}
	if p.key, err = p.hub.signingSecret(ctx, p.hub.cfg.Pool, p.session.Own); err != nil {
		return err
	}
	p.mu.Lock()
	p.fence = fence
	p.mu.Unlock()
	p.wake()
	return nil
}

func (p *Pull) began() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fence
}

func (p *Pull) wake() {
	select {
	case p.news <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Done is closed when the connection is to end.
func (p *Pull) Done() <-chan struct{} { return p.ctx.Done() }

// Close ends the connection and lets its place go.
func (p *Pull) Close() {
	p.end(context.Canceled)
	p.hub.leave(p)
}

// Run sends what is due and records what comes back, until the connection ends:
// the error says why. What is still in its hands then is given back at once. send
// is called from one goroutine and may block as long as a device may be slow.
func (p *Pull) Run(send func(Push) error, replies <-chan Reply) error {
	defer p.Close()
	defer p.giveBack()
	renew := time.NewTicker(renewLeases)
	defer renew.Stop()
	for {
		wait := p.patience()
		select {
		case <-p.ctx.Done():
			wait.Stop()
			return context.Cause(p.ctx)
		case <-p.news:
		case <-wait.C:
		case <-renew.C:
			if err := p.renew(); err != nil {
				return err
			}
		case r, open := <-replies:
			if !open {
				return context.Canceled // the device has gone
			}
			p.take(r)
			for range len(replies) { // those that came with it are recorded together
				if r, open := <-replies; open {
					p.take(r)
				}
			}
		}
		wait.Stop()
		if err := p.settle(); err != nil {
			return err
		}
		if err := p.fill(send); err != nil {
			return err
		}
	}
}

// patience fires when the first answer is overdue.
func (p *Pull) patience() *time.Timer {
	first := renewLeases
	for _, h := range p.held {
		if !h.dueAt.IsZero() {
			first = min(first, time.Until(h.dueAt))
		}
	}
	return time.NewTimer(max(first, time.Millisecond))
}

// take notes what the device said. An acknowledgement ends a delivery at once when
// nothing is behind the device. Otherwise an answer may follow, unless the device
// leaves the type out or its application is down, neither of which Stripe's CLI
// tells: so we wait a little the first time, and for that type not again until an
// event of it is answered.
func (p *Pull) take(r Reply) {
	h := p.held[r.Delivery]
	if h == nil || h.sentAt.IsZero() || h.done {
		return // of a connection before, and not sent again yet or done
	}
	now := time.Now()
	switch {
	case r.Answered:
		p.answers[h.EventType] = answerFor
		answer := Answer{Status: r.Status, Response: r.Body[:min(len(r.Body), maxResponse)], Duration: now.Sub(h.sentAt)}
		switch {
		case r.Status == 0:
			answer.Failure = "timeout"
		case !answer.Delivered():
			answer.Failure = "status"
		}
		p.finish(h, answer)
	case !p.forwards(h):
		p.finish(h, Answer{Duration: now.Sub(h.sentAt)})
	case h.dueAt.IsZero():
		wait, known := p.answers[h.EventType]
		if !known {
			wait = p.hub.cfg.Patience
		}
		h.dueAt = now.Add(wait)
	}
}

func (p *Pull) forwards(h *holding) bool {
	if h.Connect {
		return p.session.ForwardsConnect
	}
	return p.session.Forwards
}

// finish notes what is to be recorded.
func (p *Pull) finish(h *holding, answer Answer) {
	h.done = true
	at := p.hub.cfg.Clock.Now().Add(-answer.Duration)
	p.done = append(p.done, Attempt{Delivery: h.ID, Endpoint: h.Endpoint, Number: h.Number, At: at, Answer: answer})
}

// settle records what is done, and what nobody will answer any more. Only then the
// next event of the object may go out: a crash in between repeats one, and never
// brings one after its successor.
func (p *Pull) settle() error {
	now := time.Now()
	for _, h := range p.held {
		if !h.done && !h.dueAt.IsZero() && !now.Before(h.dueAt) {
			p.answers[h.EventType] = 0
			p.finish(h, Answer{Duration: now.Sub(h.sentAt)})
		}
	}
	if len(p.done) == 0 {
		return nil
	}
	ctx, cancel := recording()
	defer cancel()
	err := db.InTx(ctx, p.hub.cfg.Pool, func(ctx context.Context, tx bun.Tx) error { return hear(ctx, tx, slices.Clone(p.done)) })
	if err != nil {
		return err
	}
	for _, a := range p.done {
		p.drop(p.held[a.Delivery])
	}
	p.done = p.done[:0]
	return nil
}

// recording outlives the connection: what the device did is noted to the end.
func recording() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), sendTimeout)
}

// drop lets a delivery go.
func (p *Pull) drop(h *holding) {
	delete(p.held, h.ID)
	p.bytes -= len(h.Body)
	if p.lines[h.Object] = slices.DeleteFunc(p.lines[h.Object], func(other *holding) bool { return other == h }); len(p.lines[h.Object]) == 0 {
		delete(p.lines, h.Object)
	}
}

// fill takes what there is room for and sends what may go out.
func (p *Pull) fill(send func(Push) error) error {
	for len(p.held) < window && p.bytes < windowBytes {
		ctx, cancel := recording()
		limit := min(perPull, window-len(p.held))
		next, err := pull(ctx, p.hub.cfg.Pool, p.hub.cfg.Clock.Now(), p.session.endpoints(), p.began(), limit)
		cancel()
		if err != nil {
			return err
		}
		for _, d := range next {
			if err := p.hold(d); err != nil {
				return err
			}
		}
		if err := p.send(send); err != nil || len(next) < limit {
			return err
		}
	}
	return p.send(send)
}

// hold takes a delivery in hand, unless its body was erased or the platform may not
// hear of its account any more.
func (p *Pull) hold(d pulled) error {
	ctx, cancel := recording()
	defer cancel()
	sendable := len(d.Body) > 0
	if sendable && d.Connect && d.EventType != Deauthorized {
		var err error
		sendable, err = p.hub.cfg.Accounts.Hears(ctx, p.hub.cfg.Pool, p.session.Account, d.Account, p.session.Livemode)
		if err != nil {
			return err
		}
	}
	if !sendable {
		return withhold(ctx, p.hub.cfg.Pool, leased{ID: d.ID, Number: d.Number})
	}
	if h := p.held[d.ID]; h != nil {
		h.Number = d.Number // its lease had run out and is ours again
		return nil
	}
	d.Body = render(d.Body, Endpoint{Payload: Snapshot}, d.Pending)
	h := &holding{pulled: d}
	p.held[d.ID], p.lines[d.Object] = h, append(p.lines[d.Object], h)
	p.bytes += len(d.Body)
	return nil
}

// send lets the first of every object go out, in the order they came in.
func (p *Pull) send(send func(Push) error) error {
	var ready []*holding
	for _, line := range p.lines {
		if line[0].sentAt.IsZero() {
			ready = append(ready, line[0])
		}
	}
	slices.SortFunc(ready, func(a, b *holding) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, h := range ready {
		header := http.Header{"Content-Type": {contentType}, "User-Agent": {userAgent}}
		if err := sign(header, []Secret{{Key: p.key}}, h.Event, p.hub.cfg.Clock.Now(), h.Body); err != nil {
			return err
		}
		h.sentAt = time.Now()
		if err := send(Push{Delivery: h.ID, Endpoint: h.Endpoint, Event: h.Event, Header: header, Body: h.Body}); err != nil {
			return err
		}
	}
	return nil
}

// inHand are the deliveries held and their attempts' numbers.
func (p *Pull) inHand() (ids []string, numbers []int64) {
	for _, h := range p.held {
		ids, numbers = append(ids, h.ID), append(numbers, int64(h.Number))
	}
	return ids, numbers
}

func (p *Pull) renew() error {
	ids, numbers := p.inHand()
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := recording()
	defer cancel()
	until := p.hub.cfg.Clock.Now().Add(leaseFor)
	return leaseUntil(ctx, p.hub.cfg.Pool, &until, ids, numbers)
}

// giveBack lets go of what is not done, so that the next connection need not wait
// for the leases to end. That may fail: then it waits.
func (p *Pull) giveBack() {
	if err := p.settle(); err != nil {
		slog.WarnContext(p.ctx, "listener's deliveries not recorded", "error", err)
	}
	ids, numbers := p.inHand()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := recording()
	defer cancel()
	if err := leaseUntil(ctx, p.hub.cfg.Pool, nil, ids, numbers); err != nil {
		slog.WarnContext(ctx, "listener's deliveries not given back", "error", err)
	}
}
