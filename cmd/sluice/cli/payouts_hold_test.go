package cli_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestControlsOfPayoutsAskWhatTheySay(t *testing.T) {
	t.Chdir(t.TempDir())
	const hold = `{"id": "phold_1", "account": "acct_1", "payout": null, "status": "active", "created": 1795971180, "created_by": "key_1", "reason": "x"}`
	const payout = `{"id": "po_1", "amount": 500000, "currency": "hkd", "status": "pending", "approval": "approved"}`
	const policy = `{"approval_over": {"hkd": 500000}, "cooling_off_hours": 48, "daily_limit": {}, "minimum_payout": {}, "timezone": "Asia/Hong_Kong",
		"pending_change": {"requested_by": "key_9", "after": {"approval_over": {}, "cooling_off_hours": 0, "timezone": "Etc/UTC"}}}`
	const change = `{"id": "pbc_1", "code": "C01", "status": "accepted", "account": "acct_1", "destination": "ba_1", "replacement": "ba_2", "apply_by": 1795971180,
		"accepted_by": "key_1", "decided_by": "key_2", "corrected": {"last4": "8888", "routing_number": null, "account_holder_name": null, "account_type": null}}`
	for _, c := range []struct{ line, asks, answer, prints string }{
		{"payouts hold acct_1 --reason x", "POST /v1/payout_holds?account=acct_1&reason=x", hold, "phold_1  acct_1   all     active"},
		{"payouts hold po_1 --reason x", "POST /v1/payout_holds?payout=po_1&reason=x", hold, "phold_1"},
		{"payouts release phold_1", "POST /v1/payout_holds/phold_1/release?", hold, "phold_1"},
		{"payouts holds --of acct_1 --status active", "GET /v1/payout_holds?account=acct_1&limit=20&status=active", `{"data": [` + hold + `]}`, "key_1"},
		{"payouts changes list --status pending", "GET /v1/payout_bank_changes?limit=20&status=pending", `{"data": [` + change + `]}`, "key_1, key_2"},
		{"payouts changes accept pbc_1", "POST /v1/payout_bank_changes/pbc_1/accept?", change, "number …8888, = ba_2"},
		{"payouts changes refuse pbc_1", "POST /v1/payout_bank_changes/pbc_1/refuse?", change, "pbc_1"},
		{"payouts approve po_1", "POST /v1/payouts/po_1/approve?", payout, "pending  approved"},
		{"payouts refuse po_1 --reason no", "POST /v1/payouts/po_1/refuse?reason=no", payout, "po_1"},
		{"payouts policy", "GET /v1/payout_policy?", policy, "cooling-off    48 hours"},
		{"payouts policy --approval-over hkd=1,jpy=2 --daily-limit hkd= --cooling-off-hours 0",
			"POST /v1/payout_policy?approval_over[hkd]=1&approval_over[jpy]=2&cooling_off_hours=0&daily_limit[hkd]=", policy, "ASKED FOR BY key_9"},
		{"payouts policy --approve", "POST /v1/payout_policy/approve?", policy, "RULE"},
		{"payouts policy --refuse", "POST /v1/payout_policy/refuse?", policy, "RULE"},
	} {
		asked := answering(t, http.StatusOK, c.answer)
		code, out, errout := run(t, strings.Split(c.line, " ")...)
		if code != 0 || !strings.Contains(out, c.prints) {
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
	for _, line := range []string{"payouts hold po_1", "payouts policy --approval-over 5", "payouts policy --approve --refuse", "payouts hold po_1 --reason x --for soon"} {
		if code, _, _ := run(t, strings.Fields(line)...); code != 2 {
			t.Errorf("sluice %s: exit %d", line, code)
		}
	}
}
