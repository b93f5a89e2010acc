package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	tutorHub = "acct_tutorhub"
	tutor    = "acct_tutor"
)

var hub = tenant.Scope{Platform: tutorHub, Account: tutorHub}

// post is a node that delivers webhooks on a database of its own.
type post struct {
	pool       *bun.DB
	ring       *secret.Keyring
	sender     *webhook.Sender
	endpoints  *webhook.Endpoints
	dispatcher *webhook.Dispatcher
	subscriber *webhook.Subscriber
	lost       *sync.Map // accounts that their platform is not connected to any more
}

// Hears lets every platform hear of every account that it has not lost.
func (p *post) Hears(_ context.Context, _ bun.IDB, _, account string, _ bool) (bool, error) {
	_, lost := p.lost.Load(account)
	return !lost, nil
}

// PlatformOf is TutorHub for everybody.
func (p *post) PlatformOf(context.Context, bun.IDB, string, bool) (string, error) {
	return tutorHub, nil
}

func newPost(t testing.TB, clk clock.Clock, cfg webhook.DispatcherConfig) *post {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	policy, signer := egress.Policy{Allow: egress.Loopback()}, webhook.NewSigner(secret.RandomPepper())
	p := &post{lost: &sync.Map{}, pool: dbtest.New(t), ring: ring, endpoints: webhook.NewEndpoints(ring, signer, policy), sender: webhook.NewSender(policy, signer, nil)}
	t.Cleanup(p.sender.Close)
	p.dispatcher = webhook.NewDispatcher(p.pool, ring, p.sender, p, clk, cfg)
	p.subscriber = webhook.NewSubscriber(p, clk, p.dispatcher)
	return p
}

func (p *post) HearsOf(ctx context.Context, idb bun.IDB, platform string, livemode bool, accounts []string) (map[string]bool, error) {
	heard := map[string]bool{}
	for _, account := range accounts {
		heard[account], _ = p.Hears(ctx, idb, platform, account, livemode)
	}
	return heard, nil
}

// run dispatches until the test ends or stop is called.
func (p *post) run(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.dispatcher.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func (p *post) endpoint(t testing.TB, scope tenant.Scope, want webhook.NewEndpoint) (webhook.Endpoint, string) {
	t.Helper()
	var (
		e   webhook.Endpoint
		key secret.Text
	)
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		e, key, err = p.endpoints.Create(ctx, tx, clock.System{}.Now(), scope, want)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return e, key.Reveal()
}

func (p *post) update(t testing.TB, endpointID string, patch webhook.EndpointPatch) webhook.Endpoint {
	t.Helper()
	var e webhook.Endpoint
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		e, err = p.endpoints.Update(ctx, tx, clock.System{}.Now(), hub, endpointID, patch)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return e
}

// happen brings an event of the account from the bus.
func (p *post) happen(t testing.TB, account, eventType string) webhook.Incoming {
	t.Helper()
	e := incoming(account, eventType, id.New("ch"), 1)
	p.take(t, e)
	return e
}

// incoming is an event about version n of an object.
func incoming(account, eventType, object string, n int64) webhook.Incoming {
	e := webhook.Incoming{ID: id.New("evt"), Type: eventType, Account: account, Platform: tutorHub, ObjectID: object, ObjectVersion: n}
	e.Envelope = fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2026-08-26.dahlia","type":%q,"object_version":%d,"data":{"object":{"id":%q,"object":"charge"}}}`,
		e.ID, e.Type, n, object)
	return e
}

// take is what the bus does with a batch. It returns when the batch was committed.
func (p *post) take(t testing.TB, batch ...webhook.Incoming) (at time.Time) {
	t.Helper()
	var committed func()
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		committed, err = p.subscriber.Effect(ctx, tx, batch)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if committed != nil {
		committed()
	}
	return at
}

func (p *post) deliveries(t testing.TB, endpointID string) []webhook.Delivery {
	t.Helper()
	hundred := int64(100)
	got, err := p.endpoints.Deliveries(t.Context(), p.pool, hub, webhook.DeliveryFilter{Endpoint: endpointID}, page.Params{Limit: &hundred})
	if err != nil {
		t.Fatal(err)
	}
	return got.Items
}

// until waits for a fact, at most a minute.
func until(t testing.TB, fact string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("waited a minute for: %s", fact)
		case <-tick.C:
		}
	}
}

// receiver is somebody's server; answer decides what it says to request n (from 1).
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []*http.Request
	raw [][]byte
}

func newReceiver(t testing.TB, answer func(n int, w http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got, r.raw = append(r.got, req), append(r.raw, body)
		n := len(r.got)
		r.mu.Unlock()
		if answer != nil {
			answer(n, w)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func all(url string) webhook.NewEndpoint {
	return webhook.NewEndpoint{URL: url, EnabledEvents: []string{"*"}}
}

func TestEventIsSentSignedWithoutWaitingForAPoll(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: time.Hour}) // only Wake can do it
	server := newReceiver(t, nil)
	e, key := p.endpoint(t, hub, all(server.URL+"/hooks?tenant=1"))
	p.run(t)
	sent := p.happen(t, tutorHub, "charge.succeeded")
	until(t, "delivered", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })
	req, body := server.got[0], server.raw[0]
	if req.Method != http.MethodPost || req.URL.RawQuery != "tenant=1" || !bytes.Equal(body, sent.Envelope) {
		t.Fatalf("%s %s: %s", req.Method, req.URL, body)
	}
	seen, err := stripewebhook.ConstructEvent(body, req.Header.Get("Stripe-Signature"), key)
	if err != nil || seen.ID != sent.ID {
		t.Fatalf("stripe-go: %v", err)
	}
	standard, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := standard.Verify(body, req.Header); err != nil || req.Header.Get("webhook-id") != sent.ID {
		t.Fatalf("standard webhooks: %v", err)
	}
}

func TestAccountAndConnectEndpointsGetTheirOwnEvents(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	own, _ := p.endpoint(t, hub, all("https://example.com/own"))
	connect, _ := p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/connect", EnabledEvents: []string{"*"}, Connect: true})
	live, _ := p.endpoint(t, tenant.Scope{Platform: tutorHub, Account: tutorHub, Livemode: true}, all("https://example.com/live"))
	tutors, _ := p.endpoint(t, hub.For(tutor), all("https://example.com/tutor"))
	p.endpoint(t, tenant.Scope{Platform: "acct_other", Account: "acct_other"}, webhook.NewEndpoint{URL: "https://example.com/", EnabledEvents: []string{"*"}, Connect: true})
	p.happen(t, tutorHub, "charge.succeeded")
	p.happen(t, tutor, "payout.paid")
	var got []struct{ Endpoint, EventType string }
	if err := p.pool.NewRaw("SELECT endpoint, event_type FROM connect.webhook_deliveries ORDER BY id").Scan(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{own.ID: "charge.succeeded", connect.ID: "payout.paid", tutors.ID: "payout.paid"}
	if len(got) != len(want) {
		t.Fatalf("deliveries %v (live endpoint %s)", got, live.ID)
	}
	for _, d := range got {
		if want[d.Endpoint] != d.EventType {
			t.Errorf("endpoint %s got %s", d.Endpoint, d.EventType)
		}
	}
}

func TestOnlyWantedTypesAreDelivered(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/", EnabledEvents: []string{"charge.*", "payout.paid"}})
	for _, eventType := range []string{"charge.refunded", "charge.dispute.created", "payout.paid", "payout.failed", "transfer.created"} {
		p.happen(t, tutorHub, eventType)
	}
	var got []string
	for _, d := range p.deliveries(t, e.ID) {
		got = append(got, d.EventType)
	}
	if strings.Join(got, " ") != "payout.paid charge.dispute.created charge.refunded" {
		t.Fatalf("delivered types %v", got)
	}
}

func TestFailedDeliveryIsTriedAgainWithTheSameID(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "out of cheese\x00\xff")
		case 2:
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.happen(t, tutorHub, "charge.succeeded")
	p.run(t)

	until(t, "first failure recorded", func() bool { return len(p.attempts(t, e.ID)) == 1 })
	if wait := p.deliveries(t, e.ID)[0].NextAttemptAt.Sub(clk.Now()); wait < 4*time.Second || wait > 7*time.Second {
		t.Fatalf("second attempt in %s", wait)
	}
	clk.Advance(7 * time.Second)
	p.dispatcher.Wake()
	until(t, "second failure recorded", func() bool { return len(p.attempts(t, e.ID)) == 2 })
	if wait := p.deliveries(t, e.ID)[0].NextAttemptAt.Sub(clk.Now()); wait < time.Hour {
		t.Fatalf("Retry-After was not followed: third attempt in %s", wait)
	}
	clk.Advance(2 * time.Hour)
	p.dispatcher.Wake()
	until(t, "delivered", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })

	attempts := p.attempts(t, e.ID)
	if len(attempts) != 3 || attempts[0].Status != 500 || string(attempts[0].Response) != "out of cheese\x00\xff" || attempts[2].Status != 200 {
		t.Fatalf("attempts %+v", attempts)
	}
	for _, req := range server.got {
		if req.Header.Get("webhook-id") != server.got[0].Header.Get("webhook-id") {
			t.Fatal("the message id changed between attempts")
		}
	}
}

// attempts are the tries of the endpoint's newest delivery, in order.
func (p *post) attempts(t testing.TB, endpointID string) []webhook.LoggedAttempt {
	t.Helper()
	hundred := int64(100)
	got, err := p.endpoints.AttemptsOf(t.Context(), p.pool, hub, p.deliveries(t, endpointID)[0].ID, page.Params{Limit: &hundred})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(got.Items)
	return got.Items
}

func TestDeliveryFailsWhenTheScheduleIsUsedUp(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{})
	server := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.happen(t, tutorHub, "charge.succeeded")
	p.run(t)
	for n := 1; p.deliveries(t, e.ID)[0].Status == webhook.Pending; n++ {
		until(t, "attempt recorded", func() bool { return len(p.attempts(t, e.ID)) >= n })
		clk.Advance(31 * time.Hour)
		p.dispatcher.Wake()
	}
	if d := p.deliveries(t, e.ID)[0]; d.Status != webhook.Failed || d.Attempts != 14 {
		t.Fatalf("delivery %+v", d)
	}
}

func TestEventForADisabledEndpointIsKeptAsUndelivered(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.happen(t, tutorHub, "charge.succeeded") // pending when the endpoint is disabled
	yes, no := true, false
	if got := p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes}); got.Status() != "disabled" {
		t.Fatalf("status %s", got.Status())
	}
	p.happen(t, tutorHub, "charge.refunded")
	for _, d := range p.deliveries(t, e.ID) {
		if d.Status != webhook.Undelivered {
			t.Errorf("%s is %s", d.EventType, d.Status)
		}
	}
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no, LeaveMissed: true})
	p.run(t)
	p.happen(t, tutorHub, "charge.updated")
	until(t, "delivered after enabling", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })
	if server.count() != 1 || len(p.deliveries(t, e.ID)) != 3 {
		t.Fatalf("%d requests, %d deliveries kept", server.count(), len(p.deliveries(t, e.ID)))
	}
}

func TestSlowEndpointDoesNotStopOthers(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{InFlight: 12, PerEndpoint: 2, Poll: time.Hour})
	release := make(chan struct{})
	slow := newReceiver(t, func(int, http.ResponseWriter) { <-release })
	quick := newReceiver(t, nil)
	slowEnd, _ := p.endpoint(t, hub, all(slow.URL))
	quickEnd, _ := p.endpoint(t, hub, all(quick.URL))
	p.run(t)
	for range 30 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	until(t, "the quick endpoint has everything", func() bool { return quick.count() == 30 })
	if got := slow.count(); got > 2 {
		t.Errorf("%d requests at a time to one endpoint", got)
	}
	close(release)
	until(t, "the slow endpoint has everything", func() bool {
		for _, d := range append(p.deliveries(t, slowEnd.ID), p.deliveries(t, quickEnd.ID)...) {
			if d.Status != webhook.Delivered {
				return false
			}
		}
		return true
	})
}

func TestFailingEndpointsLeaveRoomToNewOnes(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{InFlight: 4})
	release := make(chan struct{})
	defer close(release)
	dead := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n > 3 {
			<-release
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	var ends []webhook.Endpoint
	for range 3 {
		e, _ := p.endpoint(t, hub, webhook.NewEndpoint{URL: dead.URL, EnabledEvents: []string{"charge.*"}})
		ends = append(ends, e)
	}
	healthy := newReceiver(t, nil)
	p.endpoint(t, hub, webhook.NewEndpoint{URL: healthy.URL, EnabledEvents: []string{"payout.*"}})
	p.run(t)
	p.happen(t, tutorHub, "charge.succeeded")
	until(t, "all three have failed", func() bool {
		return len(p.attempts(t, ends[0].ID))+len(p.attempts(t, ends[1].ID))+len(p.attempts(t, ends[2].ID)) == 3
	})
	clk.Advance(time.Minute)
	p.dispatcher.Wake()
	until(t, "one of them hangs", func() bool { return dead.count() == 4 })
	for range 10 {
		p.happen(t, tutorHub, "payout.paid")
	}
	until(t, "the healthy endpoint has everything", func() bool { return healthy.count() == 10 })
	if got := dead.count(); got != 4 {
		t.Fatalf("%d sends at a time to failing endpoints", got-3)
	}
}

func TestTwoDispatchersSendEachDeliveryOnce(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(server.URL))
	for range 60 {
		p.happen(t, tutorHub, "charge.succeeded")
	}
	other := *p
	other.dispatcher = webhook.NewDispatcher(p.pool, p.ring, p.sender, p, clock.System{}, webhook.DispatcherConfig{})
	p.run(t)
	other.run(t)
	until(t, "all delivered", func() bool {
		for _, d := range p.deliveries(t, e.ID) {
			if d.Status != webhook.Delivered {
				return false
			}
		}
		return true
	})
	if server.count() != 60 {
		t.Fatalf("%d requests for 60 deliveries", server.count())
	}
}

func TestStoppingGivesRunningSendsBack(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	release := make(chan struct{})
	defer close(release)
	var blocked atomic.Bool
	blocked.Store(true)
	server := newReceiver(t, func(int, http.ResponseWriter) {
		if blocked.Load() {
			<-release
		}
	})
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.happen(t, tutorHub, "charge.succeeded")
	stop := p.run(t)
	until(t, "the send runs", func() bool { return server.count() == 1 })
	stop()
	if d := p.deliveries(t, e.ID)[0]; d.Status != webhook.Pending || d.NextAttemptAt.After(time.Now()) || len(p.attempts(t, e.ID)) != 0 {
		t.Fatalf("delivery after the stop: %+v", d)
	}
	blocked.Store(false)
	p.run(t)
	until(t, "delivered by the next run", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })
}

func TestSigningSecretIsSealedAndGoneAfterDelete(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, key := p.endpoint(t, hub, all("https://example.com/"))
	p.happen(t, tutorHub, "charge.succeeded")
	row := func() (text string) {
		if err := p.pool.NewRaw("SELECT COALESCE(string_agg(s::text, ' '), '') FROM connect.webhook_secrets AS s").Scan(t.Context(), &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	if strings.Contains(row(), strings.TrimPrefix(key, "whsec_")) || !strings.Contains(row(), "v1:a:") {
		t.Fatal("the secret is not sealed")
	}
	if printed := fmt.Sprintf("%+v", e); strings.Contains(printed, key) {
		t.Fatal("the endpoint prints its secret")
	}
	remove := func() error {
		return db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
			return p.endpoints.Delete(ctx, tx, clock.System{}.Now(), hub, e.ID)
		})
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(row(), "v1:a:") {
		t.Fatal("the secret outlives its endpoint")
	}
	if err := remove(); !fault.Is(err, fault.NotFound) {
		t.Fatalf("deleted twice: %v", err)
	}
	p.happen(t, tutorHub, "charge.refunded")
	var statuses []string
	if err := p.pool.NewRaw("SELECT status FROM connect.webhook_deliveries").Scan(t.Context(), &statuses); err != nil {
		t.Fatal(err)
	}
	if strings.Join(statuses, " ") != "undelivered" {
		t.Fatalf("deliveries after delete: %v", statuses)
	}
}

func TestASecretThatWeCannotOpenIsNoFailureOfTheReceiver(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	other, err := secret.NewKeyring(secret.Master{ID: "b", Key: bytes.Repeat([]byte{2}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	p.dispatcher = webhook.NewDispatcher(p.pool, other, p.sender, p, clock.System{}, webhook.DispatcherConfig{})
	p.subscriber = webhook.NewSubscriber(p, clock.System{}, p.dispatcher)
	p.run(t)
	until(t, "the dispatcher runs and has tried", func() bool {
		p.happen(t, tutorHub, "charge.succeeded")
		stats, err := p.dispatcher.Stats(t.Context())
		return err == nil && stats.InFlight == 0 && p.deliveries(t, e.ID)[0].Attempts == 1
	})
	if got := p.attempts(t, e.ID); len(got) != 0 {
		t.Errorf("attempts %+v", got)
	}
	health, err := p.endpoints.Health(t.Context(), p.pool, e)
	if err != nil || health[e.ID].Failures != 0 {
		t.Errorf("health %+v, %v", health[e.ID], err)
	}
}

func TestUpdateMergesMetadataAndKeepsTheRest(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/", EnabledEvents: []string{"*"}, Description: "till",
		APIVersion: "2026-08-26.dahlia", Metadata: metadata.Patch{Set: map[string]string{"a": "1", "b": "2"}}})
	url := "https://example.com/new"
	p.update(t, e.ID, webhook.EndpointPatch{URL: &url, Metadata: metadata.Patch{Set: map[string]string{"a": "", "c": "3"}}})
	got, err := p.endpoints.Get(t.Context(), p.pool, hub, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := json.Marshal(got.Metadata)
	if got.URL != url || got.Description != "till" || got.APIVersion != "2026-08-26.dahlia" || got.Disabled || string(kept) != `{"b":"2","c":"3"}` {
		t.Fatalf("endpoint %+v", got)
	}
	empty := ""
	if got := p.update(t, e.ID, webhook.EndpointPatch{Description: &empty}); got.Description != "" {
		t.Fatal("description not emptied")
	}
	if got, _ := p.endpoints.Get(t.Context(), p.pool, hub, e.ID); got.Description != "" {
		t.Fatal("description not emptied in the table")
	}
}

func TestEndpointsOfOthersAreNotThere(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	for _, other := range []tenant.Scope{hub.For(tutor), {Platform: tutorHub, Account: tutorHub, Livemode: true}, {Platform: "acct_x", Account: "acct_x"}} {
		if _, err := p.endpoints.Get(t.Context(), p.pool, other, e.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v got it: %v", other, err)
		}
		if _, err := p.endpoints.Deliveries(t.Context(), p.pool, other, webhook.DeliveryFilter{Endpoint: e.ID}, page.Params{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v got its deliveries: %v", other, err)
		}
		if found, err := p.endpoints.List(t.Context(), p.pool, other, page.Params{}); err != nil || len(found.Items) != 0 {
			t.Errorf("%+v lists it: %v", other, err)
		}
	}
}
