package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/dev/broker"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// house is the whole App, running, with every role on a database and a broker of
// its own. Every answer that leaves it is checked against the OpenAPI file.
//
// Who lives there: Ada, who runs TutorHub HK (the platform account), and the
// tutors she connects.
type house struct {
	t        testing.TB
	app      *App
	url      string
	key      string // Ada's secret key, test mode
	platform string // acct_… of Ada's platform account
}

func newHouse(t testing.TB, changes ...func(*Config)) *house {
	t.Helper()
	return newHouseLogging(t, slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}), changes...)
}

func newHouseLogging(t testing.TB, log slog.Handler, changes ...func(*Config)) *house {
	t.Helper()
	front := httptest.NewUnstartedServer(nil) // its address is needed before there is anything to serve
	base := "http://" + front.Listener.Addr().String()
	app := newApplicationLogging(t, allRoles, log, append(changes, func(cfg *Config) { cfg.BaseURL = base })...)
	h := &house{t: t, app: app, url: base}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { inspectEvents(context.Background(), t, app.pool) }) // once the App has stopped
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	front.Config.Handler = openapi.Wrap(t, app.Handler())
	front.Start()
	t.Cleanup(func() {
		front.Close()
		front.Config.Handler = nil
	})
	h.moveIn(ctx)
	return h
}

// newApplication is an App with a database and a broker of its own; nothing runs yet.
func newApplication(t testing.TB, roles Roles, level slog.Level, changes ...func(*Config)) *App {
	t.Helper()
	return newApplicationLogging(t, roles, slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: level}), changes...)
}

func newApplicationLogging(t testing.TB, roles Roles, log slog.Handler, changes ...func(*Config)) *App {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	cfg := Config{
		Addr: "127.0.0.1:0", DatabaseURL: secret.New(dbtest.URL(t)), Kafka: bus.Config{Brokers: []string{b.Addr()}}, Roles: roles,
		KeyMaster: secret.New(newMaster()), SealMasters: []secret.Text{secret.New(newMaster())}, Dev: true,
		RequestRetention: 7 * 24 * time.Hour,
	}
	for _, change := range changes {
		change(&cfg)
	}
	app, err := newApp(t.Context(), cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = app.Close()
		*app = App{} // the testing package holds on to all parallel tests until the last, and each App is a hundred MiB of pages
	})
	return app
}

// moveIn makes Ada's platform account and her first key.
func (h *house) moveIn(ctx context.Context) {
	h.t.Helper()
	err := db.InTx(ctx, h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		now := time.Now().UTC()
		a, err := h.app.accounts.CreatePlatform(ctx, tx, now, connect.PlatformParams{Country: "HK", Name: "TutorHub HK"})
		if err != nil {
			return err
		}
		_, plain, err := h.app.keys.Create(ctx, tx, now, credential.Owner{Account: a.ID}, credential.NewKey{Kind: credential.Secret})
		h.platform, h.key = a.ID, plain.Reveal()
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// stripe is the official Go SDK with Ada's key. It repeats nothing, so that a
// test sees every answer.
func (h *house) stripe() *stripe.Client { return h.stripeWith(h.key) }

func (h *house) stripeWith(key string) *stripe.Client {
	return stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(h.url), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
}

// letter is a request as curl would send it.
type letter struct {
	method, path string
	form         string            // body and its type, unless json is set
	json         string            // body as JSON
	header       map[string]string // beside the key, which is sent as basic authentication
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

// at is the value at a path through objects: at("error", "code").
func (r reply) at(path ...string) any {
	var v any = r.body
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// send sends a letter and insists on the status.
func (h *house) send(want int, l letter) reply {
	h.t.Helper()
	r := h.exchange(l)
	if r.status != want {
		h.t.Fatalf("%s %s: status %d, want %d\n%s", l.method, l.path, r.status, want, r.raw)
	}
	return r
}

func (h *house) exchange(l letter) reply {
	h.t.Helper()
	body, kind := l.form, "application/x-www-form-urlencoded"
	if l.json != "" {
		body, kind = l.json, "application/json"
	}
	req, err := http.NewRequestWithContext(h.t.Context(), l.method, h.url+l.path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.SetBasicAuth(h.key, "")
	if l.method != http.MethodGet {
		req.Header.Set("Content-Type", kind)
	}
	for name, value := range l.header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	r := reply{status: res.StatusCode, header: res.Header}
	if r.raw, err = io.ReadAll(res.Body); err != nil {
		h.t.Fatal(err)
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(r.raw, &r.body); err != nil {
			h.t.Fatal(err)
		}
	}
	return r
}

// call sends a form and returns the answer's body, whatever its status.
func (h *house) call(method, path string, form url.Values) map[string]any {
	h.t.Helper()
	return h.exchange(letter{method: method, path: path, form: form.Encode()}).body
}

// days moves the sandbox's clock.
func (h *house) days(n string) {
	h.t.Helper()
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/test_helpers/world_clock/advance", form: "duration=" + n})
}

// closeBooks proves that the books are in order: the trial balance of Ada and
// her tutors sums to zero in each currency, and every row of the ledger verifies.
func (h *house) closeBooks() {
	h.t.Helper()
	var trial struct {
		Rows []struct{ Currency, Balance string }
	}
	if err := json.Unmarshal(h.send(http.StatusOK, letter{method: "GET", path: "/v1/ledger/trial_balance"}).raw, &trial); err != nil {
		h.t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, row := range trial.Rows {
		n, err := json.Number(row.Balance).Int64()
		if err != nil {
			h.t.Fatal(err)
		}
		sums[row.Currency] += n
	}
	for currency, sum := range sums {
		if sum != 0 {
			h.t.Errorf("the trial balance sums to %d %s", sum, currency)
		}
	}
	if len(sums) == 0 {
		h.t.Error("the trial balance is empty")
	}
	report, err := audit.Verify(h.t.Context(), h.app.pool, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, finding := range report.Findings {
		h.t.Error(finding)
	}
}
