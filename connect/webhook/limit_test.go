package webhook_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/id"
)

// Which times are given is tested exactly (slots); here the machine may hiccup.
func TestRateLimitHoldsOverAllDispatchers(t *testing.T) {
	const hiccup = 300 * time.Millisecond
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 50 * time.Millisecond})
	server := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(server.URL))
	ten := int64(10)
	p.update(t, e.ID, webhook.EndpointPatch{Terms: webhook.Terms{RateLimit: &ten}})
	p.run(t)
	p.twin(clock.System{}, webhook.DispatcherConfig{Poll: 50 * time.Millisecond}).run(t)
	for range 35 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	until(t, "all delivered", func() bool { return p.with(t, webhook.Delivered) == 35 })
	var sent []time.Time
	if err := p.pool.NewRaw("SELECT at FROM connect.webhook_attempts WHERE endpoint = ? ORDER BY at", e.ID).Scan(t.Context(), &sent); err != nil {
		t.Fatal(err)
	}
	for i := range sent {
		if i+11 < len(sent) && sent[i+11].Sub(sent[i]) < time.Second-hiccup {
			t.Errorf("twelve requests within %s at ten a second", sent[i+11].Sub(sent[i]))
		}
	}
	if n := server.count(); n != 35 {
		t.Errorf("%d requests for 35 deliveries", n)
	}
}

// Ten go through while nothing holds requests; the next are held until three were
// under way at the same time. That is noted when it happens and not looked up: a machine
// that stands still lets tries time out, which puts the endpoint on probation, with two
// places in two processes. A request that its sender has given up is under way no more.
func TestMaxConcurrencyHoldsOverAllDispatchers(t *testing.T) {
	cfg := webhook.DispatcherConfig{Poll: 5 * time.Millisecond}
	p := newPost(t, clock.System{}, cfg)
	c := &crossing{gate: make(chan struct{})}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	open := sync.OnceFunc(func() { close(c.gate) })
	t.Cleanup(open) // or the server would never close if this test fails
	e, _ := p.endpoint(t, hub, all(server.URL))
	three := int64(3)
	p.update(t, e.ID, webhook.EndpointPatch{Terms: webhook.Terms{MaxConcurrency: &three}})
	p.run(t)
	p.twin(clock.System{}, cfg).run(t)
	happen := func(n int) {
		var batch []webhook.Incoming
		for range n {
			batch = append(batch, incoming(tutorHub, "charge.succeeded", id.New("ch"), 1))
		}
		p.take(t, batch...)
	}
	happen(10)
	until(t, "ten are through", func() bool { return p.with(t, webhook.Delivered) == 10 })
	before := c.shut()
	happen(30)
	until(t, "three are under way", func() bool { return c.mostAtATime() == 3 })
	if n := p.with(t, webhook.Delivered); n != 10 {
		t.Errorf("%d are through, and ten were let through", n)
	}
	open()
	until(t, "all delivered", func() bool { return p.with(t, webhook.Delivered) == 40 })
	if n := max(before, c.mostAtATime()); n != 3 {
		t.Errorf("%d requests at a time, limit 3", n)
	}
}

// crossing is a receiver that can be shut: then requests are held until the gate opens
// or their sender has gone.
type crossing struct {
	gate chan struct{}

	mu            sync.Mutex
	holds         bool
	running, most int
}

func (c *crossing) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only behind it does a server see that its client has gone
	holds := c.enter(1)
	defer c.enter(-1)
	if !holds {
		return
	}
	select {
	case <-c.gate:
	case <-r.Context().Done():
	}
}

func (c *crossing) enter(n int) (holds bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running += n
	c.most = max(c.most, c.running)
	return c.holds
}

// shut begins to hold, and to count anew; before is how many there were at a time.
func (c *crossing) shut() (before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.most, c.holds = c.most, 0, true
	return before
}

func (c *crossing) mostAtATime() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

func TestAnOverloadedEndpointIsLeftAloneUntilItHasRested(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n <= 2 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	p.endpoint(t, hub, webhook.NewEndpoint{URL: server.URL, EnabledEvents: []string{"charge.*"}})
	other := newReceiver(t, nil)
	p.endpoint(t, hub, webhook.NewEndpoint{URL: other.URL, EnabledEvents: []string{"payout.*"}})
	for range 20 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	p.run(t)
	looked := 0
	for tries, rest := range []time.Duration{time.Second, 2 * time.Second} {
		until(t, "it says that it is too much", func() bool { return p.number(t, "SELECT count(*) FROM connect.webhook_attempts") == tries+1+looked })
		for range 10 { // each shows that the dispatcher has looked
			looked++
			p.happen(t, tutorHub, "payout.paid")
			until(t, "the other endpoint is served", func() bool { return p.with(t, webhook.Delivered) == looked })
		}
		if n := server.count(); n != tries+1 {
			t.Fatalf("%d requests to an endpoint that rests after %d", n, tries+1)
		}
		clk.Advance(rest)
	}
	until(t, "it is back and gets what waited", func() bool { return p.with(t, webhook.Delivered) == 18+looked })
}

func TestABatchCostsTheSameStatementsWhateverItsSize(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	p.ordered(t, "https://example.com/ordered")
	for range 5 {
		p.endpoint(t, hub, all("https://example.com/"))
	}
	p.endpoint(t, hub, ofAccounts("https://example.com/connect"))
	asked := &counter{}
	pool := p.pool
	p.pool = pool.WithQueryHook(asked)
	cost := func(size int) int64 {
		var batch []webhook.Incoming
		for i := range size {
			account := tutorHub
			if i%2 == 1 {
				account = tutor
			}
			batch = append(batch, incoming(account, "charge.updated", object(i%7), int64(i/7+1)))
		}
		before := asked.n.Load()
		p.take(t, batch...)
		return asked.n.Load() - before
	}
	small, large := cost(2), cost(300)
	if small != large {
		t.Errorf("2 events cost %d statements, 300 cost %d", small, large)
	}
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_deliveries"); n != 6*151+151 {
		t.Errorf("%d deliveries", n)
	}
}

// counter counts statements.
type counter struct{ n atomic.Int64 }

func (c *counter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) AfterQuery(context.Context, *bun.QueryEvent) {}
