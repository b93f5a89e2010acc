package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// keys are good until they are revoked.
type keys struct{ revoked sync.Map }

func (k *keys) Good(_ context.Context, _ string, _ bool, keyID string) (bool, error) {
	_, revoked := k.revoked.Load(keyID)
	return !revoked, nil
}

// desk is where developers of TutorHub listen.
type desk struct {
	*post
	keys      *keys
	clock     *clock.Fixed
	listeners *webhook.Listeners
	stop      func()
}

func newDesk(t *testing.T, changes ...func(*webhook.ListenersConfig)) *desk {
	clk := clock.NewFixed(clock.System{}.Now())
	d := &desk{post: newPost(t, clk, webhook.DispatcherConfig{}), keys: &keys{}, clock: clk}
	d.listeners, d.stop = d.process(t, changes...)
	return d
}

// process is one of the processes that devices can connect to.
func (d *desk) process(t *testing.T, changes ...func(*webhook.ListenersConfig)) (*webhook.Listeners, func()) {
	cfg := webhook.ListenersConfig{
		Pool: d.pool, Ring: d.ring, Accounts: d.post, Keys: d.keys, Clock: d.clock,
		Poll: 5 * time.Millisecond, Recheck: 5 * time.Millisecond, Patience: time.Hour,
	}
	for _, change := range changes {
		change(&cfg)
	}
	l := webhook.NewListeners(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return l, stop
}

// forwarding is a device with an application behind it.
func forwarding(device string) webhook.NewListener {
	return webhook.NewListener{Device: device, Forwards: true, ForwardsConnect: true, Key: "key_1"}
}

func (d *desk) open(scope tenant.Scope, want webhook.NewListener) (opened webhook.Opened, err error) {
	err = db.InTx(context.Background(), d.pool, func(ctx context.Context, tx bun.Tx) error {
		opened, err = d.listeners.Open(ctx, tx, d.clock.Now(), scope, want)
		return err
	})
	return opened, err
}

func (d *desk) session(t *testing.T, want webhook.NewListener) webhook.Opened {
	t.Helper()
	opened, err := d.open(hub, want)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// laptop is a connected device.
type laptop struct {
	t       *testing.T
	sent    chan webhook.Push
	replies chan webhook.Reply
	ended   chan error
	once    sync.Once
}

func connect(t *testing.T, l *webhook.Listeners, s webhook.Opened) *laptop {
	t.Helper()
	pull, err := l.Connect(t.Context(), s.Session.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	lap := &laptop{t: t, sent: make(chan webhook.Push, 1000), replies: make(chan webhook.Reply, 1000), ended: make(chan error, 1)}
	go func() {
		lap.ended <- pull.Run(func(p webhook.Push) error { lap.sent <- p; return nil }, lap.replies)
	}()
	t.Cleanup(lap.goes)
	return lap
}

// goes is the end of the socket.
func (l *laptop) goes() { l.once.Do(func() { close(l.replies) }) }

func (l *laptop) gone() error {
	l.t.Helper()
	select {
	case err := <-l.ended:
		l.once.Do(func() {})
		return err
	case <-time.After(time.Minute):
		l.t.Fatal("the connection does not end")
		return nil
	}
}

func (l *laptop) gets(e webhook.Incoming) webhook.Push {
	l.t.Helper()
	select {
	case p := <-l.sent:
		if p.Event != e.ID {
			l.t.Fatalf("got %s, want %s (%s)", p.Body, e.ID, e.Envelope)
		}
		return p
	case <-time.After(time.Minute):
		l.t.Fatalf("%s never came", e.Envelope)
		return webhook.Push{}
	}
}

// getsNoMore holds when everything that is due has passed: the marker, of another
// object and written last, comes next.
func (d *desk) getsNoMore(t *testing.T, l *laptop) {
	t.Helper()
	marker := incoming(tutorHub, "charge.succeeded", "ch_marker", 1)
	d.take(t, marker)
	l.answers(l.gets(marker), http.StatusOK)
}

func (l *laptop) answers(p webhook.Push, status int) {
	l.replies <- webhook.Reply{Delivery: p.Delivery, Answered: true, Status: status, Body: []byte("thanks")}
}

func (l *laptop) acknowledges(p webhook.Push) { l.replies <- webhook.Reply{Delivery: p.Delivery} }

// standing is how an event's only delivery is, with its last attempt.
type standing struct {
	Status    string
	Failure   string
	Code      int    `bun:"code"`
	Response  string `bun:"response"`
	Endpoint  string
	LeasedFor bool `bun:"leased"`
}

func (d *desk) standing(t *testing.T, e webhook.Incoming) standing {
	t.Helper()
	var s standing
	err := d.pool.NewRaw(`SELECT d.status, d.endpoint, d.leased_until IS NOT NULL AS leased, COALESCE(a.failure, '') AS failure,
		COALESCE(a.status, -1) AS code, COALESCE(convert_from(a.response, 'UTF8'), '') AS response
		FROM connect.webhook_deliveries AS d LEFT JOIN connect.webhook_attempts AS a ON a.delivery = d.id AND a.number = d.attempts
		WHERE d.event = ?`, e.ID).Scan(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *desk) happens(t *testing.T, account, object string, version int64) webhook.Incoming {
	t.Helper()
	e := incoming(account, "charge.updated", object, version)
	d.take(t, e)
	return e
}

func TestWhatCameWhileNobodyListenedComesLaterInOrder(t *testing.T) {
	d := newDesk(t)
	first := d.session(t, forwarding("laptop"))
	one, two, theirs := d.happens(t, tutorHub, "ch_1", 1), d.happens(t, tutorHub, "ch_1", 2), d.happens(t, tutor, "ch_2", 1)
	if got := d.standing(t, one); got.Status != "pending" || got.LeasedFor {
		t.Fatalf("nobody listens, but %+v", got)
	}
	again := d.session(t, forwarding("laptop"))
	if again.Secret.Reveal() != first.Secret.Reveal() {
		t.Error("the device's secret changed")
	}
	l := connect(t, d.listeners, again)
	got := l.gets(one)
	l.gets(theirs) // another object need not wait
	if err := stripewebhook.ValidatePayload(got.Body, got.Header.Get("Stripe-Signature"), first.Secret.Reveal()); err != nil {
		t.Error(err)
	}
	if len(l.sent) > 0 {
		t.Fatalf("%s went out before the one before it was done", (<-l.sent).Body)
	}
	l.answers(got, http.StatusOK)
	l.answers(l.gets(two), http.StatusOK)
	until(t, "what was answered is delivered", func() bool { s := d.standing(t, two); return s.Status == "delivered" && s.Response == "thanks" })
	if s := d.standing(t, one); s.Status != "delivered" || s.LeasedFor || s.Code != 200 {
		t.Errorf("%+v", s)
	}
}

func TestAnApplicationMayRefuseAnEventAndTheNextOneComes(t *testing.T) {
	d := newDesk(t)
	l := connect(t, d.listeners, d.session(t, forwarding("laptop")))
	one, two := d.happens(t, tutorHub, "ch_1", 1), d.happens(t, tutorHub, "ch_1", 2)
	l.answers(l.gets(one), http.StatusInternalServerError)
	l.replies <- webhook.Reply{Delivery: l.gets(two).Delivery, Answered: true} // nothing in time
	until(t, "both are recorded", func() bool { return d.standing(t, two).Status == "delivered" })
	if s := d.standing(t, one); s.Status != "delivered" || s.Failure != "status" || s.Code != 500 {
		t.Errorf("refused: %+v", s)
	}
	if s := d.standing(t, two); s.Failure != "timeout" || s.Code != 0 {
		t.Errorf("not answered: %+v", s)
	}
}

func TestWithoutAnApplicationTakingAnEventIsEnough(t *testing.T) {
	d := newDesk(t)
	l := connect(t, d.listeners, d.session(t, webhook.NewListener{Device: "laptop", Key: "key_1"}))
	one, two := d.happens(t, tutorHub, "ch_1", 1), d.happens(t, tutorHub, "ch_1", 2)
	l.acknowledges(l.gets(one))
	l.acknowledges(l.gets(two))
	until(t, "both are delivered", func() bool { return d.standing(t, two).Status == "delivered" })
}

// Stripe's CLI acknowledges at once and says nothing of what it leaves out.
func TestAnAcknowledgedEventIsWaitedForOnlyWhereAnswersCome(t *testing.T) {
	d := newDesk(t, func(cfg *webhook.ListenersConfig) { cfg.Patience = time.Second })
	l := connect(t, d.listeners, d.session(t, forwarding("laptop")))
	for version := range int64(3) { // left out: the type is not waited for any more
		l.acknowledges(l.gets(d.happens(t, tutorHub, "ch_1", version+1)))
	}
	answered, next := incoming(tutorHub, "charge.refunded", "ch_1", 4), incoming(tutorHub, "charge.refunded", "ch_1", 5)
	after := incoming(tutorHub, "charge.refunded", "ch_1", 6)
	d.take(t, answered, next, after)
	got := l.gets(answered)
	l.acknowledges(got)
	l.answers(got, http.StatusOK)
	got = l.gets(next) // its type is answered, so its answer is waited for
	l.acknowledges(got)
	d.getsNoMore(t, l)
	l.answers(got, http.StatusOK)
	l.gets(after)
}

func TestANewConnectionTakesOverAtOnceHereOrElsewhere(t *testing.T) {
	d := newDesk(t)
	elsewhere, _ := d.process(t)
	old := connect(t, d.listeners, d.session(t, forwarding("laptop")))
	one, two := d.happens(t, tutorHub, "ch_1", 1), d.happens(t, tutorHub, "ch_1", 2)
	late := old.gets(one)
	for n, l := range []*webhook.Listeners{elsewhere, d.listeners, d.listeners} {
		next := connect(t, l, d.session(t, forwarding("laptop")))
		late = next.gets(one) // without waiting for a lease to run out
		if err := old.gone(); !errors.Is(err, webhook.ErrTakenOver) {
			t.Errorf("takeover %d: the old connection ended with %v", n, err)
		}
		old = next
	}
	old.answers(late, http.StatusOK)
	old.gets(two)
}

func TestADeviceThatGoesGivesBackWhatItHasNotAnswered(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	l := connect(t, d.listeners, s)
	one, two := d.happens(t, tutorHub, "ch_1", 1), d.happens(t, tutorHub, "ch_2", 1)
	l.answers(l.gets(one), http.StatusOK)
	l.gets(two)
	l.goes() // the answer on its way still counts
	_ = l.gone()
	if s := d.standing(t, one); s.Status != "delivered" {
		t.Errorf("answered: %+v", s)
	}
	if s := d.standing(t, two); s.Status != "pending" || s.LeasedFor {
		t.Errorf("not answered: %+v", s)
	}
	connect(t, d.listeners, s).gets(two)
}

func TestAStoppingServerEndsConnectionsAndTakesNoMore(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	l := connect(t, d.listeners, s)
	one := d.happens(t, tutorHub, "ch_1", 1)
	l.gets(one)
	d.stop() // returns when all is given back
	if err := l.gone(); !errors.Is(err, webhook.ErrStopping) {
		t.Errorf("ended with %v", err)
	}
	if s := d.standing(t, one); s.Status != "pending" || s.LeasedFor {
		t.Errorf("%+v", s)
	}
	if _, err := d.listeners.Connect(t.Context(), s.Session.Reveal()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("connected to a stopped server: %v", err)
	}
}

func TestARevokedKeyEndsItsConnectionsAndSessions(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	l := connect(t, d.listeners, s)
	d.keys.revoked.Store("key_1", true)
	if err := l.gone(); !errors.Is(err, webhook.ErrRevoked) {
		t.Errorf("ended with %v", err)
	}
	if _, err := d.listeners.Connect(t.Context(), s.Session.Reveal()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("connected with a revoked key: %v", err)
	}
}

func TestOnlyAGoodSessionConnects(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	other, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{2}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := other.Seal(secret.New(`{"own":"we_1"}`), "connect.webhook_listeners", "session")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := d.ring.Seal(secret.New(`{"own":"we_1"}`), "connect.webhook_endpoints", "we_1")
	if err != nil {
		t.Fatal(err)
	}
	text := s.Session.Reveal()
	for _, bad := range []string{"", "x", forged, elsewhere, text[:len(text)-2] + "AA", text + "A"} {
		_, err := d.listeners.Connect(t.Context(), bad)
		if f := fault.As(err); f == nil || f.Kind != fault.Unauthenticated || f.Message != "Unknown WebSocket ID." {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	l := connect(t, d.listeners, s)
	d.clock.Advance(12 * time.Hour)
	if err := l.gone(); !errors.Is(err, webhook.ErrEnded) {
		t.Errorf("at its session's end the connection ended with %v", err)
	}
	if _, err := d.listeners.Connect(t.Context(), text); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("connected after the session's end: %v", err)
	}
}

func TestADeviceThatWasSilentForAWeekIsForgotten(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	one := d.happens(t, tutorHub, "ch_1", 1)
	d.clock.Advance(4 * 24 * time.Hour)
	d.session(t, forwarding("desktop"))
	l := connect(t, d.listeners, d.session(t, forwarding("tablet")))
	for _, want := range []string{"pending", "undelivered"} { // after six days, after eight
		d.clock.Advance(2 * 24 * time.Hour)
		if err := d.listeners.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := d.standing(t, one).Status; got != want {
			t.Errorf("what waited for the silent device is %s, want %s", got, want)
		}
	}
	_ = l.gone() // its session is at its end
	fresh := d.session(t, forwarding("laptop"))
	if fresh.Secret.Reveal() == s.Secret.Reveal() {
		t.Error("a forgotten device has its old secret again")
	}
	d.getsNoMore(t, connect(t, d.listeners, fresh))
	if d.session(t, forwarding("desktop")); d.devices(t) != 3 {
		t.Errorf("%d devices", d.devices(t))
	}
}

func (d *desk) devices(t *testing.T) (n int) {
	t.Helper()
	if err := d.pool.NewRaw(`SELECT count(DISTINCT listener) FROM connect.webhook_endpoints WHERE deleted_at IS NULL`).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOneDeviceTooManyReplacesTheMostSilent(t *testing.T) {
	d := newDesk(t)
	for n := range 20 {
		d.clock.Advance(time.Second)
		d.session(t, forwarding(fmt.Sprintf("device %d", n)))
	}
	first := connect(t, d.listeners, d.session(t, forwarding("device 0"))) // now the least silent
	d.session(t, forwarding("one more"))
	d.clock.Advance(time.Second)
	if n := d.devices(t); n != 20 {
		t.Errorf("%d devices", n)
	}
	var left []string
	if err := d.pool.NewRaw(`SELECT DISTINCT listener FROM connect.webhook_endpoints WHERE deleted_at IS NOT NULL`).Scan(t.Context(), &left); err != nil {
		t.Fatal(err)
	}
	if strings.Join(left, ",") != "device 1" {
		t.Errorf("%v were forgotten", left)
	}
	one := incoming(tutorHub, "charge.updated", "ch_1", 1)
	d.take(t, one)
	first.gets(one)
}

func TestAListenerHearsWhatItAskedFor(t *testing.T) {
	d := newDesk(t)
	want := forwarding("laptop")
	d.session(t, want)
	dropped, kept := d.happens(t, tutorHub, "ch_1", 1), incoming(tutorHub, "charge.succeeded", "ch_2", 1)
	d.take(t, kept)
	want.EnabledEvents = []string{"charge.succeeded"}
	l := connect(t, d.listeners, d.session(t, want))
	l.gets(kept)
	if s := d.standing(t, dropped); s.Status != "undelivered" {
		t.Errorf("what the new filter leaves out is %+v", s)
	}
	now := want
	now.Since = webhook.Since{Now: true}
	l = connect(t, d.listeners, d.session(t, now))
	d.getsNoMore(t, l)
	if s := d.standing(t, kept); s.Status != "undelivered" {
		t.Errorf("what was skipped is %+v", s)
	}
}

func TestAListenerHearsNothingOfAnAccountItsPlatformHasLost(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, forwarding("laptop"))
	lost := d.happens(t, tutor, "ch_1", 1)
	d.lost.Store(tutor, true)
	l := connect(t, d.listeners, s)
	d.getsNoMore(t, l)
	if s := d.standing(t, lost); s.Status != "undelivered" {
		t.Errorf("%+v", s)
	}
}

func TestWhoMayNotListen(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		scope tenant.Scope
		want  webhook.NewListener
		param string
	}{
		"no device":            {hub, forwarding(""), "device_name"},
		"a device of 201":      {hub, forwarding(strings.Repeat("x", 201)), "device_name"},
		"a device of controls": {hub, forwarding("a\x1b[2J"), "device_name"},
		"a bad filter":         {hub, webhook.NewListener{Device: "x", EnabledEvents: []string{"Charge"}}, "enabled_events[0]"},
		"for an account":       {hub.For(tutor), forwarding("x"), ""},
	} {
		_, err := d.open(c.scope, c.want)
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Param != c.param {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	d := newDesk(t, func(cfg *webhook.ListenersConfig) { cfg.Connections, cfg.PerAccount = 3, 2 })
	for n := range 2 {
		connect(t, d.listeners, d.session(t, forwarding(fmt.Sprint(n))))
	}
	third := d.session(t, forwarding("third"))
	if _, err := d.listeners.Connect(t.Context(), third.Session.Reveal()); !fault.Is(err, fault.RateLimited) {
		t.Errorf("a third of one account: %v", err)
	}
	other := tenant.Scope{Platform: "acct_other", Account: "acct_other"}
	for n, want := range []bool{true, false} {
		s, err := d.open(other, forwarding(fmt.Sprint(n)))
		if err != nil {
			t.Fatal(err)
		}
		if !want {
			if _, err := d.listeners.Connect(t.Context(), s.Session.Reveal()); !fault.Is(err, fault.RateLimited) {
				t.Errorf("a fourth of all: %v", err)
			}
			continue
		}
		connect(t, d.listeners, s)
	}
}
