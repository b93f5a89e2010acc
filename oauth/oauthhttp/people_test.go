package oauthhttp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

const (
	goodPassword  = "correct battery horse"
	otherPassword = "staple of another kind"
)

// hall is a running server with the people's pages, its mails and its clock.
type hall struct {
	pool   *bun.DB
	clock  *clock.Fixed
	inbox  *mail.Inbox
	people *session.People
	kit    *ui.Kit
	url    string
	log    *syncedBuffer
}

// tutorHub is the platform that asks in "/oauth/consent?request=areq_1".
type asking struct{}

func (asking) Asked(_ context.Context, next string) (oauthhttp.Asked, bool) {
	if next != "/oauth/consent?request=areq_1" {
		return oauthhttp.Asked{}, false
	}
	return oauthhttp.Asked{
		Brand: ui.Brand{Name: "TutorHub HK", Primary: "#5b3df5"}, Testmode: true, Email: "tutor@example.com", Name: `<script>alert("x")</script>`,
	}, true
}

type accountNames map[string]string

func (n accountNames) AccountNames(context.Context, []string) (map[string]string, error) {
	return n, nil
}

// direct posts into the inbox at once.
type direct struct{ inbox *mail.Inbox }

func (p direct) Post(m mail.Message) bool { return p.inbox.Send(context.Background(), m) == nil }
func (direct) Ready() bool                { return true }

func newHall(t testing.TB) *hall {
	t.Helper()
	return newHallAt(t, clock.NewFixed(time.Now().UTC().Truncate(time.Second)))
}

func newHallAt(t testing.TB, clk *clock.Fixed) *hall {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	h := &hall{pool: dbtest.New(t), clock: clk, inbox: mail.NewInbox(), url: "http://localhost:" + port, log: &syncedBuffer{}}
	master := bytes.Repeat([]byte{7}, 32)
	pepper, err := secret.NewPepper(master, "people")
	check(t, err)
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	check(t, err)
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.people, err = session.New(h.pool, session.Config{
		Pepper: pepper, Keyring: ring, Throttle: throttle.New(h.pool, pepper, clk), Mail: direct{h.inbox}, BaseURL: h.url, Clock: clk,
		Hash: session.HashParams{MemoryKiB: 64, Passes: 1, Threads: 1}, Log: log,
	})
	check(t, err)
	h.kit, err = ui.New(ui.Config{Dev: true, Log: log})
	check(t, err)
	routes, err := oauthhttp.PeopleRoutes(oauthhttp.PeopleConfig{
		Pool: h.pool, People: h.people, Kit: h.kit, Names: accountNames{"acct_shop": "Ada's Piano Lessons"}, Asking: asking{}, Inbox: true, Log: log,
	})
	check(t, err)
	server := rest.New(rest.Config{Pool: h.pool, Log: log})
	server.Mount(routes...)
	server.Mount(
		rest.Route{Method: "GET", Path: ui.AssetsPath, Public: true, Handler: h.kit.Assets()},
		rest.Route{Method: "POST", Path: ui.PreferencesPath, Public: true, Handler: h.kit.Preferences()},
		rest.Route{Method: "GET", Path: "/_dev/mail", Public: true, Handler: h.inbox},
		rest.Route{Method: "POST", Path: "/_dev/mail", Public: true, Handler: h.inbox},
	)
	front.Config.Handler = server
	front.Start()
	t.Cleanup(front.Close)
	t.Cleanup(func() {
		for line := range strings.SplitSeq(h.log.String(), "\n") {
			if strings.Contains(line, "level=ERROR") {
				t.Error(line)
			}
		}
	})
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// user is a person whom an operator made.
func (h *hall) user(t testing.TB, email, name string) session.User {
	t.Helper()
	var u session.User
	check(t, db.InTx(t.Context(), h.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		u, err = h.people.Create(ctx, tx, h.clock.Now(), session.NewUser{Email: email, Name: name, Password: secret.New(goodPassword), Verified: true})
		return err
	}))
	return u
}

func (h *hall) join(t testing.TB, u session.User, account string, livemode bool, role session.Role) {
	t.Helper()
	check(t, db.InTx(t.Context(), h.pool, func(ctx context.Context, tx bun.Tx) error {
		return h.people.Join(ctx, tx, h.clock.Now(), u.ID, account, livemode, role)
	}))
}

// guest is a browser without scripts.
type guest struct {
	t    testing.TB
	hall *hall
	http *http.Client
}

func (h *hall) guest(t testing.TB) *guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	return &guest{t: t, hall: h, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is an answer; Location is "" unless it redirects.
type reply struct {
	Status   int
	Header   http.Header
	Body     string
	Location string
}

func (g *guest) do(method, path string, form url.Values, header ...string) reply {
	g.t.Helper()
	r, err := http.NewRequest(method, g.hall.url+path, strings.NewReader(form.Encode()))
	check(g.t, err)
	if method == http.MethodGet {
		r.Body, r.ContentLength = nil, 0
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", g.hall.url)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := g.http.Do(r)
	check(g.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(g.t, err)
	return reply{Status: res.StatusCode, Header: res.Header, Body: string(body), Location: res.Header.Get("Location")}
}

func (g *guest) get(path string) reply { g.t.Helper(); return g.do("GET", path, nil) }

// post expects a redirect to path.
func (g *guest) post(path, to string, fields ...string) reply {
	g.t.Helper()
	r := g.send(path, fields...)
	if r.Status != http.StatusSeeOther || r.Location != to {
		g.t.Fatalf("POST %s: %d to %q, want 303 to %q\n%s", path, r.Status, r.Location, to, mistakes(r.Body))
	}
	return r
}

func (g *guest) send(path string, fields ...string) reply {
	g.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return g.do("POST", path, form)
}

var errorText = regexp.MustCompile(`(?s)data-errors>.*?</ul>`)

func mistakes(body string) string { return errorText.FindString(body) }

func (g *guest) signIn(email string) {
	g.t.Helper()
	g.post("/sign-in", "/accounts", "email", email, "password", goodPassword)
}

// mailTo is the newest mail to an address.
func (h *hall) mailTo(t testing.TB, email string) mail.Received {
	t.Helper()
	all := h.inbox.Mails(email)
	if len(all) == 0 {
		t.Fatalf("no mail to %s", email)
	}
	return all[0]
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

func (h *hall) codeTo(t testing.TB, email string) string {
	t.Helper()
	return sixDigits.FindString(h.mailTo(t, email).Text)
}

func (h *hall) linkTo(t testing.TB, email string) string {
	t.Helper()
	_, rest, found := strings.Cut(h.mailTo(t, email).Text, h.url)
	if !found {
		t.Fatalf("no link in the mail to %s", email)
	}
	link, _, _ := strings.Cut(rest, "\n")
	return link
}

func (h *hall) zero() secret.Text     { return secret.Text{} }
func (h *hall) password() secret.Text { return secret.New(goodPassword) }
