package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestRunsAndCalendarsAskWhatTheySay(t *testing.T) {
	t.Chdir(t.TempDir())
	const run1 = `{"id": "prun_1", "added": 2, "date": "2026-11-25", "last_added": 1795971180, "made": [{"currency": "hkd", "count": 2, "amount": 3000}, {"currency": "jpy", "count": 1, "amount": 500}],
		"skipped": [{"currency": "hkd", "count": 4, "reason": "no_bank_account"}]}`
	const approval = `{"approved": 7, "waiting": 3, "refused": [{"code": "four_eyes", "count": 1, "message": "Whoever made it cannot."}]}`
	const listed = `{"data": [{"id": "england", "title": "Banks in England", "source": "gov.uk", "first_year": 2026, "last_year": 2028}, {"id": "every_day"}]}`
	const said = `{"id": "pclo_1", "calendar": "hong_kong", "closed": true, "date": "2026-12-01", "reason": "storm", "created_by": "key_1"}`
	const shown = `{"id": "hong_kong", "year": 2026, "covered": true, "holidays": [{"date": "2026-12-25", "name": "Christmas Day"}], "closures": [` + said + `]}`
	for _, c := range []struct{ line, asks, answer, prints, tells string }{
		{"payouts run", "POST /v1/payout_runs?", run1, "prun_1  2026-11-25  hkd             4             no_bank_account", "added 2 payouts"},
		{"payouts run --date 2026-11-25", "POST /v1/payout_runs?date=2026-11-25", run1, "500 JPY", "added 2"},
		{"payouts run --approve prun_1", "POST /v1/payout_runs/prun_1/approve?", approval, "1  refused: Whoever made it cannot.", ""},
		{"payouts runs", "GET /v1/payout_runs?limit=20", `{"data": [` + run1 + `]}`, "30.00 HKD, 500 JPY", ""},
		{"payouts calendar list", "GET /v1/payout_calendars?", listed, "england    2026 to 2028    Banks in England  gov.uk", ""},
		{"payouts calendar show hong_kong", "GET /v1/payout_calendars/hong_kong?", shown, "2026-12-25  closed  Christmas Day", ""},
		{"payouts calendar show hong_kong --year 2099", "GET /v1/payout_calendars/hong_kong?year=2099", `{"year": 2099}`, "DATE", "holidays of 2099 are not known"},
		{"payouts calendar close hong_kong 2026-12-01 --reason storm", "POST /v1/payout_calendars/hong_kong/closures?closed=true&date=2026-12-01&reason=storm", said, "2026-12-01  closed  storm  key_1", ""},
		{"payouts calendar open hong_kong 2026-12-01 --reason over", "POST /v1/payout_calendars/hong_kong/closures?closed=false&date=2026-12-01&reason=over", said, "DATE", ""},
		{"payouts calendar close hong_kong 2026-12-01 --take-back", "DELETE /v1/payout_calendars/hong_kong/closures/2026-12-01?", `{"calendar": "hong_kong", "date": "2026-12-01"}`, "2026-12-01: the calendar hong_kong speaks again", ""},
	} {
		asked := answering(t, http.StatusOK, c.answer)
		code, out, errout := run(t, strings.Split(c.line, " ")...)
		if code != 0 || !strings.Contains(out, c.prints) || !strings.Contains(errout, c.tells) {
			t.Errorf("sluice %s: exit %d %s\n%s", c.line, code, errout, out)
			continue
		}
		r := (*asked)[0]
		form, err := url.QueryUnescape(r.Form.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Method + " " + r.URL.Path + "?" + form; got != c.asks {
			t.Errorf("sluice %s asked %s, want %s", c.line, got, c.asks)
		}
	}
	for _, line := range []string{
		"payouts run --approve prun_1 --dry-run", "payouts run --approve prun_1 --date 2026-11-25", "payouts calendar close hong_kong 2026-12-01",
		"payouts calendar close hong_kong", "payouts calendar open hong_kong 2026-12-01 --reason x --take-back",
	} {
		if code, _, _ := run(t, strings.Fields(line)...); code != 2 {
			t.Errorf("sluice %s: exit %d", line, code)
		}
	}
}

func TestADryRunReadsAllPagesAndSumsEachCurrency(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = append(asked, r.Method+" "+r.URL.Path+"?"+r.Form.Encode())
		page := `{"has_more": true, "data": [{"id": "acct_1:hkd", "account": "acct_1", "currency": "hkd", "amount": 1000, "destination": "ba_1", "payday": "2026-11-30"},
			{"id": "acct_1:jpy", "account": "acct_1", "currency": "jpy", "amount": 500, "destination": "ba_2"}]}`
		if r.Form.Get("starting_after") != "" {
			page = `{"has_more": false, "data": [{"id": "acct_2:hkd", "account": "acct_2", "currency": "hkd", "amount": 2500, "destination": "ba_3", "approval_required": true},
				{"id": "acct_3:hkd", "account": "acct_3", "currency": "hkd", "amount": 0, "skipped": "no_bank_account"}]}`
		}
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(server.Close)
	t.Setenv("SLUICE_BASE_URL", server.URL)
	t.Setenv("SLUICE_API_KEY", "sk_test_1")
	t.Chdir(t.TempDir())
	code, out, errout := run(t, "payouts", "run", "--dry-run", "--date", "2026-11-30")
	want := []string{
		"POST /v1/payout_runs/preview?date=2026-11-30&limit=100",
		"POST /v1/payout_runs/preview?date=2026-11-30&limit=100&starting_after=acct_1%3Ajpy",
	}
	if code != 0 || fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Fatalf("exit %d, asked %q\n%s", code, asked, errout)
	}
	for _, text := range []string{
		"acct_1   10.00 HKD  ba_1         2026-11-30", "waits for approval", "no_bank_account", "total: 2 payouts, 35.00 HKD\n", "total: 1 payouts, 500 JPY\n",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("want %q in\n%s", text, out)
		}
	}
	if errout != "looked at 2 balances\nlooked at 4 balances\n" {
		t.Errorf("stderr says %q", errout)
	}
}
