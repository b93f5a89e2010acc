package onboarding_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// town is a server with the marketplace "TutorHub Hong Kong" and the hosted pages, over a true database.
type town struct {
	t        testing.TB
	pool     *bun.DB
	now      *clock.Fixed // of links and visits
	accounts *connect.Accounts
	links    *onboarding.Links
	verify   *connect.Verification
	platform string
	url      string
	log      *lockedBuffer
	cfg      onboarding.Config
}

// lockedBuffer takes what many requests log at a time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	refresh = "https://tutorhub.example/refresh"
	back    = "https://tutorhub.example/return"
)

// keys are credentials "<mode>_<account>".
type keys struct{}

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	mode, account, ok := strings.Cut(key, "_")
	if !ok {
		return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	return rest.Principal{KeyID: "key_1", Account: account, Livemode: mode == "live", Kind: rest.Secret}, nil
}

func newTown(t testing.TB, adjust ...func(*onboarding.Config)) *town {
	t.Helper()
	return newTownWith(t, func(*connect.Config) {}, adjust...)
}

func newTownWith(t testing.TB, accounts func(*connect.Config), adjust ...func(*onboarding.Config)) *town {
	t.Helper()
	w := &town{t: t, pool: dbtest.New(t), now: clock.NewFixed(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)), log: &lockedBuffer{}}
	master := []byte(strings.Repeat("m", 32))
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	must(t, err)
	fingerprints, err := secret.NewPepper(master, "fingerprints")
	must(t, err)
	pepper, err := secret.NewPepper(master, "onboarding")
	must(t, err)
	clocks := clock.Modes{Live: w.now, Test: w.now}
	rooms := connect.Config{
		Clocks: clocks, Log: event.Log{}, Keyring: ring, Pepper: fingerprints,
		Verifiers: connect.VerifierModes{Test: verification.Sandbox{Key: secret.New("callback")}},
	}
	accounts(&rooms)
	w.accounts = connect.NewAccounts(w.pool, rooms)
	logs := slog.New(slog.NewTextHandler(w.log, nil))
	t.Cleanup(func() {
		for _, line := range strings.Split(w.log.String(), "\n") {
			if t.Failed() && (strings.Contains(line, "level=ERROR") || strings.Contains(line, "refused")) {
				t.Log(line)
			}
		}
	})
	w.verify = connect.NewVerification(w.accounts, logs)
	kit, err := ui.New(ui.Config{Dev: true, Log: logs})
	must(t, err)

	var server *rest.Server
	ts := httptest.NewUnstartedServer(openapi.Wrap(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { server.ServeHTTP(rw, r) })))
	ts.Start()
	t.Cleanup(ts.Close)
	w.url = ts.URL
	w.links = onboarding.NewLinks(w.pool, onboarding.LinksConfig{Accounts: w.accounts, Pepper: pepper, BaseURL: w.url, Clock: w.now})
	w.cfg = onboarding.Config{Pool: w.pool, Accounts: w.accounts, Links: w.links, Kit: kit, Dev: true, Log: logs}
	for _, change := range adjust {
		change(&w.cfg)
	}
	wizard, err := onboarding.New(w.cfg)
	must(t, err)
	server = rest.New(rest.Config{Pool: w.pool, Authenticator: keys{}, Accounts: w.accounts, Log: logs})
	server.Mount(connecthttp.AccountLinkRoutes(server, w.links)...)
	server.Mount(connecthttp.AccountRoutes(server, w.accounts)...)
	server.Mount(wizard.Routes()...)
	server.Mount(
		rest.Route{Method: "GET", Path: ui.AssetsPath, Public: true, Handler: kit.Assets()},
		rest.Route{Method: "POST", Path: ui.PreferencesPath, Public: true, Handler: kit.Preferences()},
	)
	w.platform = w.open(func(ctx context.Context, tx bun.Tx) (connect.Account, error) {
		return w.accounts.CreatePlatform(ctx, tx, w.now.Now(), connect.PlatformParams{Country: "HK", Name: "TutorHub Hong Kong"})
	}).ID
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *town) open(make func(ctx context.Context, tx bun.Tx) (connect.Account, error)) (a connect.Account) {
	w.t.Helper()
	must(w.t, db.InTx(w.t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		a, err = make(ctx, tx)
		return err
	}))
	return a
}

// tutor is an account as it comes through OAuth: held to the true rules, not connected yet.
func (w *town) tutor(prefill map[string]string) string {
	w.t.Helper()
	return w.open(func(ctx context.Context, tx bun.Tx) (connect.Account, error) {
		return w.accounts.OpenForOAuth(ctx, tx, w.now.Now(), connect.OpenParams{Platform: w.platform, Express: true, Email: "may@example.com", Prefill: prefill})
	}).ID
}

func (w *town) access(account string, access tenant.Access) {
	w.t.Helper()
	must(w.t, db.InTx(w.t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		return w.accounts.SetAccess(ctx, tx, w.now.Now(), w.platform, account, false, access)
	}))
}

func (w *town) account(id string) connect.Account {
	w.t.Helper()
	a, err := w.accounts.Get(w.t.Context(), w.pool, tenant.Scope{Platform: w.platform, Account: id}, id)
	must(w.t, err)
	return a
}

// mint is a link as the OAuth flow makes it.
func (w *town) mint(account string) string {
	w.t.Helper()
	var address string
	must(w.t, db.InTx(w.t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		address, err = w.links.Mint(ctx, tx, w.platform, account, false, back)
		return err
	}))
	return address
}

// api calls as the platform in test mode.
func (w *town) api(method, path string, want int, form ...string) map[string]any {
	w.t.Helper()
	return callAPI(w.t, w.url, "test_"+w.platform, method, path, want, form...)
}

// browser is a person without JavaScript: links, plain forms and a cookie jar.
type browser struct {
	t       testing.TB
	client  *http.Client
	url     string // where it is
	status  int
	body    string
	leftFor string // where a redirect led that leaves the server
	header  http.Header
	lang    string
}

func (w *town) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	b := &browser{t: w.t, lang: "en"}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), w.url) {
			b.leftFor = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	b.url = w.url
	return b
}

func (b *browser) send(r *http.Request) {
	b.t.Helper()
	b.leftFor = ""
	r.Header.Set("Accept-Language", b.lang)
	response, err := b.client.Do(r)
	must(b.t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	must(b.t, err)
	b.status, b.body, b.header = response.StatusCode, string(raw), response.Header
	if response.Request != nil {
		b.url = response.Request.URL.String()
	}
}

func (b *browser) get(target string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.resolve(target), nil)
	must(b.t, err)
	b.send(r)
}

func (b *browser) resolve(target string) string {
	base, err := url.Parse(b.url)
	must(b.t, err)
	u, err := base.Parse(target)
	must(b.t, err)
	return u.String()
}

// at is the last part of the page's path.
func (b *browser) at() string {
	u, _ := url.Parse(b.url)
	return u.Path[strings.LastIndexByte(u.Path, '/')+1:]
}

var (
	formTag   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<input([^>]*)>`)
	selectTag = regexp.MustCompile(`(?s)<select([^>]*)>(.*?)</select>`)
	chosenTag = regexp.MustCompile(`<option value="([^"]*)" selected>`)
	areaTag   = regexp.MustCompile(`(?s)<textarea([^>]*)>(.*?)</textarea>`)
)

func attribute(tag, name string) (string, bool) {
	m := regexp.MustCompile(`(?:^|\s)` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return "", regexp.MustCompile(`(?:^|\s)` + name + `(?:\s|$)`).MatchString(tag)
	}
	return html.UnescapeString(m[1]), true
}

// form is the page's main form as a browser would send it.
func (b *browser) form() url.Values {
	b.t.Helper()
	for _, m := range formTag.FindAllStringSubmatch(b.body, -1) {
		if action, elsewhere := attribute(m[1], "action"); elsewhere && !strings.HasPrefix(action, "/onboarding/leave") || strings.HasPrefix(action, "/onboarding/leave") {
			continue
		}
		values := url.Values{}
		for _, in := range inputTag.FindAllStringSubmatch(m[2], -1) {
			name, _ := attribute(in[1], "name")
			kind, _ := attribute(in[1], "type")
			value, _ := attribute(in[1], "value")
			_, checked := attribute(in[1], "checked")
			if name == "" || kind == "file" || (kind == "radio" || kind == "checkbox") && !checked {
				continue
			}
			values.Set(name, value)
		}
		for _, s := range selectTag.FindAllStringSubmatch(m[2], -1) {
			name, _ := attribute(s[1], "name")
			if chosen := chosenTag.FindStringSubmatch(s[2]); chosen != nil {
				values.Set(name, html.UnescapeString(chosen[1]))
			} else {
				values.Set(name, "")
			}
		}
		for _, a := range areaTag.FindAllStringSubmatch(m[2], -1) {
			name, _ := attribute(a[1], "name")
			values.Set(name, html.UnescapeString(a[2]))
		}
		return values
	}
	b.t.Fatalf("no form on %s: %d\n%s", b.url, b.status, b.text())
	return nil
}

// submit sends the page's form with changes "name=value"; a name that is not on the page is a mistake.
func (b *browser) submit(changes ...string) {
	b.t.Helper()
	values := b.form()
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		if _, there := values[name]; !there && !strings.Contains(b.body, `name="`+name+`"`) {
			b.t.Fatalf("%s has no field %q; it has %v", b.url, name, slices.Sorted(mapsKeys(values)))
		}
		values.Set(name, value)
	}
	b.post(b.url, values)
}

func (b *browser) post(target string, values url.Values) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.resolve(target), strings.NewReader(values.Encode()))
	must(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.send(r)
}

func mapsKeys(v url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range v {
			if !yield(name) {
				return
			}
		}
	}
}

var anyTag = regexp.MustCompile(`(?s)<[^>]*>`)

func (b *browser) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(b.body, " "))), " ")
}

func (b *browser) must(what string) {
	b.t.Helper()
	if !strings.Contains(b.text(), what) {
		b.t.Fatalf("%s (%d) does not say %q:\n%s", b.url, b.status, what, b.text())
	}
}

func (b *browser) mustBe(step string) {
	b.t.Helper()
	if b.at() != step {
		b.t.Fatalf("at %s (%d), want %s:\n%s", b.url, b.status, step, b.text())
	}
}

func (w *town) standard(ctx context.Context, tx bun.Tx) (connect.Account, error) {
	return w.accounts.OpenForOAuth(ctx, tx, w.now.Now(), connect.OpenParams{Platform: w.platform, Email: "own@example.com"})
}
