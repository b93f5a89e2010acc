package payoutshttp_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/payoutshttp"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// people lets every key act for acct_hub, which reaches acct_may; both are paid to one bank account.
type people struct{}

func (people) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	p := rest.Principal{KeyID: "key_1", Account: "acct_hub", Kind: rest.Secret}
	if key != "sk_test_hub" {
		p.KeyID = "key_" + key
	}
	switch key {
	case "narrow":
		p.Kind, p.Scopes = rest.Restricted, []string{"payouts:write", "payout_runs:write"}
	case "wide":
		p.Kind, p.Scopes = rest.Restricted, []string{"payouts:write", "payout_runs:write", "payout_approvals:write"}
	case "token":
		p.Account, p.Platform = "acct_may", "acct_hub"
	}
	return p, nil
}

func (people) Reach(_ context.Context, _, account string, _ bool) (tenant.Access, error) {
	if account == "acct_may" {
		return tenant.ReadWrite, nil
	}
	return tenant.NoAccess, nil
}

func (p people) Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]payouts.Payable, error) {
	found := map[string]payouts.Payable{}
	for _, account := range accounts {
		payable, err := p.Payable(ctx, idb, tenant.Scope{Platform: "acct_hub", Account: account, Livemode: livemode})
		if err == nil {
			found[account] = payable
		}
	}
	return found, nil
}

func (people) Payable(_ context.Context, _ bun.IDB, scope tenant.Scope) (payouts.Payable, error) {
	return payouts.Payable{
		Schedule: payouts.Schedule{Interval: payouts.Manual}, PayoutsEnabled: true, StatementDescriptor: "TUTORHUB",
		Destinations: []payouts.Destination{{ID: "ba_" + scope.Account, Currency: "hkd", Default: true}},
	}, nil
}

func (people) Creditor(context.Context, bun.IDB, tenant.Scope, string) (rail.Creditor, error) {
	return rail.Creditor{Name: "May Wong", Country: "HK", Routing: "110000", Number: secret.New("000111111116")}, nil
}

func (people) MarkErrored(context.Context, bun.Tx, time.Time, tenant.Scope, string) error { return nil }

func (people) Correct(_ context.Context, _ bun.Tx, _ time.Time, _ tenant.Scope, destination string, _ rail.Change) (string, error) {
	return destination, nil
}

// door is a running API on the payouts of a marketplace with HK$100.00 on two accounts.
type door struct {
	*testing.T
	url     string
	clock   *clock.Fixed
	service *payouts.Service

	key, idempotency, retry string
}

func open(t *testing.T) *door {
	pool, book, now := dbtest.New(t), ledger.NewBook(), clock.NewFixed(noon)
	service := payouts.New(pool, payouts.Config{
		Book: book, Clocks: clock.Modes{Live: now, Test: now}, Accounts: people{}, Rails: rail.Modes{Test: rail.Set{banksim.New(pool)}},
	})
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		newID := func() string { return id.New("txn") }
		amount := money.New(10000, "hkd")
		_, err := book.Post(ctx, tx,
			journal.ChargeSucceeded(journal.Charge{ID: "ch_1", Owner: "acct_hub", Platform: "acct_hub", Amount: amount, At: noon}, newID),
			journal.ChargeSucceeded(journal.Charge{ID: "ch_2", Owner: "acct_may", Platform: "acct_hub", Amount: amount, At: noon, Direct: &journal.Direct{}}, newID))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	api := rest.New(rest.Config{Pool: pool, Authenticator: people{}, Accounts: people{}})
	api.Mount(payoutshttp.DeliveryRoutes(api, pool, service, reconcile.New(pool, reconcile.Config{}))...)
	api.Mount(payoutshttp.Routes(api, pool, service)...)
	api.Mount(payoutshttp.ApprovalRoutes(api, pool, service)...)
	api.Mount(payoutshttp.HoldRoutes(api, pool, service)...)
	api.Mount(payoutshttp.PolicyRoutes(api, pool, service)...)
	server := httptest.NewServer(openapi.Wrap(t, api))
	t.Cleanup(server.Close)
	return &door{T: t, url: server.URL, clock: now, service: service}
}

// call sends a form and reads the answer; account is the Stripe-Account or "".
func (d *door) call(method, path, account string, form url.Values) (int, map[string]any) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.Fatal(err)
	}
	r.SetBasicAuth(cmp.Or(d.key, "sk_test_hub"), "")
	if d.idempotency != "" {
		r.Header.Set("Idempotency-Key", d.idempotency)
		r.Header.Set("Sluice-Idempotency-Retry-Failures", d.retry)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		d.Fatal(err)
	}
	return res.StatusCode, body
}

func (d *door) expect(want string, status int, body map[string]any, fields ...string) {
	d.Helper()
	got := fmt.Sprint(status)
	if e, ok := body["error"].(map[string]any); ok {
		body = e
	}
	for _, f := range fields {
		got += fmt.Sprintf(" %v", body[f])
	}
	if got != want {
		d.Errorf("got %q, want %q", got, want)
	}
}

func TestPayoutOverTheAPI(t *testing.T) {
	d := open(t)
	status, made := d.call("POST", "/v1/payouts", "acct_may", url.Values{
		"amount": {"7000"}, "currency": {"hkd"}, "description": {"Lessons"}, "metadata[term]": {"autumn"},
	})
	d.expect("200 payout pending 7000 ba_acct_may TUTORHUB false standard", status, made,
		"object", "status", "amount", "destination", "statement_descriptor", "automatic", "method")
	one := "/v1/payouts/" + made["id"].(string)

	status, body := d.call("GET", one, "", nil)
	d.expect("404 resource_missing", status, body, "code") // the platform's own payouts are others
	status, body = d.call("POST", one, "acct_may", url.Values{"metadata[term]": {"winter"}})
	d.expect("200 map[term:winter]", status, body, "metadata")
	status, body = d.call("POST", "/v1/payouts", "acct_may", url.Values{"amount": {"3001"}, "currency": {"hkd"}})
	d.expect("400 balance_insufficient amount", status, body, "code", "param")
	status, body = d.call("POST", one+"/cancel", "acct_may", url.Values{})
	d.expect("200 canceled", status, body, "status")
	status, body = d.call("POST", one+"/cancel", "acct_may", url.Values{})
	d.expect("400 invalid_request_error", status, body, "type")
}

func TestPayoutsAreListedByTheirFilters(t *testing.T) {
	d := open(t)
	d.call("POST", "/v1/payouts", "", url.Values{"amount": {"1000"}, "currency": {"hkd"}})
	d.clock.Advance(time.Hour)
	for _, run := range []func(context.Context, bool, time.Time) (int, error){d.service.Send, d.service.Settle} {
		if _, err := run(t.Context(), false, d.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	d.call("POST", "/v1/payouts", "", url.Values{"amount": {"2000"}, "currency": {"hkd"}})
	for query, want := range map[string]string{
		"":                         "[2000 1000]",
		"?limit=1":                 "[2000]",
		"?status=failed":           "[1000]",
		"?status=paid":             "[]",
		"?destination=ba_acct_hub": "[2000 1000]",
		"?destination=ba_other":    "[]",
		fmt.Sprintf("?created[gt]=%d", noon.Unix()):                                           "[2000]",
		fmt.Sprintf("?arrival_date=%d", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).Unix()): "[2000 1000]",
		"?arrival_date[lt]=1000": "[]",
	} {
		status, body := d.call("GET", "/v1/payouts"+query, "", nil)
		amounts := []any{}
		for _, p := range body["data"].([]any) {
			amounts = append(amounts, p.(map[string]any)["amount"])
		}
		if got := fmt.Sprint(amounts); status != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", query, status, got, want)
		}
	}
	_, body := d.call("GET", "/v1/payouts?status=failed", "", nil)
	failed := body["data"].([]any)[0].(map[string]any)
	d.expect("200 no_account map[status:supported", 200, map[string]any{"code": failed["failure_code"], "trace": strings.Fields(fmt.Sprint(failed["trace_id"]))[0]}, "code", "trace")
}

func TestStrictParameters(t *testing.T) {
	d := open(t)
	for form, want := range map[string]string{
		"currency=hkd":                       "400 parameter_missing amount",
		"amount=7000":                        "400 parameter_missing currency",
		"amount=7000&currency=hkd&to=me":     "400 parameter_unknown to",
		"amount=1.5&currency=hkd":            "400 parameter_invalid_integer amount",
		"amount=1&currency=hkd&method=quick": "400 <nil> method",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		status, body := d.call("POST", "/v1/payouts", "", values)
		d.expect(want, status, body, "code", "param")
	}
}
