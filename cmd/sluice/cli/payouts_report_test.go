package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// answers is a server with one answer for each "GET /path"; the environment points at it.
func answers(t *testing.T, bodies map[string]string) *[]string {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		line := r.Method + " " + r.URL.Path
		asked = append(asked, line+"?"+r.Form.Encode())
		body, known := bodies[line]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			body = refusing("Nothing is at " + line)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("SLUICE_BASE_URL", server.URL)
	t.Setenv("SLUICE_API_KEY", "sk_test_1")
	return &asked
}

// holds looks for lines in what was printed, with single spaces.
func holds(t *testing.T, printed string, lines ...string) {
	t.Helper()
	var squeezed []string
	for _, line := range strings.Split(printed, "\n") {
		squeezed = append(squeezed, strings.Join(strings.Fields(line), " "))
	}
	whole := strings.Join(squeezed, "\n")
	for _, line := range lines {
		if !strings.Contains(whole, line) {
			t.Errorf("%q is not in\n%s", line, printed)
		}
	}
}

func TestAPayoutIsExplainedByItsEquationAndItsLines(t *testing.T) {
	t.Chdir(t.TempDir())
	bodies := map[string]string{
		"GET /v1/payouts/po_1": `{"id": "po_1", "object": "payout", "amount": 47660, "currency": "hkd", "status": "paid", "arrival_date": 1795651200}`,
		"GET /v1/payouts/po_1/explanation": `{"object": "payout_explanation", "payout": "po_1", "amount": 47660, "sum": 47660, "currency": "hkd", "status": "paid", "count": 2,
			"terms": [{"term": "gross", "amount": 60000, "count": 1}, {"term": "fees", "amount": -2340, "count": 1}, {"term": "refunds", "amount": -10000, "count": 1}]}`,
		"GET /v1/balance_transactions": `{"object": "list", "has_more": false, "data": [
			{"id": "txn_3", "type": "payout", "reporting_category": "payout", "source": "po_1", "amount": -47660, "net": -47660, "currency": "hkd", "created": 1795607698},
			{"id": "txn_2", "type": "refund", "reporting_category": "refund", "source": "re_1", "amount": -10000, "net": -10000, "currency": "hkd", "created": 1795607698},
			{"id": "txn_1", "type": "charge", "reporting_category": "charge", "source": "ch_1", "amount": 60000, "fee": 2340, "net": 57660, "currency": "hkd", "created": 1795607698,
				"description": "=HYPERLINK(1)"}]}`,
	}
	answers(t, bodies)
	code, out, errout := run(t, "payouts", "explain", "po_1")
	if code != 0 {
		t.Fatal(errout)
	}
	holds(t, out, "+ charges and payments 1 600.00", "− fees 1 23.40", "− refunds 1 100.00", "= paid out 2 476.60", "charge ch_1", "refund re_1")
	if strings.Contains(out, "txn_3") {
		t.Errorf("the payout's own line is told:\n%s", out)
	}
	code, out, errout = run(t, "payouts", "explain", "po_1", "-o", "csv")
	if code != 0 {
		t.Fatal(errout)
	}
	holds(t, out, "payout_id,balance_transaction_id,", ",charge,charge,ch_1,hkd,600.00,23.40,576.60,'=HYPERLINK(1)", ",refund,refund,re_1,hkd,-100.00,0.00,-100.00,")
	if strings.Count(out, "\n") != 3 {
		t.Errorf("%s", out)
	}
}

func TestAReportIsSavedWholeOrNotAtAll(t *testing.T) {
	t.Chdir(t.TempDir())
	const at = "/v1/reporting/report_runs"
	const csv = "payout_id,net\npo_1,1.00\n"
	made := `{"id": "frr_1", "object": "reporting.report_run", "status": "succeeded", "report_type": "payout_reconciliation.itemized.5", "result": {"size": 24}}`
	bodies := map[string]string{
		"POST " + at:                  `{"id": "frr_1", "object": "reporting.report_run", "status": "pending"}`,
		"GET " + at + "/frr_1":        made,
		"GET " + at + "/frr_1/result": csv,
	}
	asked := answers(t, bodies)
	line := strings.Fields("payouts report --from 2026-11-01 --to 2026-12-01 --columns payout_id,net --file november.csv")
	code, _, errout := run(t, line...)
	if got, err := os.ReadFile("november.csv"); code != 0 || err != nil || string(got) != csv {
		t.Fatalf("exit %d %s: %v %q", code, errout, err, got)
	}
	for _, param := range []string{"report_type=payout_reconciliation.itemized.5", "interval_start%5D=1793491200", "interval_end%5D=1796083200", "columns%5D%5B1%5D=net"} {
		if !strings.Contains((*asked)[0], param) {
			t.Errorf("%s was not asked for: %s", param, (*asked)[0])
		}
	}
	if code, _, _ := run(t, line...); code == 0 {
		t.Error("a file that is there was written over")
	}
	bodies["GET "+at+"/frr_1/result"] = csv[:10]
	if code, _, errout := run(t, strings.Fields("payouts report --payout po_1")...); code == 0 || !strings.Contains(errout, "10 of 24 bytes") {
		t.Errorf("exit %d: %s", code, errout)
	}
	bodies["GET "+at+"/frr_1"] = `{"id": "frr_1", "status": "failed", "error": "The report could not be made."}`
	if code, _, errout := run(t, strings.Fields("payouts report --payout po_1")...); code == 0 || !strings.Contains(errout, "could not be made") {
		t.Errorf("exit %d: %s", code, errout)
	}
	if code, _, _ := run(t, strings.Fields("payouts report --from yesterday --to 2026-12-01")...); code != 2 {
		t.Errorf("exit %d for a day that is none", code)
	}
}
