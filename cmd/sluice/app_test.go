package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/dev/broker"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// house is a running App with a platform account and its secret key.
type house struct {
	t        testing.TB
	app      *App
	url      string
	key      string
	platform string
	account  string // acted for; empty: the platform
}

// newApplication is an App with a database and a broker of its own; nothing runs yet.
func newApplication(t testing.TB, roles Roles, level slog.Level) *App {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	master := func() secret.Text {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		return secret.New(base64.StdEncoding.EncodeToString(raw))
	}
	cfg := Config{
		Addr: "127.0.0.1:0", DatabaseURL: secret.New(dbtest.URL(t)), Kafka: bus.Config{Brokers: []string{b.Addr()}},
		Roles: roles, KeyMaster: master(), SealMasters: []secret.Text{master()}, Dev: true,
	}
	app, err := newApp(t.Context(), cfg, slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: level})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	return app
}

func newHouse(t testing.TB) *house {
	t.Helper()
	app := newApplication(t, allRoles, slog.LevelInfo)
	h := &house{t: t, app: app}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(openapi.Wrap(t, app.Handler()))
	t.Cleanup(server.Close)
	h.url = server.URL
	err := db.InTx(ctx, app.pool, func(ctx context.Context, tx bun.Tx) error {
		a, err := app.accounts.CreatePlatform(ctx, tx, time.Now().UTC(), connect.PlatformParams{Country: "HK", Name: "TutorHub HK"})
		if err != nil {
			return err
		}
		_, plain, err := app.keys.Create(ctx, tx, time.Now().UTC(), credential.Owner{Account: a.ID}, credential.NewKey{Kind: credential.Secret})
		h.platform, h.key = a.ID, plain.Reveal()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (h *house) call(method, path string, form url.Values) map[string]any {
	h.t.Helper()
	req, _ := http.NewRequest(method, h.url+path, strings.NewReader(form.Encode()))
	req.Header.Set("Authorization", "Bearer "+h.key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if h.account != "" {
		req.Header.Set("Stripe-Account", h.account)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		h.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, body)
	}
	h.t.Logf("%s %s: %d\n%s", method, path, res.StatusCode, body)
	return out
}

func TestAPaymentSplitsAndIsPaidOut(t *testing.T) {
	h := newHouse(t)
	acct := h.call("POST", "/v1/accounts", url.Values{"type": {"custom"}, "country": {"HK"}, "capabilities[transfers][requested]": {"true"}, "external_account": {"btok_hk"}})
	id := acct["id"].(string)
	pi := h.call("POST", "/v1/payment_intents", url.Values{"amount": {"60000"}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"}, "confirm": {"true"},
		"application_fee_amount": {"9000"}, "transfer_data[destination]": {id}, "expand[]": {"latest_charge.balance_transaction"}})
	if pi["status"] != "succeeded" {
		t.Fatal(pi["status"])
	}
	h.call("GET", "/v1/balance", nil)
	h.call("POST", "/v1/test_helpers/world_clock/advance", url.Values{"duration": {"2d"}})
	h.call("GET", "/v1/payouts", nil)
	h.key = h.key + ""
}

// A capture asked for on the charge of an intent was answered with the intent.
func TestACaptureIsAnsweredWithWhatItWasAskedOn(t *testing.T) {
	h := newHouse(t)
	for path, object := range map[string]string{"/v1/charges/%s/capture": "charge", "/v1/payment_intents/%s/capture": "payment_intent"} {
		pi := h.call("POST", "/v1/payment_intents", url.Values{"amount": {"60000"}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"},
			"confirm": {"true"}, "capture_method": {"manual"}})
		ids := map[string]any{"charge": pi["latest_charge"], "payment_intent": pi["id"]}
		if got := h.call("POST", fmt.Sprintf(path, ids[object]), nil); got["object"] != object {
			t.Errorf("%s is answered with a %v", path, got["object"])
		}
	}
}

// Money that was available at once caused no event that makes a payout due.
func TestMoneyAvailableAtOnceIsPaidOutOnTheNextPayday(t *testing.T) {
	h := newHouse(t)
	id := h.call("POST", "/v1/accounts", url.Values{"type": {"custom"}, "country": {"HK"}, "external_account": {"btok_hk"},
		"capabilities[card_payments][requested]": {"true"}})["id"].(string)
	h.account = id
	h.call("POST", "/v1/charges", url.Values{"amount": {"60000"}, "currency": {"hkd"}, "source": {"tok_bypassPending"}})
	h.account = ""
	h.call("POST", "/v1/test_helpers/world_clock/advance", url.Values{"duration": {"2d"}})
	funds, err := balance.In(t.Context(), h.app.pool, balance.Purse{Account: id, Currency: "hkd"})
	if err != nil || funds.Available != 0 {
		t.Errorf("after a payday %d is available (%v)", funds.Available, err)
	}
}
