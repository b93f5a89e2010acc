package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment/paymenttest"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/id"
)

// The load of the outage test, steady so that before and during compare: payments
// through the API, and other writers beside them up to 500 events a second.
const (
	paymentsPerSecond = 40
	changesPerSecond  = 260
	changeWriters     = 64
)

// mostDrain is how long the backlog of an outage may take until it is everywhere,
// under the same load.
func mostDrain(outage time.Duration) time.Duration { return max(5*time.Minute, outage) }

// What an outage may cost.
const (
	mostMemory  = 64 << 20 // that the process grows by while the broker is away
	mostSlowing = 1.10     // of the API's p99; judged by `make soak` alone: a busy machine says nothing about speed
)

// The broker goes away under 500 events a second and comes back: the API does
// not notice, memory stays, and the backlog arrives in minutes, at Kafka in the
// order of its objects and at webhooks. It stays away for twenty seconds, in `make
// soak` for SLUICE_SOAK_OUTAGE; an Apache Kafka (SLUICE_TEST_BROKER=apache)
// hangs for the first half of it and is dead for the second.
//
// It runs beside no other test of this package: memory is the process's.
func TestTheBrokerIsGoneAndTheAPIDoesNotNotice(t *testing.T) {
	outage := 20 * time.Second
	if text := os.Getenv("SLUICE_SOAK_OUTAGE"); text != "" {
		var err error
		if outage, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	kafka := bustest.StartMortal(t)
	quiet := slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError})
	h := newHouseLogging(t, quiet, func(cfg *Config) { cfg.Kafka.Brokers = []string{kafka.Addr()} })
	tutor := h.send(200, letter{method: "POST", path: "/v1/accounts",
		form: "type=custom&country=HK&capabilities[transfers][requested]=true"}).at("id").(string)
	hooks := newMailbox(t)
	h.send(200, letter{method: "POST", path: "/v1/webhook_endpoints", form: url.Values{"url": {hooks.url}, "enabled_events[]": {"*"}}.Encode()})

	load := newLoad(t, h, tutor)
	stopChanges := change(t, h, tutor)
	load.during(outage / 12) // connections open, caches fill
	before := load.during(outage / 4)
	heap, written := liveHeap(), h.events()
	went := time.Now()
	goAway(kafka, outage)
	during, away := load.during(0), time.Since(went)
	grown, rate := liveHeap()-heap, float64(h.events()-written)/away.Seconds()
	kafka.Start()
	back := time.Now()

	backlog := h.told()
	topic := readTopic(t, kafka.Addr(), h.app.pool)
	topic.await(t, "Kafka", mostDrain(outage), func(told) bool { return true }, backlog)
	hooks.await(t, "the webhook", mostDrain(outage)-time.Since(back), func(e told) bool { return e.Account == h.platform && hooks.wants(e) }, backlog)
	drained := time.Since(back)
	after := load.during(0)
	load.stop()
	stopChanges()
	all := h.told()
	topic.await(t, "Kafka", mostDrain(outage), func(told) bool { return true }, all)
	hooks.await(t, "the webhook", mostDrain(outage), func(e told) bool { return e.Account == h.platform && hooks.wants(e) }, all)
	topic.inOrder(t)
	paymenttest.Settled(t, h.app.pool)

	slowing := float64(during.p99) / float64(max(before.p99, 1))
	t.Logf("before %s\nduring %s\nafter  %s", before, during, after)
	t.Logf("%d events, %.0f/s while the broker was away for %s; the heap grew by %.1f MiB; a backlog of %d was everywhere after %s",
		len(all), rate, away.Round(time.Second), float64(grown)/(1<<20), len(backlog), drained.Round(time.Millisecond))
	if during.n == 0 || during.failed+before.failed+after.failed > 0 {
		t.Errorf("%d of %d payments failed without the broker, %d with it", during.failed, during.n, before.failed+after.failed)
	}
	if grown > mostMemory {
		t.Errorf("the heap grew by %d bytes, at most %d", grown, int64(mostMemory))
	}
	soak := os.Getenv("SLUICE_SOAK_REPORT")
	if soak == "" {
		return
	}
	if slowing > mostSlowing {
		t.Errorf("p99 %s without the broker, %s with it: %.0f %% of it", during.p99, before.p99, 100*slowing)
	}
	line := fmt.Sprintf("outage    %-9s %d events, %.0f/s for %s without a broker; p99 %.0f %% of normal (%s, %s); heap %+.1f MiB; drained in %s; all held: %v\n",
		cmp.Or(os.Getenv("SLUICE_TEST_BROKER"), "embedded"), len(all), rate, away.Round(time.Second), 100*slowing,
		before.p99.Round(time.Millisecond/10), during.p99.Round(time.Millisecond/10), float64(grown)/(1<<20), drained.Round(time.Second), !t.Failed())
	report, err := os.OpenFile(soak, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	if _, err := report.WriteString(line); err != nil {
		t.Fatal(err)
	}
}

// goAway takes the broker away for so long. One that can hang does so first: it
// takes connections and answers nothing.
func goAway(kafka bustest.Mortal, outage time.Duration) {
	if apache, ok := kafka.(*bustest.Apache); ok {
		apache.Freeze()
		<-time.After(outage / 2)
		outage -= outage / 2
	}
	kafka.Stop()
	<-time.After(outage)
}

// liveHeap is what the process holds when nothing is left to collect.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func (h *house) events() (n int) {
	h.t.Helper()
	if err := h.app.pool.NewRaw("SELECT count(*) FROM platform.events").Scan(h.t.Context(), &n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// told is every event of the log.
func (h *house) told() (events []told) {
	h.t.Helper()
	if err := h.app.pool.NewRaw("SELECT id, account, object_id, object_version FROM platform.events").Scan(h.t.Context(), &events); err != nil {
		h.t.Fatal(err)
	}
	return events
}

// change has 64 writers change objects of an account until stop, each with a delay before its commit.
func change(t *testing.T, h *house, account string) (stop func()) {
	pool, err := db.Open(t.Context(), db.Config{URL: h.app.cfg.DatabaseURL.Reveal(), Name: "writers", MaxConns: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithCancel(t.Context())
	pace := time.NewTicker(time.Second / changesPerSecond)
	var done sync.WaitGroup
	kind, ok := catalogue.Find("customer.created")
	if !ok {
		t.Fatal("the catalogue has no customers")
	}
	var sample struct {
		Data struct{ Object json.RawMessage }
	}
	if err := json.Unmarshal(kind.Example(), &sample); err != nil {
		t.Fatal(err)
	}
	for n := range changeWriters {
		dice, object := rand.New(rand.NewPCG(seed, uint64(n))), id.New("cus")
		done.Go(func() {
			for version := int64(1); ; version++ {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				// Not ctx: whether a change that is cut off has happened, its writer could not know.
				err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
					err := event.Log{}.Append(ctx, tx, event.Event{
						Type: kind.Name, Account: account, Platform: h.platform, ObjectID: object, ObjectVersion: version,
						Object: sample.Data.Object, CreatedAt: time.Now().UTC(),
					})
					if err == nil {
						_, err = tx.ExecContext(ctx, "SELECT pg_sleep(?)", dice.Float64()/50)
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		done.Wait()
		pace.Stop()
	}
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

// during lets a phase last and returns what was seen in it, and since the one before.
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
	left  map[string]bool // what somebody waits for
	came  chan struct{}   // closed when nothing of it is left
}

func (a *arrivals) note(e told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[e.ID] {
		return
	}
	a.seen[e.ID] = true
	a.order = append(a.order, e)
	if a.left[e.ID] {
		if delete(a.left, e.ID); len(a.left) == 0 {
			close(a.came)
		}
	}
}

// expect begins to wait for events; came is closed when all are there.
func (a *arrivals) expect(events []told, wanted func(told) bool) (came <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.came = map[string]bool{}, make(chan struct{})
	for _, e := range events {
		if wanted(e) && !a.seen[e.ID] {
			a.left[e.ID] = true
		}
	}
	if len(a.left) == 0 {
		close(a.came)
	}
	return a.came
}

func (a *arrivals) await(t *testing.T, where string, patience time.Duration, wanted func(told) bool, events []told) {
	t.Helper()
	select {
	case <-a.expect(events, wanted):
	case <-time.After(patience):
		a.mu.Lock()
		defer a.mu.Unlock()
		t.Fatalf("%d of %d events never came to %s", len(a.left), len(events), where)
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
func readTopic(t *testing.T, address string, pool *bun.DB) *arrivals {
	a := &arrivals{seen: map[string]bool{}}
	note := func(_ context.Context, m bus.Message) error {
		a.note(told{ID: m.EventID, Account: m.Key, ObjectID: m.Subject, ObjectVersion: m.ObjectVersion})
		return nil
	}
	bustest.Subscribe(t, bustest.Open(t, []string{address}, pool), bus.Subscription{
		Group: bustest.Name("reader"), Topic: bus.Events, Effect: bustest.Each(note),
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
