package payoutpages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
)

func TestEveryActAsksTheAPIOnceWithTheKeyOfItsForm(t *testing.T) {
	for _, c := range []struct{ path, form, posted, done string }{
		{"/payouts/po_pending/cancel", "", "/v1/payouts/po_pending/cancel  as acct_may with k1", "/payouts/po_pending?done=cancel"},
		{"/payouts/po_waits/approve", "", "/v1/payouts/po_waits/approve  as acct_may with k1", "/payouts/po_waits?done=approve"},
		{"/payouts/po_waits/refuse", "reason=Too+much", "/v1/payouts/po_waits/refuse reason=Too+much as acct_may with k1", "/payouts/po_waits?done=refuse"},
		{"/payouts/po_pending/hold", "reason=Odd", "/v1/payout_holds payout=po_pending&reason=Odd as  with k1", "/payouts/po_pending?done=hold"},
		{"/payouts/po_failed/retry", "destination=ba_may", "/v1/payouts/po_failed/retry destination=ba_may as acct_may with k1", "/payouts/po_failed?done=retry"},
		{"/payouts/po_paid/reverse", "", "/v1/payouts/po_paid/reverse  as acct_may with k1", "/payouts/po_paid?done=reverse"},
		{"/payout-runs/hold", "account=acct_may&reason=Odd", "/v1/payout_holds account=acct_may&reason=Odd as  with k1", "/payout-runs/preview?done=hold"},
		{"/payouts/new", "account=acct_may&amount=1,510.5&currency=hkd&destination=ba_may", "/v1/payouts amount=151050&currency=hkd&destination=ba_may as acct_may with k1", "/payouts/po_new?done=created"},
		{"/payout-runs/now", "", "/v1/payout_runs  as  with k1", "/payout-runs/prun_1?done=ran"},
		{"/payout-runs/prun_1/approve", "", "/v1/payout_runs/prun_1/approve  as  with k1", "/payout-runs/prun_1?done=agreed_run"},
		{"/trial-balance/verify", "", "/v1/ledger/verifications  as  with k1", "/trial-balance?done=verify"},
	} {
		a := marketplace()
		for path, answer := range map[string]string{
			"/v1/payouts": `{"id": "po_new", "account": "acct_may"}`, "/v1/payout_runs": `{"id": "prun_1"}`, "/v1/payout_runs/prun_1/approve": `{"waiting": 2}`,
			"/v1/payouts/po_pending/cancel": "{}", "/v1/payouts/po_waits/approve": "{}", "/v1/payouts/po_waits/refuse": "{}", "/v1/payouts/po_failed/retry": "{}", "/v1/payouts/po_paid/reverse": "{}",
		} {
			a.answers[path] = answer
		}
		_, h := desk(t, a)
		form, err := url.ParseQuery(c.form + "&idempotency_key=k1")
		if err != nil {
			t.Fatal(err)
		}
		w := post(h, c.path, form)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != root+c.done {
			t.Errorf("%s: %d to %s %s", c.path, w.Code, got, w.Body)
		}
		if last := a.posted[len(a.posted)-1]; last != c.posted || len(a.posted) != 1 {
			t.Errorf("%s: posted %q", c.path, a.posted)
		}
	}
}

func TestSeveralPayoutsAreHeldEachUnderItsOwnKeyAndOnlyThoseThatCanBe(t *testing.T) {
	a := marketplace()
	a.answers["/v1/payout_holds"] = list()
	_, h := desk(t, a)
	form := url.Values{"ids[]": {"po_pending", "po_paid", "po_waits", "po_pending"}, "idempotency_key": {"k1"}}
	if w := post(h, "/payouts/several/hold", form); w.Code != http.StatusUnprocessableEntity || len(a.posted) != 0 {
		t.Fatalf("without a reason: %d, posted %q", w.Code, a.posted)
	}
	form.Set("reason", "Odd")
	if w := post(h, "/payouts/several/hold", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != root+"/payouts?done=several_hold" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	want := []string{"/v1/payout_holds payout=po_pending&reason=Odd as  with k1po_pending", "/v1/payout_holds payout=po_waits&reason=Odd as  with k1po_waits"}
	if !slices.Equal(a.posted, want) {
		t.Errorf("posted %q, want %q", a.posted, want)
	}
	a.refuse = `{"error": {"type": "invalid_request_error", "message": "The bank has it."}}`
	if w := post(h, "/payouts/several/hold", form); w.Code != http.StatusUnprocessableEntity || strings.Count(w.Body.String(), "The bank has it.") != 2 {
		t.Errorf("refused: %d %s", w.Code, w.Body)
	}
}

func TestAPayoutAboveTheLimitIsTypedTwice(t *testing.T) {
	a := marketplace()
	a.answers["/v1/payouts"] = `{"id": "po_new", "account": "acct_may"}`
	_, h := desk(t, a)
	form := url.Values{"account": {"acct_may"}, "amount": {"10,000.01"}, "currency": {"hkd"}, "idempotency_key": {"k1"}}
	for _, again := range []string{"", "10000", "10,000.10"} {
		form.Set("amount_again", again)
		if w := post(h, "/payouts/new", form); w.Code != http.StatusUnprocessableEntity || len(a.posted) != 0 || !strings.Contains(w.Body.String(), "Type HK$10,000.01 here") {
			t.Errorf("%q: %d, posted %q", again, w.Code, a.posted)
		}
	}
	form.Set("amount_again", "HK$10,000.01")
	if w := post(h, "/payouts/new", form); w.Code != http.StatusSeeOther || len(a.posted) != 1 {
		t.Errorf("%d, posted %q", w.Code, a.posted)
	}
}

func TestWhatIsRefusedIsToldInTheForm(t *testing.T) {
	a := marketplace()
	a.refuse = `{"error": {"type": "invalid_request_error", "code": "payout_sealed", "message": "The bank has it."}}`
	_, h := desk(t, a)
	for path, form := range map[string]string{
		"/payouts/po_pending/cancel": "", "/payouts/po_pending/hold": "reason=x", "/payout-runs/hold": "account=acct_may&reason=x",
		"/payouts/new": "account=acct_may&amount=5&currency=hkd",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		if w := post(h, path, values); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "The bank has it.") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, c := range []struct{ path, form, says string }{
		{"/payouts/po_pending/hold", "", "Say why, in a few words."},
		{"/payouts/new", "account=acct_may&amount=abc&currency=hkd", "Write an amount such as 510.00."},
		{"/payouts/new", "account=acct_may&amount=5.001&currency=hkd", "Write an amount such as 510.00."},
		{"/payouts/new", "account=acct_may&amount=-5&currency=hkd", "Write an amount such as 510.00."},
		{"/payouts/new", "account=acct_nobody&amount=5&currency=hkd", "No such thing"},
	} {
		values, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		if w := post(h, c.path, values); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s", c.path, c.form, w.Code, w.Body)
		}
	}
}

func TestAStalePageDoesNothing(t *testing.T) {
	_, h := desk(t, marketplace())
	for _, path := range []string{"/payouts/po_paid/cancel", "/payouts/po_failed/hold", "/payouts/po_pending/approve", "/payouts/po_pending/reverse"} {
		if w := get(h, path); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "?done=too_late") {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestARoleSeesOnlyTheButtonsItMayPress(t *testing.T) {
	viewer := dashboardtest.Chair()
	viewer.Role, viewer.Permissions = "viewer", []string{"payouts:read", "payout_runs:read", "payout_batches:read", "ledger:read"}
	_, h := desk(t, marketplace(), viewer)
	for address, buttons := range map[string][]string{
		"/payouts": {"/payouts/new"}, "/payouts/po_pending": {"/cancel", "/hold"}, "/payouts/po_waits": {"/approve", "/refuse"},
		"/payout-runs": {"/payout-runs/now", "/payout-runs/preview"}, "/payout-runs/prun_1": {"/prun_1/approve"},
		"/payout-batches/bat_1": {"/bat_1/file"}, "/trial-balance": {"/trial-balance/verify"},
	} {
		w := get(h, address)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", address, w.Code)
		}
		for _, button := range buttons {
			if strings.Contains(w.Body.String(), button) {
				t.Errorf("%s shows %s to a viewer", address, button)
			}
		}
	}
	for _, path := range []string{"/payouts/new", "/payouts/po_pending/cancel", "/payout-runs/now", "/payout-runs/preview"} {
		if w := get(h, path); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "write") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestEveryFailureCodeHasWordsAndANextStep(t *testing.T) {
	a := marketplace()
	_, h := desk(t, a)
	for _, code := range []string{"account_closed", "account_frozen", "bank_account_restricted", "bank_ownership_changed", "could_not_process", "debit_not_authorized",
		"declined", "incorrect_account_holder_address", "incorrect_account_holder_name", "incorrect_account_holder_tax_id", "insufficient_funds",
		"invalid_account_number", "invalid_currency", "no_account", "unsupported_card", "a_code_of_tomorrow"} {
		a.answers["/v1/payouts/po_failed"] = payoutJSON("po_failed", "failed", `, "failure_code": "`+code+`"`)
		if w := get(h, "/payouts/po_failed"); w.Code != http.StatusOK || strings.Count(w.Body.String(), "alert-danger") != 1 {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
	}
}

func TestTheCSVHasTheRowsAndColumnsOfThePage(t *testing.T) {
	_, h := desk(t, marketplace())
	for address, lines := range map[string][]string{
		"/payouts?format=csv&columns=amount,status,trace":      {"id,Amount,Status,Bank trace ID\n", "po_paid,510.00,Paid,FPS20261129000017\n"},
		"/payouts/po_paid?tab=items&format=csv":                {"txn_1,payment,Algebra,py_1,", "600.00,-60.00,540.00,le_1024\n", "-30.00,0.00,-30.00,le_2048\n"},
		"/payout-runs/preview?format=csv":                      {"acct_may:hkd,acct_may,540.00,hkd,2026-11-30,\n", "acct_yu:hkd,acct_yu,0.00,hkd,,no_bank_account\n"},
		"/ledger?format=csv":                                   {"la_2,pending,acct_may,HKD,60.00,600.00,540.00\n"},
		"/ledger/accounts/la_2?format=csv":                     {"le_2048.1,", ",le_2048,matured,mat_1,60.00,,540.00\n"},
		"/ledger/entries?format=csv&columns=kind,amount":       {"le_1024,charge_succeeded,600.00\n"},
		"/trial-balance?format=csv":                            {"bank,1,jpy,99999999999999999999,0,-99999999999999999999\n"},
		"/payout-batches?format=csv&columns=file,amount,count": {"bat_1,SLUICE-000001.xml,510.00,1\n"},
	} {
		w := get(h, address)
		for _, line := range lines {
			if !strings.Contains(w.Body.String(), line) {
				t.Errorf("%s has no %q:\n%s", address, line, w.Body)
			}
		}
	}
}
