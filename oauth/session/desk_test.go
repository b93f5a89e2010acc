package session_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/secret"
)

// cheap hashes keep the tests quick; what they cost is no rule.
var cheap = session.HashParams{MemoryKiB: 64, Passes: 1, Threads: 1}

const (
	good  = "correct battery horse"
	other = "staple of another kind"
)

// mailbox keeps what was posted.
type mailbox struct {
	mu   sync.Mutex
	got  []mail.Message
	full bool
}

func (m *mailbox) Post(message mail.Message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.full {
		m.got = append(m.got, message)
	}
	return !m.full
}

func (m *mailbox) Ready() bool { m.mu.Lock(); defer m.mu.Unlock(); return !m.full }

// last is the newest mail to somebody.
func (m *mailbox) last(t testing.TB, to string) mail.Message {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.got) - 1; i >= 0; i-- {
		if m.got[i].To == to {
			return m.got[i]
		}
	}
	t.Fatalf("no mail to %s", to)
	return mail.Message{}
}

func (m *mailbox) count() int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.got) }

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

func (m *mailbox) code(t testing.TB, to string) string {
	t.Helper()
	return sixDigits.FindString(m.last(t, to).Text)
}

func (m *mailbox) link(t testing.TB, to, path string) secret.Text {
	t.Helper()
	_, rest, found := strings.Cut(m.last(t, to).Text, path)
	if !found {
		t.Fatalf("no link %s in the mail to %s", path, to)
	}
	link, _, _ := strings.Cut(rest, "\n")
	return secret.New(link)
}

// desk is one node; several may share a database.
type desk struct {
	pool   *bun.DB
	clock  *clock.Fixed
	mail   *mailbox
	people *session.People
	log    *bytes.Buffer
}

func newDesk(t testing.TB, changes ...func(*session.Config)) *desk {
	t.Helper()
	return nodeOf(t, dbtest.New(t), clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)), changes...)
}

func nodeOf(t testing.TB, pool *bun.DB, clk *clock.Fixed, changes ...func(*session.Config)) *desk {
	t.Helper()
	master := bytes.Repeat([]byte{7}, 32)
	pepper, err := secret.NewPepper(master, "people")
	must(t, err)
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	must(t, err)
	d := &desk{pool: pool, clock: clk, mail: &mailbox{}, log: &bytes.Buffer{}}
	cfg := session.Config{
		Pepper: pepper, Keyring: ring, Throttle: throttle.New(pool, pepper, clk), Mail: d.mail, BaseURL: "https://pay.example", Clock: clk, Hash: cheap,
		Log: slog.New(slog.NewTextHandler(d.log, nil)),
	}
	for _, change := range changes {
		change(&cfg)
	}
	d.people, err = session.New(pool, cfg)
	must(t, err)
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// code is the public code of a fault, "" of nil; a joined error gives its first.
func code(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f := fault.As(err)
	if f == nil {
		t.Fatal(err)
	}
	return f.Code
}

func wants(t testing.TB, err error, wantCode string) {
	t.Helper()
	if got := code(t, err); got != wantCode {
		t.Fatalf("got %q (%v), want %q", got, err, wantCode)
	}
}

var home = session.From{IP: "192.0.2.1", UserAgent: "Browser", Locale: "en"}

// user is a person whom an operator made.
func (d *desk) user(t testing.TB, email string) session.User {
	t.Helper()
	var u session.User
	d.in(t, func(ctx context.Context, tx bun.Tx) (err error) {
		u, err = d.people.Create(ctx, tx, d.clock.Now(), session.NewUser{Email: email, Name: "Ada Wong", Password: secret.New(good), Verified: true})
		return err
	})
	return u
}

func (d *desk) in(t testing.TB, do func(ctx context.Context, tx bun.Tx) error) {
	t.Helper()
	must(t, db.InTx(t.Context(), d.pool, do))
}

func (d *desk) signIn(t testing.TB, email, password string) (session.Entry, error) {
	t.Helper()
	return d.people.SignIn(t.Context(), home, secret.Text{}, email, secret.New(password))
}

// signedIn is the visit of who has just signed in.
func (d *desk) signedIn(t testing.TB, email string) session.Entry {
	t.Helper()
	e, err := d.signIn(t, email, good)
	must(t, err)
	return e
}

// request is one of a browser that has the entry's cookie.
func (d *desk) request(e session.Entry) *http.Request {
	w := httptest.NewRecorder()
	d.people.SetCookie(w, e)
	return withCookies(w)
}

func withCookies(w *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest("GET", "https://pay.example/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func (d *desk) visit(t testing.TB, e session.Entry) (session.Visit, bool) {
	t.Helper()
	return d.people.Visit(t.Context(), d.request(e))
}

// kinds are what the person's activity shows, newest first.
func (d *desk) kinds(t testing.TB, u session.User) string {
	t.Helper()
	list, err := d.people.Activity(t.Context(), u, 50)
	must(t, err)
	var kinds []string
	for _, a := range list {
		kinds = append(kinds, a.Kind)
	}
	return strings.Join(kinds, " ")
}

// signUp fills the form and returns the browser that waits for the code.
func (d *desk) signUp(t testing.TB, email string) *http.Request {
	t.Helper()
	pending, err := d.people.SignUp(t.Context(), home, session.SignUpParams{Email: email, Name: "Ada Wong", Password: secret.New(good), Next: "/accounts"})
	must(t, err)
	w := httptest.NewRecorder()
	d.people.SetPendingCookie(w, pending)
	return withCookies(w)
}
