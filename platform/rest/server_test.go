package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

const (
	platformKey   = "sk_test_platform0000000001"
	otherKey      = "sk_test_other000000000002"
	liveKey       = "sk_live_platform0000000003"
	publicKey     = "pk_test_platform0000000004"
	readOnlyKey   = "rk_test_platform0000000005"
	oauthToken    = "sk_test_oauth000000000006"
	readersToken  = "sk_test_reader00000000008"
	lostToken     = "sk_test_lost0000000000007"
	tutorsAccount = "acct_tutor"
	// readersAccount is connected for reading only.
	readersAccount = "acct_reader"
)

// keyring knows the keys above.
type keyring struct{}

func (keyring) Authenticate(_ context.Context, secret string) (rest.Principal, error) {
	p := rest.Principal{KeyID: "key_" + secret[len(secret)-1:], Account: "acct_platform", Kind: rest.Secret}
	switch secret {
	case platformKey:
	case otherKey:
		p.Account = "acct_other"
	case liveKey:
		p.Livemode = true
	case publicKey:
		p.Kind = rest.Publishable
	case readOnlyKey:
		p.Kind, p.Scopes = rest.Restricted, []string{"notes:read"}
	case oauthToken:
		p.Account, p.Platform = tutorsAccount, "acct_platform"
	case readersToken:
		p.Account, p.Platform = readersAccount, "acct_platform"
	case lostToken:
		p.Account, p.Platform = "acct_lost", "acct_platform"
	default:
		return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	return p, nil
}

func (keyring) Reach(_ context.Context, platform, account string, _ bool) (tenant.Access, error) {
	if platform != "acct_platform" {
		return tenant.NoAccess, nil
	}
	return map[string]tenant.Access{tutorsAccount: tenant.ReadWrite, readersAccount: tenant.ReadOnly}[account], nil
}

// note is the object of the test API.
type note struct {
	ID     string   `json:"id"`
	Object string   `json:"object"`
	Text   string   `json:"text"`
	Owner  wire.Ref `json:"owner"`
}

type noteParams struct {
	Text   string `form:"text,required"`
	Amount *int64 `form:"amount"`
}

// house is a running test API over a real database.
type house struct {
	t      *testing.T
	pool   *bun.DB
	server *rest.Server
	url    string
	log    *syncBuffer

	mu     sync.Mutex
	effect func(ctx context.Context, tx bun.Tx, p noteParams) error // what happens inside POST /v1/notes
	runs   int
	seen   *rest.Request
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHouse(t *testing.T) *house {
	pool := dbtest.New(t)
	if _, err := pool.Exec(`CREATE TABLE notes (id bigserial PRIMARY KEY, account text NOT NULL, body text NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	return houseOn(t, pool)
}

// pepper is the same in all houses, as the nodes of one installation share it.
var pepper = secret.RandomPepper()

// houseOn is another process over the same database.
func houseOn(t *testing.T, pool *bun.DB) *house {
	h := &house{t: t, pool: pool, log: &syncBuffer{}}
	h.server = rest.New(rest.Config{
		Pool: pool, Authenticator: keyring{}, Accounts: keyring{}, Pepper: pepper,
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Loaders: rest.Loaders{
			"acct": func(_ context.Context, _ bun.IDB, scope tenant.Scope, id string) (any, error) {
				if id == "acct_hidden" {
					return nil, fault.NoSuch("account", id)
				}
				return note{ID: id, Object: "account", Text: "<" + scope.Account + ">", Owner: wire.To("acct_top")}, nil
			},
		},
	})
	h.server.Mount(
		rest.Route{Method: "POST", Path: "/v1/notes", Resource: "notes", Handler: h.server.Write(h.create), Returns: note{}},
		rest.Route{Method: "GET", Path: "/v1/notes", Resource: "notes", Handler: h.server.Read(h.list)},
		rest.Route{Method: "POST", Path: "/v1/steps", Resource: "notes", Handler: h.server.Steps(h.steps), Returns: note{}},
		rest.Route{Method: "POST", Path: "/v1/tokens", Resource: "tokens", Publishable: true, Handler: h.server.Write(h.create)},
		rest.Route{Method: "GET", Path: "/v1/panic", Resource: "notes", Handler: h.server.Read(func(context.Context, *rest.Request) (any, error) {
			panic("secret sk_live_leak")
		})},
		rest.Route{Method: "GET", Path: "/v1/broken", Resource: "notes", Handler: h.server.Read(func(context.Context, *rest.Request) (any, error) {
			return nil, fmt.Errorf("disk on fire")
		})},
		rest.Route{Method: "GET", Path: "/v1/notes/{id}", Resource: "notes", Handler: h.server.Read(h.get)},
		rest.Route{Method: "DELETE", Path: "/v1/notes/{id}", Resource: "notes", Handler: h.server.Write(h.remove)},
		rest.Route{Method: "GET", Path: "/livez", Public: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("ok"))
		})},
	)
	front := httptest.NewServer(h.server)
	t.Cleanup(front.Close)
	h.url = front.URL
	return h
}

func (h *house) onEffect(f func(ctx context.Context, tx bun.Tx, p noteParams) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.effect = f
}

func (h *house) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p noteParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.runs++
	h.seen = r
	effect := h.effect
	h.mu.Unlock()
	var id int64
	if err := tx.NewRaw(`INSERT INTO notes (account, body) VALUES (?, ?) RETURNING id`, r.Scope.Account, p.Text).Scan(ctx, &id); err != nil {
		return nil, err
	}
	if effect != nil {
		if err := effect(ctx, tx, p); err != nil {
			return nil, err
		}
	}
	return note{ID: fmt.Sprintf("note_%d", id), Object: "note", Text: p.Text, Owner: wire.To(r.Scope.Account)}, nil
}

func (h *house) get(_ context.Context, r *rest.Request) (any, error) {
	if r.Path("id") == "note_0" {
		return nil, fault.NoSuch("note", r.Path("id"))
	}
	return &note{ID: r.Path("id"), Object: "note", Text: "a<b", Owner: wire.To(tutorsAccount)}, nil
}

func (h *house) list(_ context.Context, r *rest.Request) (any, error) {
	var p struct {
		Limit *int64 `form:"limit"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/notes", false, []note{{ID: "note_1", Owner: wire.To("acct_hidden")}, {ID: "note_2", Owner: wire.To("acct_b")}, {ID: "note_3"}}), nil
}

func (h *house) remove(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	_, err := tx.NewRaw(`DELETE FROM notes WHERE 'note_' || id = ?`, r.Path("id")).Exec(ctx)
	return wire.Deleted{ID: r.Path("id"), Object: "note", Deleted: true}, err
}

// steps is an operation with an outside call between its begin and settle transactions.
func (h *house) steps(ctx context.Context, r *rest.Request) (any, error) {
	var p noteParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	store, claim := idempotency.NewStore(), idempotency.From(ctx)
	outcomes, err := inTx(ctx, h.pool, func(tx bun.Tx) ([]idempotency.Outcome, error) {
		return store.ClaimMany(ctx, tx, time.Now(), []*idempotency.Claim{claim})
	})
	if err != nil {
		return nil, err
	}
	if outcomes[0].State != idempotency.Fresh {
		return outcomes[0], nil
	}
	h.mu.Lock()
	h.runs++
	effect := h.effect
	h.mu.Unlock()
	var decided error
	if effect != nil {
		if decided = effect(ctx, bun.Tx{}, p); decided != nil && fault.As(decided) == nil {
			return nil, decided
		}
	}
	return inTx(ctx, h.pool, func(tx bun.Tx) (idempotency.Response, error) {
		response, err := claim.Render(ctx, tx, note{ID: "note_9", Object: "note", Text: p.Text, Owner: wire.To("acct_a")}, decided)
		if err != nil {
			return response, err
		}
		return response, store.SaveMany(ctx, tx, time.Now(), [][16]byte{claim.Hash}, []idempotency.Response{response})
	})
}

func inTx[T any](ctx context.Context, pool *bun.DB, fn func(tx bun.Tx) (T, error)) (out T, err error) {
	err = pool.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error {
		out, err = fn(tx)
		return err
	})
	return out, err
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) fault(t *testing.T) map[string]any {
	t.Helper()
	var body struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Error == nil {
		t.Fatalf("no error in %q", a.body)
	}
	return body.Error
}

// call sends a form; headers come as "Name: value".
func (h *house) call(method, path, form string, headers ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url+path, strings.NewReader(form))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+platformKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if req.Header.Del(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	return h.do(req)
}

func (h *house) do(req *http.Request) answer {
	h.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Request-Id"), "req_") {
		h.t.Errorf("%s %s: no request id", req.Method, req.URL.Path)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (h *house) notes() int {
	h.t.Helper()
	n, err := h.pool.NewSelect().Table("notes").Count(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return int(n)
}

func TestWhoMayCall(t *testing.T) {
	h := newHouse(t)
	basic := "Authorization: Basic c2tfdGVzdF9wbGF0Zm9ybTAwMDAwMDAwMDE6" // platformKey:
	for _, c := range []struct {
		rule, method, path, form, header string
		status                           int
		message                          string
	}{
		{"bearer", "GET", "/v1/notes/note_1", "", "", 200, ""},
		{"basic user name", "GET", "/v1/notes/note_1", "", basic, 200, ""},
		{"oauth token", "GET", "/v1/notes/note_1", "", "Authorization: Bearer " + oauthToken, 200, ""},
		{"no key", "GET", "/v1/notes/note_1", "", "Authorization: ", 401, "You did not provide an API key."},
		{"wrong key is shown masked", "GET", "/v1/notes/note_1", "", "Authorization: Bearer sk_test_0123456789abcdef", 401, "Invalid API Key provided: sk_test_****cdef"},
		{"other scheme", "GET", "/v1/notes/note_1", "", "Authorization: Digest x", 401, "Invalid Authorization header"},
		{"publishable key on a secret route", "GET", "/v1/notes/note_1", "", "Authorization: Bearer " + publicKey, 401, "publishable"},
		{"publishable key as parameter", "POST", "/v1/tokens", "text=x&key=" + publicKey, "Authorization: ", 200, ""},
		{"parameter key on another route", "POST", "/v1/notes", "text=x&key=" + publicKey, "Authorization: ", 401, "You did not provide"},
		{"restricted key within its scopes", "GET", "/v1/notes/note_1", "", "Authorization: Bearer " + readOnlyKey, 200, ""},
		{"restricted key beyond its scopes", "POST", "/v1/notes", "text=x", "Authorization: Bearer " + readOnlyKey, 403, "'notes:write'"},
		{"public route", "GET", "/livez", "", "Authorization: ", 200, ""},
	} {
		got := h.call(c.method, c.path, c.form, c.header)
		if got.status != c.status || !strings.Contains(got.body, c.message) {
			t.Errorf("%s: %d %s", c.rule, got.status, got.body)
		}
		if c.status >= 400 && got.fault(t)["type"] != "invalid_request_error" {
			t.Errorf("%s: type %v", c.rule, got.fault(t)["type"])
		}
	}
}

func TestActingForAnAccount(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		rule, key, header, account string
		livemode                   bool
	}{
		{"own account by default", platformKey, "", "acct_platform", false},
		{"own account by name", platformKey, "Stripe-Account: acct_platform", "acct_platform", false},
		{"connected account", platformKey, "Stripe-Account: " + tutorsAccount, tutorsAccount, false},
		{"our header", platformKey, "Sluice-Account: " + tutorsAccount, tutorsAccount, false},
		{"mode follows the key", liveKey, "", "acct_platform", true},
		{"oauth token acts for its account", oauthToken, "", tutorsAccount, false},
		{"unknown account", platformKey, "Stripe-Account: acct_nobody", "", false},
		{"another platform's account", otherKey, "Stripe-Account: " + tutorsAccount, "", false},
		{"an oauth token reaches no further", oauthToken, "Stripe-Account: acct_platform", "", false},
		{"an oauth token reaches no neighbour", oauthToken, "Stripe-Account: " + readersAccount, "", false},
		{"an oauth token names its own account", oauthToken, "Stripe-Account: " + tutorsAccount, tutorsAccount, false},
		{"an oauth token of an ended connection", lostToken, "", "", false},
	} {
		got := h.call("POST", "/v1/notes", "text=x", "Authorization: Bearer "+c.key, c.header)
		if c.account == "" {
			f := got.fault(t)
			if got.status != 403 || f["code"] != "account_invalid" || !strings.Contains(f["message"].(string), "(or that account does not exist)") {
				t.Errorf("%s: %d %s", c.rule, got.status, got.body)
			}
			continue
		}
		if s := h.seen.Scope; got.status != 200 || s.Account != c.account || s.Livemode != c.livemode || c.key != otherKey && s.Platform != "acct_platform" {
			t.Errorf("%s: %d %+v", c.rule, got.status, s)
		}
	}
	if got := h.call("GET", "/v1/notes/note_1", "", "Stripe-Account: a", "Sluice-Account: b"); got.status != 400 {
		t.Errorf("contradicting headers: %d", got.status)
	}
}

func TestReadOnlyConnectionsReadAndChangeNothing(t *testing.T) {
	h := newHouse(t)
	for _, caller := range [][2]string{{platformKey, "Stripe-Account: " + readersAccount}, {readersToken, ""}} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := h.call(method, "/v1/notes/note_1", "", "Authorization: Bearer "+caller[0], caller[1]); got.status != 200 {
				t.Errorf("%s %v: %d %s", method, caller, got.status, got.body)
			}
		}
		for method, path := range map[string]string{"POST": "/v1/notes", "DELETE": "/v1/notes/note_1"} {
			got := h.call(method, path, "text=x", "Authorization: Bearer "+caller[0], caller[1])
			if f := got.fault(t); got.status != 403 || f["code"] != "account_read_only" || !strings.Contains(f["message"].(string), "read_only") {
				t.Errorf("%s %v: %d %s", method, caller, got.status, got.body)
			}
		}
	}
	if h.runs != 0 {
		t.Errorf("%d writes went through", h.runs)
	}
}

func TestVersionIsParsedAndEchoed(t *testing.T) {
	h := newHouse(t)
	for given, want := range map[string]string{
		"":                   wire.APIVersion,
		"2026-10-28.endive":  "2026-10-28.endive",
		"2019-02-19":         "2019-02-19",
		"2026-03-25.preview": "2026-03-25.preview",
		"2026-03-25.dahlia; embedded_connect_beta=v2": "2026-03-25.dahlia; embedded_connect_beta=v2",
		"latest": "", "2026-1-1": "", "2026-03-25.dahlia; x": "",
	} {
		for _, header := range []string{"Stripe-Version", "Sluice-Version"} {
			got := h.call("GET", "/v1/notes/note_1", "", header+": "+given)
			if want != "" && (got.status != 200 || got.header.Get("Stripe-Version") != want) || want == "" && got.status != 400 {
				t.Errorf("%s: %d %q", given, got.status, got.header.Get("Stripe-Version"))
			}
		}
	}
}

func TestUnknownURLsAndMethods(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow, says  string
	}{
		{"GET", "/v1/nothing", 404, "", "Unrecognized request URL (GET: /v1/nothing)."},
		{"POST", "//v1/notes", 404, "", "Unrecognized request URL"},
		{"POST", "/v1/../v1/notes", 404, "", "Unrecognized request URL"},
		{"GET", "/v1/notes/", 404, "", "Unrecognized request URL"},
		{"GET", "/v1/notes/%00", 404, "", "Unrecognized request URL"}, // was 500: the database cannot carry NUL
		{"GET", "/v1/notes/%FF", 404, "", "Unrecognized request URL"},
		{"PUT", "/v1/notes/note_1", 405, "DELETE, GET, HEAD, OPTIONS", "Unrecognized request URL (PUT: /v1/notes/note_1)."},
		{"OPTIONS", "/v1/notes", 204, "GET, HEAD, OPTIONS, POST", ""},
		{"HEAD", "/v1/notes/note_1", 200, "", ""},
	} {
		got := h.call(c.method, c.path, "")
		if got.status != c.status || got.header.Get("Allow") != c.allow || !strings.Contains(got.body, c.says) {
			t.Errorf("%s %s: %d allow %q %s", c.method, c.path, got.status, got.header.Get("Allow"), got.body)
		}
		if c.status >= 400 && got.fault(t)["type"] != "invalid_request_error" {
			t.Errorf("%s %s: type %v", c.method, c.path, got.fault(t)["type"])
		}
	}
}

func TestFailuresLeakNothing(t *testing.T) {
	h := newHouse(t)
	for path, retry := range map[string]string{"/v1/panic": "false", "/v1/broken": ""} {
		got := h.call("GET", path, "")
		if got.status != 500 || got.fault(t)["type"] != "api_error" || strings.Contains(got.body, "leak") || strings.Contains(got.body, "fire") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got.header.Get("Stripe-Should-Retry") != retry {
			t.Errorf("%s: should retry %q", path, got.header.Get("Stripe-Should-Retry"))
		}
	}
	if log := h.log.String(); strings.Contains(log, "leak") || !strings.Contains(log, "disk on fire") || !strings.Contains(log, "request=req_") {
		t.Errorf("log: %s", log)
	}
}

func TestAnswersAreIndentedAndUnescaped(t *testing.T) {
	h := newHouse(t)
	got := h.call("GET", "/v1/notes/note_1", "")
	want := "{\n  \"id\": \"note_1\",\n  \"object\": \"note\",\n  \"text\": \"a<b\",\n  \"owner\": \"acct_tutor\"\n}\n"
	if got.body != want || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%q", got.body)
	}
}

func TestExpand(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		rule, method, path string
		status             int
		says               string
	}{
		{"reference", "GET", "/v1/notes/note_1?expand[]=owner", 200, `"object": "account"`},
		{"no HTML escapes inside", "GET", "/v1/notes/note_1?expand[]=owner", 200, `"<acct_platform>"`},
		{"deeper", "GET", "/v1/notes/note_1?expand[0]=owner&expand[1]=owner.owner", 200, `"id": "acct_top"`},
		{"deeper at once", "GET", "/v1/notes/note_1?expand[]=owner.owner", 200, `"id": "acct_top"`},
		{"lists", "GET", "/v1/notes?expand[]=data.owner", 200, `"id": "acct_b"`},
		{"hidden objects stay ids", "GET", "/v1/notes?expand[]=data.owner", 200, `"owner": "acct_hidden"`},
		{"unknown", "GET", "/v1/notes/note_1?expand[]=foo", 400, "This property cannot be expanded (foo)."},
		{"not a reference", "GET", "/v1/notes/note_1?expand[]=text", 400, "This property cannot be expanded (text)."},
		{"unknown inside", "GET", "/v1/notes/note_1?expand[]=owner.foo", 400, "cannot be expanded (owner.foo)"},
		{"list without data", "GET", "/v1/notes?expand[]=owner", 400, "cannot be expanded"},
		{"too deep", "GET", "/v1/notes/note_1?expand[]=owner.owner.owner.owner.owner", 400, "more than 4 levels"},
		{"as a scalar", "GET", "/v1/notes/note_1?expand=owner", 400, "Invalid array"},
		{"before any effect", "POST", "/v1/notes?text=x&expand[]=foo", 400, "cannot be expanded (foo)"},
		{"of a write", "POST", "/v1/notes?text=x&expand[]=owner", 200, `"id": "acct_platform"`},
	} {
		if got := h.call(c.method, c.path, ""); got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d %s", c.rule, got.status, got.body)
		}
	}
	if n := h.notes(); n != 1 {
		t.Errorf("%d notes, want 1: an error of expand came after the effect", n)
	}
}

func TestBodiesAsClientsSendThem(t *testing.T) {
	h := newHouse(t)
	chunked, _ := http.NewRequest("POST", h.url+"/v1/notes", io.MultiReader(strings.NewReader("text=chunked")))
	chunked.Header.Set("Authorization", "Bearer "+platformKey)
	if got := h.do(chunked); got.status != 200 || !strings.Contains(got.body, "chunked") {
		t.Errorf("chunked: %d %s", got.status, got.body)
	}
	if got := h.call("POST", "/v1/notes", `{"text":"json","amount":9007199254740993}`, "Content-Type: application/json"); got.status != 200 {
		t.Errorf("json: %d %s", got.status, got.body)
	}
	for form, status := range map[string]int{
		"text=a%00b": 400, "text=" + strings.Repeat("x", 1<<20): 413, "text=x&amount=15.75": 400, "text=x&foo=1": 400, "": 400,
	} {
		if got := h.call("POST", "/v1/notes", form); got.status != status || got.fault(t)["type"] != "invalid_request_error" {
			t.Errorf("%.20s: %d", form, got.status)
		}
	}
}

func TestErrorsKeepTheConnection(t *testing.T) {
	h := newHouse(t)
	var connections int
	client := &http.Client{Transport: &http.Transport{}}
	trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			connections++
		}
	}}
	for _, path := range []string{"/v1/notes/note_1", "/v1/notes/note_0", "/v1/nothing", "/v1/panic", "/v1/notes?limit=x"} {
		req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", h.url+path, nil)
		req.Header.Set("Authorization", "Bearer "+platformKey)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if connections != 1 {
		t.Errorf("%d connections, want 1", connections)
	}
}

// crowd is a server whose handlers wait until they are let go.
func crowd(t *testing.T, limits rest.Limits) (ask func(path, key string) *httptest.ResponseRecorder, entered chan struct{}, release func()) {
	s := rest.New(rest.Config{Authenticator: keyring{}, Accounts: keyring{}, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	entered, gone := make(chan struct{}), make(chan struct{})
	waits := s.Read(func(context.Context, *rest.Request) (any, error) {
		entered <- struct{}{}
		<-gone
		return map[string]bool{"ok": true}, nil
	})
	quick := s.Read(func(context.Context, *rest.Request) (any, error) { return map[string]bool{"ok": true}, nil })
	s.Mount(
		rest.Route{Method: "GET", Path: "/v1/waits", Resource: "x", Worth: ratelimit.Charge, Handler: waits},
		rest.Route{Method: "GET", Path: "/v1/charge", Resource: "x", Worth: ratelimit.Charge, Handler: quick},
		rest.Route{Method: "GET", Path: "/v1/read", Resource: "x", Handler: quick},
		rest.Route{Method: "GET", Path: "/v1/report", Resource: "x", Worth: ratelimit.Report, Handler: quick},
		rest.Route{Method: "GET", Path: "/livez", Public: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })},
	)
	return func(path, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.SetBasicAuth(key, "")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}, entered, sync.OnceFunc(func() { close(gone) })
}

func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code, reason string) {
	t.Helper()
	if w.Code != status || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"`+code+`"`) || w.Header().Get("Stripe-Rate-Limited-Reason") != reason {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestAKeyThatAsksTooFastIs429(t *testing.T) {
	ask, _, _ := crowd(t, rest.Limits{Rate: 1})
	for range 2 {
		if w := ask("/v1/read", platformKey); w.Code != 200 {
			t.Fatalf("within the burst: %d", w.Code)
		}
	}
	refused(t, ask("/v1/read", platformKey), 429, "rate_limit", "global-rate")
}

func TestAKeyWithTooManyRequestsAtATimeIs429UntilOneEnds(t *testing.T) {
	ask, entered, release := crowd(t, rest.Limits{Concurrent: 1})
	ended := make(chan struct{})
	go func() { defer close(ended); ask("/v1/waits", platformKey) }()
	<-entered
	refused(t, ask("/v1/read", platformKey), 429, "concurrency_limit", "global-concurrency")
	release()
	<-ended
	if w := ask("/v1/read?unknown=1", platformKey); w.Code != 200 && w.Code != 400 {
		t.Errorf("afterwards: %d", w.Code)
	}
	if w := ask("/v1/read", platformKey); w.Code != 200 {
		t.Errorf("a request that was refused for its parameters has kept its place: %d", w.Code)
	}
}

func TestABusyServerKeepsItsLastPlacesForWhatMovesMoney(t *testing.T) {
	ask, entered, release := crowd(t, rest.Limits{InHand: 10})
	var all sync.WaitGroup
	hold := func(n int) {
		for range n {
			all.Go(func() { ask("/v1/waits", platformKey) })
			<-entered
		}
	}
	expect := func(beside int, want map[string]int) {
		t.Helper()
		for path, status := range want {
			w := ask(path, platformKey)
			if w.Code != status {
				t.Errorf("%s beside %d others: %d", path, beside, w.Code)
			}
			if status == 503 {
				refused(t, w, 503, "overloaded", "")
			}
		}
	}
	hold(3)
	expect(3, map[string]int{"/v1/report": 503, "/v1/read": 200, "/v1/charge": 200})
	hold(4)
	expect(7, map[string]int{"/v1/report": 503, "/v1/read": 503, "/v1/charge": 200})
	hold(2)
	expect(9, map[string]int{"/v1/read": 503, "/v1/charge": 503, "/livez": 200})
	release()
	all.Wait()
	expect(0, map[string]int{"/v1/report": 200, "/v1/read": 200, "/v1/charge": 200})
}

func TestRouteWithoutResourceIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a route that needs a scope but names none was mounted")
		}
	}()
	rest.New(rest.Config{}).Mount(rest.Route{Method: "GET", Path: "/v1/x"})
}

// Paths without variables are looked up and the others tried in turn: the first
// that was mounted serves all the same.
func TestOfTwoRoutesThatMatchTheFirstServes(t *testing.T) {
	t.Parallel()
	s := rest.New(rest.Config{Log: slog.New(slog.DiscardHandler)})
	route := func(method, path string) rest.Route {
		return rest.Route{Method: method, Path: path, Public: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, method+" "+path)
		})}
	}
	s.Mount(
		route("GET", "/v1/x/search"), route("GET", "/v1/x/{id}"), route("POST", "/v1/x/{id}"), route("GET", "/v1/x/late"),
		route("POST", "/v1/x"), route("GET", "/v1/x"), route("GET", "/v1/x"),
	)
	for asked, want := range map[string]string{
		"GET /v1/x/search": "GET /v1/x/search", "HEAD /v1/x/search": "", "POST /v1/x/search": "POST /v1/x/{id}",
		"GET /v1/x/late": "GET /v1/x/{id}", "GET /v1/x/1": "GET /v1/x/{id}", "POST /v1/x": "POST /v1/x", "GET /v1/x": "GET /v1/x",
	} {
		method, path, _ := strings.Cut(asked, " ")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if got := w.Body.String(); w.Code != 200 || got != want && method != "HEAD" {
			t.Errorf("%s: %d, served by %q, want %q", asked, w.Code, got, want)
		}
	}
	for asked, want := range map[string]int{"DELETE /v1/x": 405, "GET /v1/y": 404, "GET /v1/x/": 404, "GET /" + strings.Repeat("x", 500): 404} {
		method, path, _ := strings.Cut(asked, " ")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", asked, w.Code, want)
		}
	}
}
