package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
)

// twin is a second process on the same database.
func (p *post) twin(clk clock.Clock, cfg webhook.DispatcherConfig) *post {
	other := *p
	other.dispatcher = webhook.NewDispatcher(p.pool, p.ring, p.sender, p, clk, cfg)
	other.subscriber = webhook.NewSubscriber(p, clk, other.dispatcher)
	return &other
}

func (p *post) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := p.pool.NewRaw(query, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (p *post) number(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := p.pool.NewRaw(query, args...).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *post) with(t testing.TB, status webhook.Status) int {
	t.Helper()
	return p.number(t, "SELECT count(*) FROM connect.webhook_deliveries WHERE status = ?", status)
}

const openBreakers = "SELECT count(*) FROM connect.webhook_health WHERE open_until IS NOT NULL"

// tripped is an endpoint with 30 deliveries, ten of which have failed and opened the breaker.
func (p *post) tripped(t *testing.T, clk *clock.Fixed, url string) webhook.Endpoint {
	t.Helper()
	e, _ := p.endpoint(t, hub, all(url))
	for range 30 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	until(t, "the breaker opens", func() bool { return p.number(t, openBreakers) == 1 })
	until(t, "nothing is being sent any more", func() bool {
		return p.number(t, "SELECT count(*) FROM connect.webhook_deliveries WHERE leased_until IS NOT NULL") == 0
	})
	if n := p.number(t, "SELECT sum(attempts) FROM connect.webhook_deliveries"); n != 10 {
		t.Fatalf("%d attempts until the breaker opened", n)
	}
	return e
}

func TestABreakerOpensAfterTenFailuresAndUsesUpNoAttemptsWhileItIsOpen(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	p.run(t)
	p.tripped(t, clk, server.URL)

	other := newReceiver(t, nil)
	p.endpoint(t, hub, webhook.NewEndpoint{URL: other.URL, EnabledEvents: []string{"payout.paid"}})
	clk.Advance(10 * time.Second) // the first retries are due, the breaker is still open
	for n := range 20 {           // others are served; each shows that the dispatcher has looked
		p.happen(t, tutorHub, "payout.paid")
		until(t, "the other endpoint is served", func() bool { return other.count() > n })
	}
	if n := server.count(); n != 10 {
		t.Fatalf("%d requests to an endpoint whose breaker opened after ten", n)
	}
	if n := p.number(t, "SELECT max(attempts) FROM connect.webhook_deliveries"); n > 1 {
		t.Fatalf("%d attempts of a delivery while the breaker was open", n)
	}
}

func TestAHalfOpenBreakerSendsOneProbeOverAllProcesses(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	cfg := webhook.DispatcherConfig{Poll: 10 * time.Millisecond}
	p := newPost(t, clk, cfg)
	release := make(chan struct{})
	var broken atomic.Bool
	broken.Store(true)
	var probes atomic.Int64
	server := newReceiver(t, func(_ int, w http.ResponseWriter) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		if probes.Add(1) == 1 {
			<-release
		}
	})
	stop := p.run(t)
	p.tripped(t, clk, server.URL)
	stop() // its state is the installation's, not the process's
	broken.Store(false)
	for range 3 {
		p.twin(clk, cfg).run(t)
	}
	clk.Advance(time.Minute)
	until(t, "a probe is sent", func() bool { return probes.Load() == 1 })
	until(t, "all processes know of it", func() bool {
		return p.number(t, "SELECT count(*) FROM connect.webhook_health WHERE open_until > ?", clk.Now()) == 1
	})
	other := newReceiver(t, nil)
	p.endpoint(t, hub, webhook.NewEndpoint{URL: other.URL, EnabledEvents: []string{"payout.paid"}})
	p.happen(t, tutorHub, "payout.paid")
	until(t, "others are served meanwhile", func() bool { return other.count() == 1 })
	if n := probes.Load(); n != 1 {
		t.Fatalf("%d probes at a time", n)
	}
	close(release)
	until(t, "the success closes the breaker and what waited flows", func() bool { return p.with(t, webhook.Delivered) == 32 })
	if n := p.number(t, openBreakers); n != 0 {
		t.Fatal("the breaker is still open")
	}
	if n := p.number(t, "SELECT failures FROM connect.webhook_health ORDER BY failures DESC LIMIT 1"); n != 0 {
		t.Fatalf("%d failures in a row after a success", n)
	}
}

func TestAFailedProbeOpensTheBreakerForLonger(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	p.run(t)
	e := p.tripped(t, clk, server.URL)
	for n := 1; n <= 8; n++ {
		seconds := p.number(t, "SELECT extract(epoch FROM open_until - ?)::int FROM connect.webhook_health WHERE endpoint = ?", clk.Now(), e.ID)
		base := min(30<<(n-1), 900)
		if seconds < base*8/10 || seconds > base*12/10+1 {
			t.Fatalf("opened %d times: open for %d s, want about %d", n, seconds, base)
		}
		clk.Advance(time.Duration(seconds+1) * time.Second)
		until(t, "the probe has failed", func() bool {
			return p.number(t, "SELECT opened FROM connect.webhook_health WHERE endpoint = ?", e.ID) == n+1
		})
	}
	if n := server.count(); n != 18 {
		t.Fatalf("%d requests: ten, and eight probes", n)
	}
}

func TestAHealthyEndpointCostsNoWriteOfItsHealth(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	p.endpoint(t, hub, all(server.URL))
	const version = "SELECT xmin::text::int FROM connect.webhook_health"
	before := p.number(t, version)
	p.run(t)
	for range 20 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	until(t, "all delivered", func() bool { return p.with(t, webhook.Delivered) == 20 })
	if after := p.number(t, version); after != before {
		t.Fatal("the health row was written")
	}
}

func TestGoneDisablesAtOnce(t *testing.T) {
	bell := &bell{}
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Notifier: bell})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusGone) })
	e, _ := p.endpoint(t, hub, all(server.URL))
	for range 5 {
		p.happen(t, tutorHub, "charge.succeeded") // before the dispatcher runs: all wait
	}
	p.run(t)
	until(t, "everything is kept as undelivered", func() bool { return p.with(t, webhook.Undelivered) == 5 })
	until(t, "somebody is told", func() bool { return len(bell.heard()) == 1 })
	if n := bell.heard()[0]; n.Endpoint.ID != e.ID || !n.Disabled || n.Endpoint.DisabledReason != "gone" {
		t.Errorf("told %+v", n)
	}
	got, err := p.endpoints.Get(t.Context(), p.pool, hub, e.ID)
	if err != nil || !got.Disabled || got.DisabledReason != "gone" || got.DisabledAt.IsZero() {
		t.Fatalf("endpoint %+v, %v", got, err)
	}
	if events := p.events(t, e.ID); strings.Join(events, " ") != "webhook_endpoint.disabled/1" {
		t.Fatalf("events %v", events)
	}
	if n := server.count(); n != 1 {
		t.Errorf("%d requests to an endpoint that is gone", n)
	}
}

// bell hears what people are told.
type bell struct {
	mu  sync.Mutex
	got []webhook.Notice
}

func (b *bell) Notify(_ context.Context, n webhook.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, n)
}

func (b *bell) heard() []webhook.Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]webhook.Notice(nil), b.got...)
}

// events are what the log says of an object: type/version, checked to show it.
func (p *post) events(t *testing.T, object string) (out []string) {
	t.Helper()
	rows, err := event.Of(t.Context(), p.pool, object)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var shown struct{ ID, Object string }
		if err := json.Unmarshal(row.Object, &shown); err != nil || shown.ID != object || shown.Object != "webhook_endpoint" {
			t.Fatalf("object %s: %v", row.Object, err)
		}
		out = append(out, fmt.Sprintf("%s/%d", row.Type, row.ObjectVersion))
	}
	return out
}

func TestAnEndpointIsWarnedAboutTwiceAndDisabledAfterFiveDaysOfFailures(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	bell := &bell{}
	p := newPost(t, clk, webhook.DispatcherConfig{Notifier: bell})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	e, _ := p.endpoint(t, hub, all(server.URL))
	start := clk.Now()
	p.run(t)
	told := map[int]int{} // hours after the first failure, by how much was told then
	for hours := 0; hours <= 130; hours += 13 {
		before := server.count()
		p.happen(t, tutorHub, "charge.succeeded")
		p.dispatcher.Wake()
		if len(bell.heard()) < 3 {
			until(t, "a failure is noted", func() bool {
				return server.count() > before &&
					p.number(t, "SELECT count(*) FROM connect.webhook_health WHERE last_failure_at >= ?", clk.Now()) == 1
			})
		}
		for range 2 { // judging again changes nothing
			if err := p.dispatcher.Judge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(bell.heard()); told[n] == 0 {
			told[n] = int(clk.Now().Sub(start).Hours())
		}
		clk.Advance(13 * time.Hour)
	}
	if told[1] != 26 || told[2] != 78 || told[3] != 130 {
		t.Errorf("told after hours %v, want 26, 78, 130", told)
	}
	heard := bell.heard()
	if len(heard) != 3 || heard[0].Disabled || heard[1].Disabled || !heard[2].Disabled || heard[2].Endpoint.DisabledReason != "failing" {
		t.Fatalf("heard %+v", heard)
	}
	want := "webhook_endpoint.failing/1 webhook_endpoint.failing/2 webhook_endpoint.disabled/3"
	if events := p.events(t, e.ID); strings.Join(events, " ") != want {
		t.Fatalf("events %v", events)
	}
	if n := p.with(t, webhook.Pending); n != 0 {
		t.Fatalf("%d deliveries pending for a disabled endpoint", n)
	}
}

func TestASuccessEndsTheCountOfDays(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	bell := &bell{}
	p := newPost(t, clk, webhook.DispatcherConfig{Notifier: bell})
	var good atomic.Bool
	server := newReceiver(t, func(_ int, w http.ResponseWriter) {
		if !good.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	p.endpoint(t, hub, all(server.URL))
	p.run(t)
	for day := range 12 {
		good.Store(day == 4 || day == 8)
		p.happen(t, tutorHub, "charge.succeeded")
		p.dispatcher.Wake()
		until(t, "the day is noted", func() bool {
			return p.number(t, "SELECT count(*) FROM connect.webhook_health WHERE GREATEST(last_failure_at, last_success_at) >= ?", clk.Now()) == 1 &&
				p.number(t, "SELECT count(*) FROM connect.webhook_deliveries WHERE leased_until IS NOT NULL OR status = 'pending' AND next_attempt_at <= ?", clk.Now()) == 0
		})
		if err := p.dispatcher.Judge(t.Context()); err != nil {
			t.Fatal(err)
		}
		clk.Advance(24 * time.Hour)
	}
	for _, n := range bell.heard() {
		if n.Disabled {
			t.Fatal("an endpoint that answers now and then was disabled")
		}
	}
}

func TestAnEndpointNeverHearsOfItself(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	about, _ := p.endpoint(t, hub, all("https://example.com/about"))
	other, _ := p.endpoint(t, hub, all("https://example.com/other"))
	p.take(t, incoming(tutorHub, "webhook_endpoint.failing", about.ID, 1))
	if n := len(p.deliveries(t, about.ID)); n != 0 {
		t.Errorf("the endpoint hears that it fails")
	}
	if n := len(p.deliveries(t, other.ID)); n != 1 {
		t.Errorf("%d deliveries to the account's other endpoint", n)
	}
}

func TestJudgingAndSendingDoNotDeadlock(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.run(t)
	yes, no := true, false
	for range 20 {
		p.happen(t, tutorHub, "charge.succeeded")
		p.exec(t, "UPDATE connect.webhook_health SET open_until = NULL, failures = 0, first_failure_at = ?, last_failure_at = ?, warned = 2",
			time.Now().Add(-200*time.Hour), time.Now())
		if err := p.dispatcher.Judge(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
		p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})
	}
}
