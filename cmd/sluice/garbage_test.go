package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/db"
)

// The words of garbage: what clients send by mistake, and what only an enemy sends.
var (
	garbageParams = strings.Fields(`amount currency source customer capture description metadata metadata[a] metadata[] transfer_data
		transfer_data[destination] transfer_data[amount] splits splits[0][destination] splits[0][amount] splits[0][percent] splits[] splits[x]
		application_fee_amount payment_method confirm capture_method charge payment_intent reverse_transfer refund_application_fee reason
		destination source_transaction transfer_group limit starting_after ending_before created created[gte] expand[] expand[0] type country
		email capabilities[transfers][requested] external_account external_account[object] settings[payouts][schedule][interval]
		settings[payouts][schedule][delay_days] card[number] card[exp_month] card[exp_year] card card[token] bank_account[country]
		bank_account[account_number] url enabled_events[] duration name scopes[] shipping[name] shipping[address][line1] on_behalf_of
		off_session return_url payment_method_types[] payment_method_data[type] statement_descriptor tos_acceptance[date] individual[dob][day]
		default_for_currency amount_to_capture cancellation_reason method source_type balance_transaction payout`)
	garbageValues = []string{
		"", "0", "-1", "1", "5000", "60000", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e9", "0x10", "5.5", "NaN",
		"hkd", "HKD", "jpy", "xxx", "usd ", "true", "false", "null", "{}", "[]", "tok_visa", "tok_chargeDeclined", "pm_card_visa", "btok_hk", "card",
		"acct_1", "ch_1", "pi_1", "tr_1", "po_1", "manual", "daily", "HK", "custom", "bank_account", "4242424242424242", "12", "2040", "50", "12.5",
		"a.b.c.d.e.f", "latest_charge.balance_transaction", "data.charge", "\x00", "\xff\xfe", "?", "'; DROP TABLE x", "陳大文", "https://127.0.0.1/",
		"https://example.com/hook", "*", "2d", "-2d", "99999999d", "charges:write", strings.Repeat("x", 6000), "%s%n", "\u202e", "1-1",
	}
)

// TestGarbageNeverBreaksTheServer sends random parameters to every route: each
// answer is a success or the client's fault, never the server's.
func TestGarbageNeverBreaksTheServer(t *testing.T) {
	t.Parallel()
	app := newApplication(t, Roles{RoleAPI}, slog.LevelError)
	key := ""
	err := db.InTx(t.Context(), app.pool, func(ctx context.Context, tx bun.Tx) error {
		at := time.Now().UTC()
		a, err := app.accounts.CreatePlatform(ctx, tx, at, connect.PlatformParams{Country: "HK", Name: "TutorHub HK"})
		if err != nil {
			return err
		}
		_, plain, err := app.keys.Create(ctx, tx, at, credential.Owner{Account: a.ID}, credential.NewKey{Kind: credential.Secret})
		key = plain.Reveal()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var methods, paths []string
	for _, route := range app.routes() {
		// Moving the clock waits for a relay, which does not run here; health tells of it.
		if strings.HasPrefix(route.Path, "/v1/") && !strings.HasSuffix(route.Path, "/advance") {
			methods, paths = append(methods, route.Method), append(paths, route.Path)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			i := rapid.IntRange(0, len(paths)-1).Draw(t, "route")
			path := paths[i]
			for strings.Contains(path, "{") {
				from, to := strings.Index(path, "{"), strings.Index(path, "}")
				path = path[:from] + url.PathEscape(rapid.SampledFrom(garbageValues).Draw(t, "id")) + path[to+1:]
			}
			params := url.Values{}
			for range rapid.IntRange(0, 6).Draw(t, "params") {
				params.Add(rapid.SampledFrom(garbageParams).Draw(t, "param"), rapid.SampledFrom(garbageValues).Draw(t, "value"))
			}
			req := httptest.NewRequest(methods[i], path, strings.NewReader(params.Encode()))
			if methods[i] != http.MethodPost {
				req = httptest.NewRequest(methods[i], path+"?"+params.Encode(), nil)
			}
			req.Header.Set("Authorization", "Bearer "+key)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			app.Handler().ServeHTTP(rec, req)
			if rec.Code >= http.StatusInternalServerError {
				t.Fatalf("%s %s %v: %d %s", methods[i], path, params, rec.Code, rec.Body)
			}
		}
	})
}
