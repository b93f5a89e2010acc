package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/payment/paymenttest"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// paymentsPerSecond is the load of the outage test: steady, so that before and during compare.
const paymentsPerSecond = 60

// The broker goes away under load and comes back: the API does not notice, and
// every event arrives afterwards, at Kafka in the order of its object and at
// webhooks. SLUICE_OUTAGE=1m takes it away for longer than the suite has time for.
func TestTheBrokerIsGoneAndTheAPIDoesNotNotice(t *testing.T) {
	outage := 3 * time.Second
	if text := os.Getenv("SLUICE_OUTAGE"); text != "" {
		var err error
		if outage, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	kafka := bustest.Start(t)
	h := newHouse(t, func(cfg *Config) { cfg.Kafka.Brokers = []string{kafka.Addr()} })
	tutor := h.send(200, letter{method: "POST", path: "/v1/accounts",
		form: "type=custom&country=HK&capabilities[transfers][requested]=true"}).at("id").(string)
	hooks := newMailbox(t)
	h.send(200, letter{method: "POST", path: "/v1/webhook_endpoints", form: url.Values{"url": {hooks.url}, "enabled_events[]": {"*"}}.Encode()})

	load := newLoad(t, h, tutor)
	before := load.during(outage / 2)
	kafka.Stop()
	during := load.during(outage)
	kafka.Start()
	back := time.Now()
	after := load.during(outage / 3)
	load.stop()
	t.Logf("before %s\nduring %s\nafter  %s", before, during, after)
	if during.n == 0 || during.failed+before.failed+after.failed > 0 {
		t.Errorf("%d of %d payments failed without the broker, %d with it", during.failed, during.n, before.failed+after.failed)
	}

	var events []told
	if err := h.app.pool.NewRaw("SELECT id, account, object_id, object_version FROM platform.events").Scan(t.Context(), &events); err != nil {
		t.Fatal(err)
	}
	patience := time.Minute + 2*outage
	topic := readTopic(t, h.app.pool, kafka.Addr())
	topic.await(t, "Kafka", patience, func(told) bool { return true }, events)
	t.Logf("%d events in Kafka %s after the broker's return", len(events), time.Since(back).Round(time.Millisecond))
	topic.inOrder(t)
	hooks.await(t, "the webhook", patience, func(e told) bool { return e.Account == h.platform && hooks.wants(e) }, events)
	t.Logf("all of them at webhooks %s after the broker's return", time.Since(back).Round(time.Millisecond))
	paymenttest.Settled(t, h.app.pool)
}

// load is clients that together take paymentsPerSecond.
type load struct {
	mu     sync.Mutex
	took   []time.Duration
	failed int
	stop   func()
}

// figures are what the clients of one phase saw.
type figures struct {
	n, failed     int
	p50, p99, max time.Duration
}

func (f figures) String() string {
	text, _ := json.Marshal(map[string]any{"payments": f.n, "failed": f.failed, "p50": f.p50.String(), "p99": f.p99.String(), "max": f.max.String()})
	return string(text)
}

func newLoad(t *testing.T, h *house, tutor string) *load {
	direct := httptest.NewServer(h.app.Handler())
	t.Cleanup(direct.Close)
	ctx, cancel := context.WithCancel(t.Context())
	pace := time.NewTicker(time.Second / paymentsPerSecond)
	l := &load{}
	var done sync.WaitGroup
	l.stop = func() {
		cancel()
		done.Wait()
		pace.Stop()
	}
	form := url.Values{"amount": {"60000"}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"}, "confirm": {"true"},
		"application_fee_amount": {"9000"}, "transfer_data[destination]": {tutor}}.Encode()
	for range 8 {
		done.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				l.pay(direct.URL, h.key, form)
			}
		})
	}
	return l
}

func (l *load) pay(base, key, form string) {
	r, _ := http.NewRequest("POST", base+"/v1/payment_intents", strings.NewReader(form)) // a constant path: no error
	r.SetBasicAuth(key, "")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	start := time.Now()
	res, err := http.DefaultClient.Do(r)
	ok := err == nil && res.StatusCode == 200
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(start))
	if !ok {
		l.failed++
	}
}

// during lets a phase last and returns what was seen in it.
func (l *load) during(phase time.Duration) figures {
	<-time.After(phase)
	l.mu.Lock()
	defer l.mu.Unlock()
	took, failed := l.took, l.failed
	l.took, l.failed = nil, 0
	if len(took) == 0 {
		return figures{}
	}
	slices.Sort(took)
	return figures{n: len(took), failed: failed, p50: took[len(took)/2], p99: took[len(took)*99/100], max: took[len(took)-1]}
}

// told is one event.
type told struct {
	ID, Account, ObjectID string
	ObjectVersion         int64
}

// arrivals are events as they come in somewhere, the first time each.
type arrivals struct {
	mu    sync.Mutex
	seen  map[string]bool
	order []told
}

func (a *arrivals) note(e told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.seen[e.ID] {
		a.seen[e.ID] = true
		a.order = append(a.order, e)
	}
}

func (a *arrivals) missing(events []told, wanted func(told) bool) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range events {
		if wanted(e) && !a.seen[e.ID] {
			n++
		}
	}
	return n
}

func (a *arrivals) await(t *testing.T, where string, patience time.Duration, wanted func(told) bool, events []told) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(50*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for a.missing(events, wanted) > 0 {
		select {
		case <-deadline.C:
			t.Fatalf("%d of %d events never came to %s", a.missing(events, wanted), len(events), where)
		case <-tick.C:
		}
	}
}

// inOrder checks that versions of one object came as 1 to n.
func (a *arrivals) inOrder(t *testing.T) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range a.order {
		if e.ObjectVersion != last[e.ObjectID]+1 {
			t.Errorf("%s: version %d came after %d", e.ObjectID, e.ObjectVersion, last[e.ObjectID])
		}
		last[e.ObjectID] = e.ObjectVersion
	}
}

// readTopic reads the event topic from its beginning.
func readTopic(t *testing.T, pool *bun.DB, address string) *arrivals {
	a := &arrivals{seen: map[string]bool{}}
	bustest.Subscribe(t, bustest.Open(t, []string{address}, pool), bus.Subscription{
		Group: bustest.Name("reader"), Topic: bus.Events, Effect: bustest.Each(func(_ context.Context, m bus.Message) error {
			a.note(told{ID: m.EventID, Account: m.Key, ObjectID: m.Subject, ObjectVersion: m.ObjectVersion})
			return nil
		}),
	})
	return a
}

// mailbox receives webhooks.
type mailbox struct {
	arrivals
	url string
}

func newMailbox(t *testing.T) *mailbox {
	m := &mailbox{arrivals: arrivals{seen: map[string]bool{}}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&e); err == nil {
			m.note(told{ID: e.ID})
		}
	}))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// wants leaves out what happened before the mailbox was made: the tutor's account.
func (m *mailbox) wants(e told) bool { return !strings.HasPrefix(e.ObjectID, "acct_") }
