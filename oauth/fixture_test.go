package oauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	tutorHub = "acct_tutorhub"
	rival    = "acct_rival"
	mei      = "acct_mei" // a tutor of TutorHub
	meiUser  = "usr_mei"
	callback = "https://tutorhub.example/callback"
)

// market keeps accounts in a table of the test, so that what a failed
// transaction did to them is gone too.
type market struct{ pool *bun.DB }

func newMarket(t testing.TB, pool *bun.DB) *market {
	t.Helper()
	if _, err := pool.Exec(`CREATE TABLE market (platform text, account text, livemode boolean, access text, open boolean,
		PRIMARY KEY (account, livemode))`); err != nil {
		t.Fatal(err)
	}
	m := &market{pool}
	for _, platform := range []string{tutorHub, rival} {
		for _, live := range []bool{false, true} {
			m.add(t, platform, platform, live)
		}
	}
	m.add(t, tutorHub, mei, false)
	return m
}

func (m *market) add(t testing.TB, platform, account string, live bool) {
	t.Helper()
	if _, err := m.pool.Exec("INSERT INTO market VALUES (?, ?, ?, '', true)", platform, account, live); err != nil {
		t.Fatal(err)
	}
}

func (m *market) close(t testing.TB, account string) {
	t.Helper()
	if _, err := m.pool.Exec("UPDATE market SET open = false WHERE account = ?", account); err != nil {
		t.Fatal(err)
	}
}

func (m *market) Platform(ctx context.Context, idb bun.IDB, platform string, livemode bool) (oauth.Party, error) {
	found, err := m.Accounts(ctx, idb, platform, livemode, []string{platform})
	if err != nil || len(found) == 0 {
		return oauth.Party{}, orElse(err, fault.NoSuch("account", platform))
	}
	return found[0], nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (m *market) Accounts(ctx context.Context, idb bun.IDB, platform string, livemode bool, ids []string) (out []oauth.Party, err error) {
	var accounts []string
	err = idb.NewRaw("SELECT account FROM market WHERE platform = ? AND livemode = ? AND open AND account = ANY(?)",
		platform, livemode, pgdialect.Array(ids)).Scan(ctx, &accounts)
	for _, a := range accounts {
		out = append(out, oauth.Party{ID: a, Name: a})
	}
	return out, err
}

func (m *market) Open(ctx context.Context, tx bun.Tx, p oauth.OpenParams) (string, error) {
	account := id.New("acct")
	_, err := tx.ExecContext(ctx, "INSERT INTO market VALUES (?, ?, ?, '', true)", p.Platform, account, p.Livemode)
	return account, err
}

func (m *market) SetAccess(ctx context.Context, tx bun.Tx, platform, account string, livemode bool, access tenant.Access) error {
	_, err := tx.ExecContext(ctx, "UPDATE market SET access = ? WHERE platform = ? AND account = ? AND livemode = ?", access, platform, account, livemode)
	return err
}

func (m *market) Reach(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (tenant.Access, bool, error) {
	var rows []struct {
		Access tenant.Access
		Open   bool
	}
	err := idb.NewRaw("SELECT access, open FROM market WHERE platform = ? AND account = ? AND livemode = ?", platform, account, livemode).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return tenant.NoAccess, false, err
	}
	return rows[0].Access, rows[0].Open, nil
}

func (m *market) Onboarding(context.Context, bun.Tx, string, bool, string, string) (string, bool, error) {
	return "", false, nil
}

// reaches lets the API ask too.
type reaches struct{ *market }

func (r reaches) Reach(ctx context.Context, platform, account string, livemode bool) (tenant.Access, error) {
	access, open, err := r.market.Reach(ctx, r.pool, platform, account, livemode)
	if !open {
		access = tenant.NoAccess
	}
	return access, err
}

func (m *market) access(t testing.TB, account string) tenant.Access {
	t.Helper()
	access, _, err := m.Reach(t.Context(), m.pool, tutorHub, account, false)
	if err != nil {
		t.Fatal(err)
	}
	return access
}

// members lets everybody connect every account but those of others.
type members struct {
	mu  sync.Mutex
	own map[string]string
}

func (m *members) MayConnect(_ context.Context, _ bun.IDB, user, account string, _ bool) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	owner, known := m.own[account]
	return !known || owner == user, nil
}

func (m *members) Own(_ context.Context, _ bun.Tx, _ time.Time, user, account string, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.own[account] = user
	return nil
}

// house is one node of the OAuth server with its API beside it.
type house struct {
	pool     *bun.DB
	clock    *clock.Fixed
	market   *market
	members  *members
	provider *oauth.Provider
	keys     *credential.Service
	auth     *credential.Authenticator
	server   *httptest.Server
	logs     *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func pepper(t testing.TB, purpose string) secret.Pepper {
	t.Helper()
	p, err := secret.NewPepper(bytes.Repeat([]byte{7}, 32), purpose)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func keyring(t testing.TB) *secret.Keyring {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{9}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func newHouse(t testing.TB, adjust ...func(*oauth.Config)) *house {
	t.Helper()
	pool := dbtest.New(t)
	return nodeOf(t, pool, newMarket(t, pool), clock.NewFixed(time.Now()), adjust...)
}

// nodeOf is one more node on the same database.
func nodeOf(t testing.TB, pool *bun.DB, m *market, clk *clock.Fixed, adjust ...func(*oauth.Config)) *house {
	t.Helper()
	h := &house{pool: pool, clock: clk, market: m, members: &members{own: map[string]string{}}, logs: &lockedBuffer{}}
	h.auth = credential.NewAuthenticator(pool, pepper(t, "api_keys"), clk)
	h.keys = credential.NewService(h.auth, "charges")
	cfg := oauth.Config{
		Pool: pool, Issuer: "https://connect.sluice.example", Pepper: pepper(t, "oauth_tokens"), Successors: pepper(t, "oauth_successors"),
		Keys: h.auth, Publishable: credential.NewPublished(h.keys, keyring(t)), Marketplace: m, Members: h.members,
		Clock: clk, Clocks: clock.Modes{Live: clk, Test: clk}, Resources: []string{"charges"},
		Log: slog.New(slog.NewJSONHandler(h.logs, nil)),
	}
	for _, a := range adjust {
		a(&cfg)
	}
	var err error
	if h.provider, err = oauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	api := rest.New(rest.Config{
		Pool: pool, Authenticator: oauthhttp.Authenticator{Keys: h.auth, Tokens: h.provider.Tokens()}, Accounts: reaches{m},
		Log: slog.New(slog.NewJSONHandler(h.logs, nil)),
	})
	api.Mount(oauthhttp.ProtocolRoutes(h.provider)...)
	api.Mount(oauthhttp.ClientRoutes(api, pool, h.provider.Clients(), clk)...)
	api.Mount(charges(api)...)
	h.server = httptest.NewServer(api)
	t.Cleanup(h.server.Close)
	return h
}

// charges is a resource that answers with whom it acts for.
func charges(s *rest.Server) []rest.Route {
	type acting struct {
		Platform string `json:"platform"`
		Account  string `json:"account"`
		Livemode bool   `json:"livemode"`
	}
	show := func(r *rest.Request) acting { return acting{r.Scope.Platform, r.Scope.Account, r.Scope.Livemode} }
	return []rest.Route{
		{Method: "GET", Path: "/v1/charges", Resource: "charges", Handler: s.Read(func(_ context.Context, r *rest.Request) (any, error) { return show(r), nil })},
		{Method: "POST", Path: "/v1/charges", Resource: "charges", Handler: s.Write(func(_ context.Context, _ bun.Tx, r *rest.Request) (any, error) { return show(r), nil })},
		{Method: "GET", Path: "/v1/secrets", Resource: "secrets", Handler: s.Read(func(_ context.Context, r *rest.Request) (any, error) { return show(r), nil })},
	}
}

func (h *house) in(t testing.TB, do func(ctx context.Context, tx bun.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), h.pool, do); err != nil {
		t.Fatal(err)
	}
}

// key is an unrestricted secret key of a platform.
func (h *house) key(t testing.TB, platform string, live bool) string {
	t.Helper()
	return h.makeKey(t, credential.Owner{Account: platform, Livemode: live}, credential.NewKey{Kind: credential.Secret})
}

func (h *house) makeKey(t testing.TB, owner credential.Owner, want credential.NewKey) string {
	t.Helper()
	var plain secret.Text
	h.in(t, func(ctx context.Context, tx bun.Tx) (err error) {
		_, plain, err = h.keys.Create(ctx, tx, h.clock.Now(), owner, want)
		return err
	})
	return plain.Reveal()
}

// app is a client as its developer holds it.
type app struct {
	*oauth.Client
	secret string
	key    string // of its platform
}

// app registers a client of TutorHub in test mode.
func (h *house) app(t testing.TB, adjust ...func(*oauth.NewClient)) app {
	t.Helper()
	return h.appOf(t, oauth.Owner{Platform: tutorHub}, adjust...)
}

func (h *house) appOf(t testing.TB, owner oauth.Owner, adjust ...func(*oauth.NewClient)) app {
	t.Helper()
	want := oauth.NewClient{Name: "TutorHub", RedirectURIs: []string{callback}}
	for _, a := range adjust {
		a(&want)
	}
	var made app
	var plain secret.Text
	h.in(t, func(ctx context.Context, tx bun.Tx) (err error) {
		made.Client, plain, err = h.provider.Clients().Create(ctx, tx, h.clock.Now(), owner, want)
		return err
	})
	made.secret, made.key = plain.Reveal(), h.key(t, owner.Platform, owner.Livemode)
	return made
}

func public(c *oauth.NewClient) { c.Public = true }

// browser is a person's browser: it keeps the cookie.
type browser struct {
	h      *house
	cookie *http.Cookie
}

func (b *browser) request(query url.Values) *http.Request {
	r := httptest.NewRequest("GET", "/oauth/authorize?"+query.Encode(), nil)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	return r
}

func (b *browser) begin(t testing.TB, query url.Values) (*oauth.AuthorizeRequest, error) {
	t.Helper()
	request, cookie, err := b.h.provider.Begin(t.Context(), b.request(query), false)
	if cookie != nil {
		b.cookie = cookie
	}
	return request, err
}

// ask is a complete authorization request; pairs of name and value change it,
// an empty value takes a parameter away.
func (a app) ask(pairs ...string) url.Values {
	q := url.Values{"response_type": {"code"}, "client_id": {a.ID}, "scope": {"read_write"}, "state": {"st4te"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return q
}

// approve goes through the flow as Mei and returns what the client is told.
func (h *house) approve(t testing.TB, a app, pairs ...string) url.Values {
	t.Helper()
	return h.approveFor(t, mei, a, pairs...)
}

func (h *house) approveFor(t testing.TB, account string, a app, pairs ...string) url.Values {
	t.Helper()
	b := &browser{h: h}
	request, err := b.begin(t, a.ask(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	redirect, err := h.provider.Approve(t.Context(), b.request(nil), request.ID, meiUser, account, request.Scope)
	if err != nil {
		t.Fatal(err)
	}
	return told(t, redirect)
}

// told are the parameters of a redirect.
func told(t testing.TB, redirect string) url.Values {
	t.Helper()
	u, err := url.Parse(redirect)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

type reply struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

func (r reply) text(name string) string { s, _ := r.JSON[name].(string); return s }

func (h *house) post(t testing.TB, path string, form url.Values, header ...string) reply {
	t.Helper()
	r, err := h.try("POST", path, form, header...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// transport is wide enough for a hundred requests at once.
var transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

func (h *house) try(method, path string, form url.Values, header ...string) (reply, error) {
	r, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := transport.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	a := reply{Status: w.StatusCode, Header: w.Header, Body: string(body)}
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &a.JSON)
	}
	return a, err
}

func bearer(key string) []string { return []string{"Authorization", "Bearer " + key} }

// exchange trades a code with the platform's secret key, as Stripe's libraries do.
func (h *house) exchange(t testing.TB, a app, code string) reply {
	t.Helper()
	return h.post(t, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}}, bearer(a.key)...)
}

func (h *house) refresh(t testing.TB, a app, token string, pairs ...string) reply {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return h.post(t, "/oauth/token", form, bearer(a.key)...)
}

// connected is a connection with tokens.
func (h *house) connected(t testing.TB, a app, pairs ...string) reply {
	t.Helper()
	r := h.exchange(t, a, h.approve(t, a, pairs...).Get("code"))
	if r.Status != 200 {
		t.Fatalf("exchange: %d %s", r.Status, r.Body)
	}
	return r
}

// call asks the API with a token and returns the status.
func (h *house) call(t testing.TB, token, method string) reply {
	t.Helper()
	r, err := h.try(method, "/v1/charges", nil, bearer(token)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) wants(t testing.TB, what string, r reply, status int, code string) {
	t.Helper()
	if r.Status != status || r.text("error") != code {
		t.Errorf("%s: %d %s; want %d %s", what, r.Status, r.Body, status, code)
	}
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func (h *house) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := h.pool.NewRaw(query, args...).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (h *house) connection(t testing.TB, a app) *oauth.Connection {
	t.Helper()
	c, err := h.provider.Connections().Find(t.Context(), h.pool, a.ID, mei)
	if err != nil || c == nil {
		t.Fatalf("connection: %v, %v", c, err)
	}
	return c
}

// events are the types of events about connections, in order.
func (h *house) events(t testing.TB) string {
	t.Helper()
	var types []string
	if err := h.pool.NewRaw("SELECT type FROM platform.events WHERE type LIKE 'account.application.%' ORDER BY seq").Scan(t.Context(), &types); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(fmt.Sprint(types), "account.application.", "")
}
