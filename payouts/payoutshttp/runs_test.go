package payoutshttp_test

import (
	"context"
	"fmt"
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
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// weekly is people who are paid on Sundays, and acct_none, who has no bank account.
type weekly struct{ people }

func (w weekly) Payable(ctx context.Context, idb bun.IDB, scope tenant.Scope) (payouts.Payable, error) {
	p, err := w.people.Payable(ctx, idb, scope)
	p.Schedule = payouts.Schedule{Interval: payouts.Weekly, Weekdays: []time.Weekday{time.Sunday}}
	if scope.Account == "acct_none" {
		p.Destinations = nil
	}
	return p, err
}

func (w weekly) Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]payouts.Payable, error) {
	found := map[string]payouts.Payable{}
	for _, account := range accounts {
		payable, err := w.Payable(ctx, idb, tenant.Scope{Platform: "acct_hub", Account: account, Livemode: livemode})
		if err != nil {
			return nil, err
		}
		found[account] = payable
	}
	return found, nil
}

// storm is a rail that keeps to Hong Kong's bank days.
type storm struct{ rail.Direct }

func (s storm) Capabilities() rail.Capabilities {
	c := s.Direct.Capabilities()
	c.Calendar = "hong_kong"
	return c
}

// openDue is a marketplace with 5 accounts that have HK$10.00, 20.00, … and one
// without a bank account, on a payday.
func openDue(t *testing.T, bank func(*bun.DB) rail.Rail) *door {
	pool, book, now := dbtest.New(t), ledger.NewBook(), clock.NewFixed(noon)
	service := payouts.New(pool, payouts.Config{
		Book: book, Clocks: clock.Modes{Live: now, Test: now}, Accounts: weekly{}, Rails: rail.Modes{Test: rail.Set{bank(pool)}},
	})
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		for i, account := range []string{"acct_1", "acct_2", "acct_3", "acct_4", "acct_may", "acct_none"} {
			charge := journal.Charge{ID: "ch_" + account, Owner: account, Platform: "acct_hub", Amount: money.New(int64(1000*(i+1)), "hkd"), At: noon, Direct: &journal.Direct{}}
			if _, err := book.Post(ctx, tx, journal.ChargeSucceeded(charge, func() string { return id.New("txn") })); err != nil {
				return err
			}
			if err := service.Note(ctx, tx, noon, payouts.Due{Platform: "acct_hub", Account: account, Currency: "hkd"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	api := rest.New(rest.Config{Pool: pool, Authenticator: people{}, Accounts: people{}})
	api.Mount(payoutshttp.Routes(api, pool, service)...)
	api.Mount(payoutshttp.ApprovalRoutes(api, pool, service)...)
	api.Mount(payoutshttp.PolicyRoutes(api, pool, service)...)
	api.Mount(payoutshttp.RunRoutes(api, pool, service)...)
	api.Mount(payoutshttp.CalendarRoutes(api, pool, service)...)
	server := httptest.NewServer(openapi.Wrap(t, api))
	t.Cleanup(server.Close)
	return &door{T: t, url: server.URL, clock: now, service: service}
}

func everyDay(pool *bun.DB) rail.Rail { return banksim.New(pool) }
func stormy(pool *bun.DB) rail.Rail   { return storm{banksim.New(pool)} }

// rows shows fields of a list's objects.
func rows(body map[string]any, fields ...string) (shown []string) {
	data, _ := body["data"].([]any)
	for _, object := range data {
		var cells []string
		for _, f := range fields {
			cells = append(cells, fmt.Sprint(object.(map[string]any)[f]))
		}
		shown = append(shown, strings.Join(cells, " "))
	}
	return shown
}

func TestAPreviewPagesThroughAllPursesAndWritesNothing(t *testing.T) {
	d := openDue(t, everyDay)
	var seen []string
	form := url.Values{"limit": {"4"}}
	for _, more := range []bool{true, false} {
		status, body := d.call("POST", "/v1/payout_runs/preview", "", form)
		d.expect(fmt.Sprintf("200 list %v", more), status, body, "object", "has_more")
		found := rows(body, "id", "object", "amount", "skipped", "payday")
		seen = append(seen, found...)
		form.Set("starting_after", strings.Fields(found[len(found)-1])[0])
	}
	want := []string{
		"acct_1:hkd payout_forecast 1000 <nil> 2026-11-22", "acct_2:hkd payout_forecast 2000 <nil> 2026-11-22", "acct_3:hkd payout_forecast 3000 <nil> 2026-11-22",
		"acct_4:hkd payout_forecast 4000 <nil> 2026-11-22", "acct_may:hkd payout_forecast 5000 <nil> 2026-11-22", "acct_none:hkd payout_forecast 0 no_bank_account <nil>",
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("foreseen\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	status, body := d.call("GET", "/v1/payout_runs", "", nil)
	d.expect("200 []", status, body, "data")
	for form, want := range map[string]string{
		"date=2026-11-21":         "400 parameter_invalid date",
		"date=2026-11-31":         "400 parameter_invalid date",
		"date=2028-01-01":         "400 parameter_invalid date",
		"limit=0":                 "400 parameter_invalid_integer limit",
		"limit=101":               "400 parameter_invalid_integer limit",
		"starting_after=acct_1":   "400 resource_missing starting_after",
		"ending_before=acct_1:xx": "400 parameter_unknown ending_before",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		status, body := d.call("POST", "/v1/payout_runs/preview", "", values)
		d.expect(want, status, body, "code", "param")
	}
	status, body = d.call("POST", "/v1/payout_runs/preview", "", url.Values{"date": {"2026-11-29"}, "limit": {"1"}})
	d.expect("200 [acct_1 2026-11-29]", status, map[string]any{"x": rows(body, "account", "payday")}, "x")
}

func TestARunIsStartedOnceAndLookedThrough(t *testing.T) {
	d := openDue(t, everyDay)
	status, body := d.call("POST", "/v1/payout_runs", "", url.Values{"date": {"2026-11-23"}})
	d.expect("400 parameter_invalid date", status, body, "code", "param")
	d.idempotency = "once"
	status, run := d.call("POST", "/v1/payout_runs", "", url.Values{"date": {"2026-11-22"}})
	d.expect("200 payout_run 5 2026-11-22 [map[amount:15000 count:5 currency:hkd]] [map[count:1 currency:hkd reason:no_bank_account]]", status, run,
		"object", "added", "date", "made", "skipped")
	status, body = d.call("POST", "/v1/payout_runs", "", url.Values{"date": {"2026-11-22"}})
	d.expect("200 5", status, body, "added") // the same answer
	d.idempotency = ""
	status, body = d.call("POST", "/v1/payout_runs", "", url.Values{})
	d.expect("200 0", status, body, "added")
	if body["id"] != run["id"] {
		t.Errorf("a day has two runs: %v and %v", run["id"], body["id"])
	}

	one := "/v1/payout_runs/" + run["id"].(string)
	status, body = d.call("GET", one, "", nil)
	d.expect("200 [map[amount:15000 count:5 currency:hkd]] <nil>", status, body, "made", "added")
	_, body = d.call("GET", "/v1/payout_runs?limit=1", "", nil)
	if got := rows(body, "id"); fmt.Sprint(got) != fmt.Sprint([]any{run["id"]}) {
		t.Errorf("the list has %v", got)
	}
	_, body = d.call("GET", one+"/payouts?limit=3", "", nil)
	first := rows(body, "id", "payout_run", "automatic", "currency")
	_, rest := d.call("GET", one+"/payouts?limit=3&starting_after="+strings.Fields(first[2])[0], "", nil)
	if len(first) != 3 || len(rows(rest, "id")) != 2 || body["has_more"] != true || rest["has_more"] != false || !strings.Contains(first[0], run["id"].(string)+" true hkd") {
		t.Errorf("%v and %v", first, rows(rest, "id"))
	}
	status, body = d.call("GET", "/v1/payout_runs/prun_none/payouts", "", nil)
	d.expect("404 resource_missing", status, body, "code")
	_, body = d.call("GET", "/v1/payouts?payout_run="+run["id"].(string), "", nil) // the platform's own
	if got := rows(body, "id"); len(got) != 0 {
		t.Errorf("a platform's own payouts are %v", got)
	}
	_, body = d.call("GET", "/v1/payouts?payout_run="+run["id"].(string), "acct_may", nil)
	if got := rows(body, "amount"); fmt.Sprint(got) != "[5000]" {
		t.Errorf("an account's payouts of the run are %v", got)
	}
	_, body = d.call("GET", "/v1/payouts?payout_run=prun_other", "acct_may", nil)
	if got := rows(body, "amount"); len(got) != 0 {
		t.Errorf("an account's payouts of another run are %v", got)
	}
}

func TestADayOnWhichNothingIsDueHasARunAllTheSame(t *testing.T) {
	d := openDue(t, everyDay)
	d.clock.Advance(-24 * time.Hour)
	status, run := d.call("POST", "/v1/payout_runs", "", url.Values{})
	d.expect("200 0 2026-11-21 []", status, run, "added", "date", "made")
	status, body := d.call("GET", "/v1/payout_runs/"+run["id"].(string), "", nil)
	d.expect("200 "+run["id"].(string), status, body, "id")
}

func TestTwoKeysApproveARun(t *testing.T) {
	d := openDue(t, everyDay)
	d.call("POST", "/v1/payout_policy", "", url.Values{"approval_over[hkd]": {"2500"}})
	_, run := d.call("POST", "/v1/payout_runs", "", url.Values{})
	approve := "/v1/payout_runs/" + run["id"].(string) + "/approve"
	for _, c := range []struct{ key, want string }{
		{"narrow", "403 insufficient_scope"},
		{"token", "403 platform_account_required"},
		{"ann", "200 0 3 []"},
		{"ann", "200 0 3 []"}, // no second pair of eyes, and no attempt
		{"wide", "200 3 0 []"},
		{"bea", "200 0 0 []"},
	} {
		d.key = c.key
		status, body := d.call("POST", approve, "", url.Values{})
		fields := []string{"approved", "waiting", "refused"}
		if status != 200 {
			fields = []string{"code"}
		}
		d.expect(c.want, status, body, fields...)
	}
	d.key = ""
	_, body := d.call("GET", "/v1/payout_runs/"+run["id"].(string)+"/payouts", "", nil)
	if got := strings.Join(rows(body, "amount", "approval"), ", "); got != "5000 approved, 4000 approved, 3000 approved, 2000 <nil>, 1000 <nil>" {
		t.Errorf("the run has %s", got)
	}
	_, body = d.call("GET", "/v1/payouts/"+body["data"].([]any)[0].(map[string]any)["id"].(string)+"/approvals", "", nil)
	if got := strings.Join(rows(body, "actor", "decision", "refusal"), ", "); got != "key_wide approve <nil>, key_ann approve <nil>" {
		t.Errorf("on record is %s", got)
	}
	status, body := d.call("POST", "/v1/payout_runs/prun_none/approve", "", url.Values{})
	d.expect("404 resource_missing", status, body, "code")
}

func TestRunsAndCalendarsAreThePlatformsOwn(t *testing.T) {
	d := openDue(t, everyDay)
	for _, line := range []string{
		"POST /v1/payout_runs/preview", "POST /v1/payout_runs", "GET /v1/payout_runs", "GET /v1/payout_runs/prun_1", "GET /v1/payout_runs/prun_1/payouts",
		"POST /v1/payout_runs/prun_1/approve", "GET /v1/payout_calendars", "GET /v1/payout_calendars/hong_kong",
		"POST /v1/payout_calendars/hong_kong/closures", "DELETE /v1/payout_calendars/hong_kong/closures/2026-12-01",
	} {
		method, path, _ := strings.Cut(line, " ")
		status, body := d.call(method, path, "acct_may", nil)
		d.expect("403 platform_account_required", status, body, "code")
	}
}

func TestABankDayIsClosedOpenedAndLeftAlone(t *testing.T) {
	d := openDue(t, stormy)
	status, body := d.call("GET", "/v1/payout_calendars", "", nil)
	if got := strings.Join(rows(body, "id", "first_year", "holidays"), ", "); status != 200 || !strings.Contains(got, "hong_kong 20") || !strings.Contains(got, "every_day <nil> <nil>") {
		t.Errorf("%d %s", status, got)
	}
	status, body = d.call("GET", "/v1/payout_calendars/hong_kong", "", nil)
	d.expect("200 hong_kong payout_calendar 2026 true []", status, body, "id", "object", "year", "covered", "closures")
	if got := fmt.Sprint(body["holidays"]); !strings.Contains(got, "date:2026-12-25 name:Christmas Day") {
		t.Errorf("the holidays are %s", got)
	}

	const closures = "/v1/payout_calendars/hong_kong/closures"
	for form, want := range map[string]string{
		"date=2026-11-23":                    "400 parameter_missing reason",
		"reason=storm":                       "400 parameter_missing date",
		"date=monday&reason=storm":           "400 parameter_invalid date",
		"date=2026-11-23&reason=s&closed=no": "400 <nil> closed",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		status, body := d.call("POST", closures, "", values)
		d.expect(want, status, body, "code", "param")
	}
	status, body = d.call("POST", "/v1/payout_calendars/moon/closures", "", url.Values{"date": {"2026-11-23"}, "reason": {"x"}})
	d.expect("404 resource_missing", status, body, "code")

	status, body = d.call("POST", closures, "", url.Values{"date": {"2026-11-23"}, "reason": {"Signal no. 10"}})
	d.expect("200 payout_closure hong_kong 2026-11-23 true Signal no. 10 key_1", status, body, "object", "calendar", "date", "closed", "reason", "created_by")
	status, body = d.call("POST", closures, "", url.Values{"date": {"2026-11-23"}, "reason": {"it turned away"}, "closed": {"false"}})
	d.expect("200 false", status, body, "closed")
	last := body["id"]
	_, body = d.call("GET", "/v1/payout_calendars/hong_kong?year=2026", "", nil)
	if got := fmt.Sprint(body["closures"]); strings.Count(got, "payout_closure") != 1 || !strings.Contains(got, "it turned away") {
		t.Errorf("the platform says %s", got)
	}
	_, body = d.call("GET", "/v1/payout_calendars/hong_kong?year=2099", "", nil)
	d.expect("200 false [] []", 200, body, "covered", "holidays", "closures")
	status, body = d.call("DELETE", closures+"/2026-11-23", "", nil)
	d.expect(fmt.Sprintf("200 %v payout_closure true hong_kong 2026-11-23", last), status, body, "id", "object", "deleted", "calendar", "date")
	status, body = d.call("DELETE", closures+"/2026-11-23", "", nil)
	d.expect("404 resource_missing", status, body, "code")
	status, body = d.call("GET", "/v1/payout_calendars/moon", "", nil)
	d.expect("404 resource_missing", status, body, "code")
	status, body = d.call("GET", "/v1/payout_calendars/hong_kong?year=0", "", nil)
	d.expect("400 parameter_invalid_integer year", status, body, "code", "param")
}
