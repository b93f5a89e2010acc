package payment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/payment/paymenttest"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	hub  = "acct_hub"  // the platform account
	may  = "acct_may"  // a tutor who may receive transfers and take cards
	lee  = "acct_lee"  // another
	cold = "acct_cold" // one without capabilities
)

// directory is who is who.
type directory struct{}

func (directory) Lookup(_ context.Context, scope tenant.Scope, account string) (connect.Summary, error) {
	s := connect.Summary{
		ID: account, Platform: hub, Livemode: scope.Livemode, Access: tenant.ReadWrite, Transfers: true, CardPayments: true,
		FeesPayer: "account", DefaultCurrency: "hkd", Country: "HK", DelayDays: 2,
	}
	switch account {
	case hub, may, lee:
		return s, nil
	case cold:
		s.Transfers, s.CardPayments = false, false
		return s, nil
	}
	return connect.Summary{}, fault.NoSuch("account", account)
}

func (d directory) Reach(ctx context.Context, platform, account string, livemode bool) (tenant.Access, error) {
	s, err := d.Lookup(ctx, tenant.Scope{Platform: platform, Account: platform, Livemode: livemode}, account)
	if err != nil {
		return tenant.NoAccess, nil
	}
	return s.Access, nil
}

// keys are credentials "<mode>_<account>".
type keys struct{}

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	mode, account, ok := strings.Cut(key, "_")
	if !ok {
		return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	return rest.Principal{KeyID: "key_1", Account: account, Livemode: mode == "live", Kind: rest.Secret}, nil
}

// witness is a processor that counts what it is asked, and may hold an answer back.
type witness struct {
	processor.Processor
	mu     sync.Mutex
	asked  map[string]int // "authorize ch_…"
	before func(call, reference string)
}

func (w *witness) note(call, reference string) {
	w.mu.Lock()
	w.asked[call+" "+reference]++
	w.asked[call]++
	hook := w.before
	w.mu.Unlock()
	if hook != nil {
		hook(call, reference)
	}
}

func (w *witness) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[call]
}

func (w *witness) hook(before func(call, reference string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = before
}

func (w *witness) Authorize(ctx context.Context, r processor.AuthorizeRequest) (processor.Result, error) {
	w.note("authorize", r.Reference)
	return w.Processor.Authorize(ctx, r)
}

func (w *witness) Capture(ctx context.Context, r processor.CaptureRequest) (processor.Result, error) {
	w.note("capture", r.Reference)
	return w.Processor.Capture(ctx, r)
}

func (w *witness) Void(ctx context.Context, reference string) (processor.Result, error) {
	w.note("void", reference)
	return w.Processor.Void(ctx, reference)
}

func (w *witness) Refund(ctx context.Context, r processor.RefundRequest) (processor.RefundResult, error) {
	w.note("refund", r.Reference)
	return w.Processor.Refund(ctx, r)
}

func (w *witness) Lookup(ctx context.Context, reference string) (processor.Result, error) {
	w.note("lookup", reference)
	return w.Processor.Lookup(ctx, reference)
}

// world is a marketplace on a database: what survives a crash.
type world struct {
	*testing.T
	pool *bun.DB
	now  *clock.Fixed
	life *life
}

// life is one process of it.
type life struct {
	payments *payment.Service
	sweeper  *payment.Sweeper
	methods  *payment.Methods
	tokens   *payment.Tokens
	moves    *connect.TransferService
	sim      *cardsim.Sim
	witness  *witness
	url      string

	mu   sync.Mutex
	step func(name string)
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, pool: dbtest.New(t), now: clock.NewFixed(noon)}
	w.restart()
	return w
}

// restart is a new process on the same database; the old one is never heard of again.
func (w *world) restart() {
	w.Helper()
	clocks := clock.Modes{Live: w.now, Test: w.now}
	master := []byte(strings.Repeat("m", 32))
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	w.must(err)
	pepper, err := secret.NewPepper(master, "fingerprints")
	w.must(err)
	l := &life{sim: cardsim.New(w.pool, w.now, cardsim.Config{ActionURL: "https://bank.example/"})}
	l.witness = &witness{Processor: l.sim, asked: map[string]int{}}
	l.methods = payment.NewMethods(w.pool, payment.MethodConfig{Clocks: clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper})
	l.tokens = payment.NewTokens(l.methods)
	book, store := ledger.NewBook(), idempotency.NewStore()
	l.moves = &connect.TransferService{Book: book, Clocks: clocks, Accounts: directory{}, Sources: payment.Sources{}}
	l.payments = payment.New(payment.Config{
		Pool: w.pool, Book: book, Keys: store, Clocks: clocks, Accounts: directory{}, Methods: l.methods, Transfers: l.moves,
		Sandbox: l.witness, Log: slog.New(slog.DiscardHandler), Step: l.reached,
	})
	l.sweeper = &payment.Sweeper{Service: l.payments, Answer: answer}
	server := rest.New(rest.Config{Pool: w.pool, Store: store, Pepper: pepper, Authenticator: keys{}, Accounts: directory{}, Log: slog.New(slog.DiscardHandler)})
	server.Mount(l.routes(server)...)
	front := httptest.NewServer(openapi.Wrap(w.T, server))
	l.url = front.URL
	w.Cleanup(func() {
		front.Close()
		l.payments.Close()
		l.sim.Close()
	})
	w.life = l
}

func (l *life) reached(name string) {
	l.mu.Lock()
	step := l.step
	l.mu.Unlock()
	if step != nil {
		step(name)
	}
}

func (l *life) at(step func(name string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step = step
}

// answer renders the answer to a request that nobody waits for any more.
func answer(object any, failure error) (idempotency.Response, error) {
	if f := fault.As(failure); f != nil {
		status, body := rest.RenderFault(f)
		return idempotency.Response{Status: status, Body: body}, nil
	}
	if failure != nil {
		return idempotency.Response{}, failure
	}
	body, err := rest.Render(object)
	return idempotency.Response{Status: 200, Body: body}, err
}

// routes are doors as thin as the real ones, which stand above this package.
func (l *life) routes(s *rest.Server) []rest.Route {
	const intent = "/v1/payment_intents/{id}"
	return []rest.Route{
		post("/v1/charges", s.Claims(door(func(ctx context.Context, r *rest.Request, p payment.ChargeParams) (any, error) {
			return l.payments.CreateCharge(ctx, r.Scope, p)
		}))),
		post("/v1/charges/{id}", s.Write(func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
			var u payment.ChargeUpdate
			if err := r.Decode(&u); err != nil {
				return nil, err
			}
			c, err := l.payments.UpdateCharge(ctx, tx, r.Scope, r.Path("id"), u)
			if err != nil {
				return nil, err
			}
			return payment.ChargeWire(c), nil
		})),
		post("/v1/charges/{id}/capture", s.Steps(door(func(ctx context.Context, r *rest.Request, p payment.CaptureParams) (any, error) {
			return l.payments.CaptureCharge(ctx, r.Scope, r.Path("id"), p)
		}))),
		post("/v1/payment_intents", s.Claims(door(func(ctx context.Context, r *rest.Request, p payment.IntentParams) (any, error) {
			return l.payments.CreateIntent(ctx, r.Scope, p)
		}))),
		post(intent, s.Prepared(func(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
			var u payment.IntentUpdate
			if err := r.Decode(&u); err != nil {
				return nil, err
			}
			change, err := l.payments.PrepareUpdate(ctx, r.Scope, r.Path("id"), u)
			return func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
				return l.payments.UpdateIntent(ctx, tx, r.Scope, change)
			}, err
		})),
		post(intent+"/confirm", s.Steps(door(func(ctx context.Context, r *rest.Request, p payment.ConfirmParams) (any, error) {
			return l.payments.ConfirmIntent(ctx, r.Scope, r.Path("id"), p)
		}))),
		post(intent+"/capture", s.Steps(door(func(ctx context.Context, r *rest.Request, p payment.CaptureParams) (any, error) {
			return l.payments.CaptureIntent(ctx, r.Scope, r.Path("id"), p)
		}))),
		post(intent+"/cancel", s.Steps(door(func(ctx context.Context, r *rest.Request, p payment.CancelParams) (any, error) {
			return l.payments.CancelIntent(ctx, r.Scope, r.Path("id"), p)
		}))),
		post("/v1/refunds", s.Steps(door(func(ctx context.Context, r *rest.Request, p payment.RefundParams) (any, error) {
			return l.payments.CreateRefund(ctx, r.Scope, p)
		}))),
		post("/v1/refunds/preview", s.Read(door(func(ctx context.Context, r *rest.Request, p payment.RefundParams) (any, error) {
			preview, err := l.payments.PreviewRefund(ctx, r.Scope, p)
			if err != nil {
				return nil, err
			}
			return payment.RefundPreviewWire(r.Scope, preview), nil
		}))),
		post("/v1/transfers/{id}/reversals", s.Write(func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
			var p connect.ReversalParams
			if err := r.Decode(&p); err != nil {
				return nil, err
			}
			reversal, _, err := l.moves.Reverse(ctx, tx, r.Scope, r.Path("id"), p)
			if err != nil {
				return nil, err
			}
			return connect.ReversalWire(reversal), nil
		})),
		post("/v1/tokens", s.Write(func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
			var p payment.TokenParams
			if err := r.Decode(&p); err != nil {
				return nil, err
			}
			token, err := l.tokens.Create(ctx, tx, noon, r.Scope, "127.0.0.1", p)
			return token.Wire(), err
		})),
	}
}

func post(path string, h http.Handler) rest.Route {
	return rest.Route{Method: "POST", Path: path, Resource: "charges", Handler: h}
}

func door[P any](do func(context.Context, *rest.Request, P) (any, error)) rest.Handler {
	return func(ctx context.Context, r *rest.Request) (any, error) {
		var p P
		if err := r.Decode(&p); err != nil {
			return nil, err
		}
		return do(ctx, r, p)
	}
}

// reply is what a client hears.
type reply struct {
	status   int
	body     []byte
	replayed bool
}

// field is a member of the body, "a.b" of a nested one, as text.
func (r reply) field(path string) string {
	var v any
	_ = json.Unmarshal(r.body, &v)
	for _, name := range strings.Split(path, ".") {
		members, _ := v.(map[string]any)
		v = members[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// String is the status and what matters most of the body.
func (r reply) String() string {
	var words []string
	for _, name := range []string{"id", "status", "error.code", "error.param", "error.message"} {
		if v := r.field(name); v != "" {
			words = append(words, v)
		}
	}
	return fmt.Sprintf("%d %s", r.status, strings.Join(words, " "))
}

// call sends "name=value" pairs as a form with the platform's test key; "Header: value" pairs are headers.
func (w *world) call(path string, parts ...string) reply {
	form := url.Values{}
	headers := http.Header{"Authorization": {"Bearer test_" + hub}, "Content-Type": {"application/x-www-form-urlencoded"}}
	for _, part := range parts {
		if name, value, ok := strings.Cut(part, ": "); ok {
			headers.Set(name, value)
		} else if name, value, ok := strings.Cut(part, "="); ok {
			form.Add(name, value)
		}
	}
	r, err := http.NewRequestWithContext(w.Context(), "POST", w.life.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.Error(err)
		return reply{}
	}
	r.Header = headers
	res, err := client.Do(r)
	if err != nil {
		return reply{} // the server died
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Error(err)
	}
	return reply{status: res.StatusCode, body: body, replayed: res.Header.Get("Idempotent-Replayed") == "true"}
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 256}}

// want is call that must be answered with status.
func (w *world) want(status int, path string, parts ...string) reply {
	w.Helper()
	r := w.call(path, parts...)
	if r.status != status {
		w.Fatalf("POST %s %v: want %d, got %s", path, parts, status, r)
	}
	return r
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// sweep resolves everything that is open, whatever its age.
func (w *world) sweep() {
	w.Helper()
	_, err := w.life.sweeper.Sweep(w.Context(), 0)
	w.must(err)
}

// settled is the end of every test: the books tell one story.
func (w *world) settled() {
	w.Helper()
	paymenttest.Settled(w, w.pool)
}

// value is one value from the database.
func (w *world) value(query string, args ...any) string {
	w.Helper()
	var v string
	w.must(w.pool.NewRaw("SELECT coalesce(("+query+")::text, '')", args...).Scan(w.Context(), &v))
	return v
}

// money checks every balance of the ledger: lines of "owner kind amount", owners
// without "acct_", credit positive, zero balances left out.
func (w *world) money(table string) {
	w.Helper()
	var rows []string
	w.must(w.pool.NewRaw(`SELECT replace(owner, 'acct_', '') || ' ' || kind || ' ' || (credits - debits)
		FROM ledger.accounts WHERE credits <> debits`).Scan(w.Context(), &rows))
	var want []string
	for _, line := range strings.Split(table, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			want = append(want, line)
		}
	}
	sort.Strings(rows)
	sort.Strings(want)
	if diff := cmp.Diff(want, rows); diff != "" {
		w.Errorf("balances (-want +got):\n%s", diff)
	}
}

// together runs n calls at the same moment.
func together(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			do(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

func in(w *world, do func(ctx context.Context, tx bun.Tx) error) {
	w.Helper()
	w.must(db.InTx(w.Context(), w.pool, do))
}
