package requestlog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// keys are what programs and people present: a platform's key, its neighbour's, an
// access token of the platform for a tutor, and a person at the platform's dashboard.
type keys struct{}

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	switch key {
	case "hub":
		return rest.Principal{KeyID: "key_hub", Account: "acct_hub", Kind: rest.Secret}, nil
	case "next door":
		return rest.Principal{KeyID: "key_other", Account: "acct_other", Kind: rest.Secret}, nil
	case "token":
		return rest.Principal{KeyID: "otok_1", Account: "acct_tutor", Platform: "acct_hub", Kind: rest.Secret, Token: true}, nil
	case "tutor":
		return rest.Principal{KeyID: "key_tutor", Account: "acct_tutor", Platform: "acct_hub", Kind: rest.Secret}, nil
	case "person":
		return rest.Principal{KeyID: "usr_ada", Account: "acct_hub", Kind: rest.Restricted, Member: true}, nil
	}
	return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
}

func (keys) Reach(_ context.Context, _, account string, _ bool) (tenant.Access, error) {
	if account == "acct_tutor" {
		return tenant.ReadWrite, nil
	}
	return tenant.NoAccess, nil
}

type house struct {
	t    *testing.T
	pool *bun.DB
	log  *requestlog.Log
	s    *rest.Server
}

type charge struct {
	ID string `json:"id"`
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, pool: dbtest.New(t)}
	h.log = requestlog.New(h.pool, requestlog.Config{})
	h.s = rest.New(rest.Config{Log: slog.New(slog.DiscardHandler), Pool: h.pool, Authenticator: keys{}, Accounts: keys{}, Requests: h.log})
	create := func(_ context.Context, _ bun.Tx, r *rest.Request) (any, error) {
		if strings.Contains(r.URL.Path, "refuse") {
			return nil, &fault.Error{
				Kind: fault.Declined, Code: "card_declined", Decline: "lost_card", Param: "card[number]",
				Message: "Your card '4242424242424242' was declined.", Fields: map[string]any{"charge": "ch_1", "owner": map[string]any{"name": "Chan"}},
			}
		}
		return charge{made}, nil
	}
	h.s.Mount(
		rest.Route{Method: "POST", Path: "/v1/charges", Resource: "charges", Handler: h.s.Write(create)},
		rest.Route{Method: "POST", Path: "/v1/charges/{id}/refuse", Resource: "charges", Handler: h.s.Write(create)},
		rest.Route{Method: "GET", Path: "/v1/charges/{id}", Resource: "charges", Handler: h.s.Read(func(_ context.Context, r *rest.Request) (any, error) {
			return nil, fault.NoSuch("charge", r.Path("id"))
		})},
		rest.Route{Method: "GET", Path: "/v1/charges", Resource: "charges", Handler: h.s.Read(func(context.Context, *rest.Request) (any, error) {
			return charge{made}, nil
		})},
	)
	h.s.Mount(requestlog.Routes(h.s, h.pool)...)
	return h
}

var made = id.New("ch")

func (h *house) ask(key, method, target, body string, header ...string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.s.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(answer)
}

func (h *house) list(key, query string, header ...string) []wire.RequestLog {
	h.t.Helper()
	if err := h.log.Flush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	var found wire.List[wire.RequestLog]
	status, answer := h.ask(key, "GET", "/v1/request_logs?path=/v1/charges&"+query, "", header...)
	if status != 200 || json.Unmarshal([]byte(answer), &found) != nil {
		h.t.Fatalf("%d %s", status, answer)
	}
	return found.Data
}

func TestARequestIsKeptWithWhatItMadeAndHowItEnded(t *testing.T) {
	h := newHouse(t)
	h.ask("hub", "POST", "/v1/charges", "amount=60000&currency=hkd&source=tok_visa&description=A+lesson", "Idempotency-Key", "order-1", "Stripe-Account", "acct_tutor")
	h.ask("hub", "POST", "/v1/charges", "amount=60000&currency=hkd&source=tok_visa&description=A+lesson", "Idempotency-Key", "order-1", "Stripe-Account", "acct_tutor")
	found := h.list("hub", "method=post&status=success&related_object="+made)
	if len(found) != 2 || !found[0].Replayed || found[1].Replayed {
		t.Fatalf("kept %+v", found)
	}
	r := found[1]
	if r.Account != "acct_hub" || r.ForAccount != "acct_tutor" || r.Key != "key_hub" || r.Status != 200 || *r.IdempotencyKey != "order-1" ||
		r.DurationUS <= 0 || *r.RelatedObject != made || r.Path != "/v1/charges" || *r.IP != "192.0.2.1" {
		t.Errorf("kept %+v", r)
	}
	if got := compact(t, r.Params); got != `{"amount":"60000","currency":"hkd","description":"[redacted]","source":"tok_visa"}` {
		t.Errorf("parameters %s", got)
	}
	status, answer := h.ask("hub", "GET", "/v1/request_logs/"+r.ID, "")
	if status != 200 || !strings.Contains(answer, r.ID) {
		t.Errorf("%d %s", status, answer)
	}
}

func compact(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func TestWhoMaySeeARequest(t *testing.T) {
	h := newHouse(t)
	h.ask("hub", "GET", "/v1/charges?limit=1", "")
	h.ask("hub", "GET", "/v1/charges?limit=2", "", "Stripe-Account", "acct_tutor")
	h.ask("token", "GET", "/v1/charges?limit=3", "")
	h.ask("tutor", "GET", "/v1/charges?limit=4", "")
	h.ask("next door", "GET", "/v1/charges?limit=5", "")
	h.ask("person", "GET", "/v1/charges?limit=6", "") // looking at pages fills no log
	h.ask("nobody", "GET", "/v1/charges?limit=7", "") // nor do those whom nobody knows
	limits := func(found []wire.RequestLog) (out string) {
		for _, r := range found {
			out = compact(t, r.Params)[10:11] + out
		}
		return out
	}
	for _, c := range []struct{ key, as, want string }{
		{"hub", "", "123"}, {"person", "", "123"}, {"hub", "acct_tutor", "23"}, {"tutor", "", "4"}, {"next door", "", "5"},
	} {
		if got := limits(h.list(c.key, "limit=100", "Stripe-Account", c.as)); got != c.want {
			t.Errorf("%s as %q sees %s, want %s", c.key, c.as, got, c.want)
		}
	}
	theirs := h.list("next door", "")[0].ID
	if status, _ := h.ask("hub", "GET", "/v1/request_logs/"+theirs, ""); status != 404 {
		t.Errorf("a neighbour's request: %d", status)
	}
}

func TestFiltersAndGroupsOfErrors(t *testing.T) {
	h := newHouse(t)
	for range 3 {
		h.ask("hub", "POST", "/v1/charges/ch_x/refuse", "")
	}
	h.ask("hub", "GET", "/v1/charges/"+made, "")
	h.ask("hub", "GET", "/v1/charges", "")
	for query, want := range map[string]int{
		"": 5, "status=4xx": 4, "status=error": 4, "status=402": 3, "status=success": 1, "method=GET": 2, "key=key_hub": 5, "key=key_other": 0,
		"error_code=card_declined": 3, "error_type=card_error": 3, "related_object=" + made: 1,
		"created[gte]=" + fmt.Sprint(time.Now().Add(time.Hour).Unix()): 0, "created[lt]=" + fmt.Sprint(time.Now().Add(time.Hour).Unix()): 5,
	} {
		if got := h.list("hub", query); len(got) != want {
			t.Errorf("%q finds %d, want %d", query, len(got), want)
		}
	}
	var found wire.List[wire.RequestLogErrors]
	_, answer := h.ask("hub", "GET", "/v1/request_logs/errors", "")
	if err := json.Unmarshal([]byte(answer), &found); err != nil || len(found.Data) != 2 || found.Data[0].Count != 3 || found.Data[0].Code != "card_declined" {
		t.Errorf("%v %s", err, answer)
	}
	for _, query := range []string{"status=7xx", "status=bad", "method=PATCH", "path=v1", "limit=0"} {
		if status, answer := h.ask("hub", "GET", "/v1/request_logs?"+query, ""); status != 400 || !strings.Contains(answer, `"param": "`+strings.SplitN(query, "=", 2)[0]) {
			t.Errorf("%s: %d %s", query, status, answer)
		}
	}
}

// Whatever somebody puts anywhere in a request, it is not in the table afterwards.
func TestNoSecretGetsIntoTheLog(t *testing.T) {
	h := newHouse(t)
	secrets := map[string]string{
		"a card": "4242424242424242", "a card in groups": "4000 0566 5566 5556", "a code": "cvc-987-654", "a bank account": "918273645546",
		"an IBAN": "GB29NWBK60161331926819", "an identity card": "Z6833655(A)", "a key": "sk_test_1aAbBcCdDeEfFgG2hHiIjJkK", "a webhook secret": "whsec_0123456789abcdef0123",
		"a password": "plover otter 44", "a name": "Chan Ka Yan", "an address": "12 Nathan Road, Kowloon", "an e-mail": "ka.yan@example.com",
		"a phone": "+85291234567", "a birthday": "1990-01-05", "a token": "rt_0123456789abcdefghijklmnop", "a session": "q8Zk3VbN1mX5cL7pR2tY9w", "a url": "https://user:pw@hooks.example/T0KEN?sig=1",
	}
	names := []string{
		"card[number]", "card[cvc]", "external_account[account_number]", "individual[id_number]", "individual[dob][day]", "individual[first_name]",
		"individual[address][line1]", "metadata[note]", "description", "statement_descriptor", "email", "phone", "source", "unknown", "client_secret",
		"billing_details[name]", "owner[verified_name]", "customer", "amount", "currency", "destination", "reason", "url", "payment_method", "type", "account",
	}
	for what, secret := range secrets {
		form := url.Values{}
		object := map[string]any{}
		for _, name := range names {
			if what == "a birthday" && !strings.Contains(name, "dob") && !strings.Contains(name, "metadata") && name != "description" {
				continue // a date in a field that takes dates is a date
			}
			if what == "a code" && !strings.Contains(name, "card") && !strings.Contains(name, "metadata") && name != "description" {
				continue // three digits are three digits
			}
			form.Set(name, secret)
			object[strings.Split(name, "[")[0]] = map[string]any{"inner": []any{secret, map[string]any{"deep": secret}}}
		}
		form.Set("metadata["+secret+"]", "x")
		form.Set(secret, "x")
		asJSON, _ := json.Marshal(object)
		inHeader := secret
		if what == "a code" || what == "a birthday" {
			inHeader = "" // nothing tells these from a date and an order's number
		}
		for _, body := range []string{form.Encode(), string(asJSON)} {
			h.ask("hub", "POST", "/v1/charges", body, "Idempotency-Key", inHeader)
			h.ask("hub", "POST", "/v1/charges/"+url.PathEscape(secret)+"/refuse", body)
		}
		h.ask("hub", "GET", "/v1/charges/"+url.PathEscape(secret)+"?"+form.Encode(), "")
		h.ask("hub", "GET", "/v1/charges?unknown="+url.QueryEscape(secret), "", "Stripe-Account", inHeader, "Stripe-Version", inHeader)
	}
	if err := h.log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var rows []string
	if err := h.pool.NewRaw("SELECT r::text FROM platform.request_logs r").Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 5*len(secrets) {
		t.Fatalf("only %d rows", len(rows))
	}
	whole := strings.Join(rows, "\n")
	for what, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(secret, " ", "")} {
			if i := strings.Index(whole, form); i >= 0 {
				t.Errorf("%s is in the log: …%s…", what, whole[max(0, i-150):min(len(whole), i+80)])
				break
			}
		}
	}
	for _, seen := range []string{"card_declined", "lost_card", "/v1/charges", "[redacted]", `""card"":{""`} {
		if !strings.Contains(whole, seen) {
			t.Errorf("the log does not tell %s", seen)
		}
	}
}

func TestARequestIsSeenWithinASecond(t *testing.T) {
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.log.Run(ctx) }()
	h.ask("hub", "POST", "/v1/charges", "amount=5")
	asked := time.Now()
	for {
		var n int
		if err := h.pool.NewRaw("SELECT count(*) FROM platform.request_logs WHERE route = '/v1/charges'").Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			break
		}
		if time.Since(asked) > 5*time.Second { // the machine of a test may be busy; the figure is logged
			t.Fatal("not seen after five seconds")
		}
	}
	t.Logf("seen after %v", time.Since(asked))
	h.ask("hub", "POST", "/v1/charges", "amount=6")
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if found := h.list("hub", ""); len(found) != 2 {
		t.Errorf("what came before the end is kept: %d", len(found))
	}
}

func TestAFullQueueForgetsSuccessfulReadsFirst(t *testing.T) {
	var dropped atomic.Int64
	pool := dbtest.New(t)
	log := requestlog.New(pool, requestlog.Config{Dropped: func(n int) { dropped.Add(int64(n)) }})
	note := func(method string, status int) {
		log.Note(rest.Served{ID: id.New("req"), At: time.Now(), Account: "acct_1", Method: method, Path: "/v1/x", Route: "/v1/x", Status: status})
	}
	for range 10 {
		note("POST", 500)
		note("POST", 200)
	}
	for range 30_000 {
		note("GET", 200)
	}
	note("POST", 402)
	if dropped.Load() != 10_021 {
		t.Errorf("dropped %d", dropped.Load())
	}
	if err := log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := func(where string) (n int) {
		if err := pool.NewRaw("SELECT count(*) FROM platform.request_logs WHERE "+where).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if count("status >= 400") != 11 || count("method = 'POST'") != 21 || count("true") != 20_000 {
		t.Errorf("kept %d errors, %d writes, %d requests", count("status >= 400"), count("method = 'POST'"), count("true"))
	}
}

func TestDaysComeAheadAndGoAfterTheirTime(t *testing.T) {
	pool := dbtest.New(t)
	log := requestlog.New(pool, requestlog.Config{})
	now := time.Now()
	days := func() (n int) {
		if err := pool.NewRaw("SELECT count(*) FROM pg_inherits WHERE inhparent = 'platform.request_logs'::regclass").Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 { // twice changes nothing
		if err := requestlog.Maintain(t.Context(), pool, now, requestlog.Retention); err != nil {
			t.Fatal(err)
		}
		if days() != 5 {
			t.Errorf("%d partitions", days())
		}
	}
	log.Note(rest.Served{ID: id.New("req"), At: now, Account: "acct_1", Method: "GET", Path: "/v1/x", Route: "/v1/x", Status: 200})
	if err := log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var in string
	if err := pool.NewRaw("SELECT tableoid::regclass::text FROM platform.request_logs").Scan(t.Context(), &in); err != nil || in == "platform.request_logs_default" {
		t.Errorf("the row is in %s, %v", in, err)
	}
	if err := requestlog.Maintain(t.Context(), pool, now.AddDate(0, 0, 9), requestlog.Retention); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := pool.NewRaw("SELECT count(*) FROM platform.request_logs").Scan(t.Context(), &rows); err != nil || rows != 0 {
		t.Errorf("%d rows after nine days, %v", rows, err)
	}
}

func BenchmarkNote(b *testing.B) {
	pool := dbtest.New(b)
	log := requestlog.New(pool, requestlog.Config{})
	s := rest.Served{ID: id.New("req"), At: time.Now(), Account: "acct_1", Method: http.MethodPost, Path: "/v1/charges", Route: "/v1/charges", Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		log.Note(s)
	}
}

func BenchmarkFlush500(b *testing.B) {
	pool := dbtest.New(b)
	log := requestlog.New(pool, requestlog.Config{})
	for b.Loop() {
		for range 500 {
			log.Note(rest.Served{ID: id.New("req"), At: time.Now(), Account: "acct_1", Method: http.MethodPost, Path: "/v1/charges", Route: "/v1/charges", Status: 200})
		}
		if err := log.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
