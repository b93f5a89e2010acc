package payoutpages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/connect/dashboard/payoutpages"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// api answers paths with what they are given, and remembers what was posted.
type api struct {
	answers map[string]string
	posted  []string
	refuse  string // the answer to every POST
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		a.posted = append(a.posted, r.URL.Path+" "+r.PostForm.Encode()+" as "+r.Header.Get("Sluice-Account")+" with "+r.Header.Get("Idempotency-Key"))
		if a.refuse != "" && !strings.HasSuffix(r.URL.Path, "/preview") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, a.refuse)
			return
		}
	}
	answer, known := a.answers[r.URL.Path]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing: %s"}}`, r.URL.Path)
		return
	}
	fmt.Fprint(w, answer)
}

func list(items ...string) string {
	return `{"object": "list", "has_more": false, "data": [` + strings.Join(items, ",") + `]}`
}

const (
	sha   = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
	tutor = `{"id": "acct_may", "object": "account", "business_profile": {"name": "May Wong"}, "default_currency": "hkd",
		"external_accounts": {"data": [{"id": "ba_may", "bank_name": "HSBC", "last4": "1111", "currency": "hkd"}]}}`
	line1 = `{"id": "txn_1", "type": "payment", "amount": 60000, "fee": 6000, "net": 54000, "currency": "hkd", "created": 1795996800, "source": "py_1", "description": "Algebra", "ledger_entry": "le_1024"}`
	line2 = `{"id": "txn_2", "type": "payment_refund", "amount": -3000, "fee": 0, "net": -3000, "currency": "hkd", "created": 1795996900, "source": "pyr_1", "description": null, "ledger_entry": "le_2048"}`
	entry = `{"id": "le_1024", "object": "ledger_entry", "created": 1795996800, "kind": "charge_succeeded", "source": "ch_1", "balance_transactions": [], "postings": [
		{"account": "processor_clearing", "ledger_account": "la_1", "owner": "acct_platform", "currency": "hkd", "debit": 60000, "credit": 0},
		{"account": "pending", "ledger_account": "la_2", "owner": "acct_may", "currency": "hkd", "debit": 0, "credit": 54000},
		{"account": "pending", "ledger_account": "la_3", "owner": "acct_platform", "currency": "hkd", "debit": 0, "credit": 6000}]}`
	batch = `{"id": "bat_1", "object": "payout_batch", "amount": 51000, "count": 1, "created": 1796000000, "currency": "hkd", "delivered_at": 1796000400,
		"execution_date": 1796083200, "file": {"name": "SLUICE-000001.xml", "sha256": "` + sha + `", "size": 2048}, "method": "standard", "number": 1, "rail": "fps", "status": "delivered",
		"uploads": [{"id": "upl_2", "begun_at": 1796000400, "ended_at": 1796000401, "outcome": "accepted", "note": "R-77", "error": null, "found_by": null},
			{"id": "upl_1", "begun_at": 1796000300, "ended_at": 1796000330, "outcome": "failed", "note": null, "error": "connection refused", "found_by": "lookup"}]}`
	account = `{"id": "la_2", "object": "ledger_account", "as_of": null, "balance": 54000, "class": "liability", "credits": 60000, "currency": "hkd", "debits": 6000, "kind": "pending", "owner": ` + tutor + `, "postings": 2}`
)

func payoutJSON(id, status, more string) string {
	return fmt.Sprintf(`{"id": %q, "object": "payout", "account": %s, "amount": 51000, "currency": "hkd", "status": %q, "created": 1796000000,
		"arrival_date": 1796083200, "automatic": true, "destination": "ba_may", "method": "standard", "rail": "fps", "item_count": 2, "metadata": {},
		"statement_descriptor": "TUTORHUB", "failure_code": null, "approval": null, "batch": null, "on_hold": false, "payout_run": null, "recall": null,
		"trace_id": {"status": "pending", "value": null}%s}`, id, tutor, status, more)
}

func delivery(id, more string) string {
	return fmt.Sprintf(`{"object": "payout_delivery", "account": "acct_may", "payout": %q, "rail": "fps", "send_after": 1796000000, "created_by": null,
		"handed_over_at": null, "batch": null, "line": null, "line_trace": null, "statement_lines": []%s}`, id, more)
}

const explained = `{"object": "payout_explanation", "amount": 51000, "sum": 51000, "count": 2, "currency": "hkd", "terms": [
	{"term": "gross", "amount": 60000, "count": 1}, {"term": "fees", "amount": -6000, "count": 1}, {"term": "refunds", "amount": -3000, "count": 1}]}`

// marketplace is an API with a payout in each state.
func marketplace() *api {
	a := &api{answers: map[string]string{
		"/v1/payout_counts": `{"object": "payout_counts", "statuses": [{"status": "pending", "count": 1}, {"status": "in_transit", "count": 0},
			{"status": "paid", "count": 1000, "has_more": true}, {"status": "failed", "count": 1}, {"status": "canceled", "count": 0}]}`,
		"/v1/payouts/totals":    `{"object": "list_totals", "count": 5, "counted_to": 10000, "amounts": [{"currency": "hkd", "count": 5, "amount": 255000}]}`,
		"/v1/accounts/acct_may": tutor,
		"/v1/balance":           `{"available": [{"amount": 54000, "currency": "hkd"}], "pending": []}`,
		"/v1/payout_holds":      list(`{"id": "phold_1", "account": "acct_may", "created": 1796000100, "created_by": "usr_lok", "reason": "A student complained.", "status": "released", "payout": "po_paid"}`),
		"/v1/payout_runs":       list(`{"id": "prun_1", "object": "payout_run", "date": "2026-11-29", "created": 1796000000, "last_added": 1796000000, "made": [{"currency": "hkd", "count": 2, "amount": 102000}], "skipped": [{"currency": "hkd", "count": 3, "reason": "below_minimum"}]}`),
		"/v1/payout_runs/prun_1": `{"id": "prun_1", "object": "payout_run", "date": "2026-11-29", "created": 1796000000, "last_added": 1796000000, "made": [{"currency": "hkd", "count": 2, "amount": 102000}],
			"skipped": [{"currency": "hkd", "count": 3, "reason": "below_minimum"}, {"currency": "hkd", "count": 1, "reason": "a_new_reason"}]}`,
		"/v1/payout_runs/preview": list(`{"id": "acct_may:hkd", "account": `+tutor+`, "amount": 54000, "currency": "hkd", "destination": "ba_may", "payday": "2026-11-30", "approval_required": true, "skipped": null}`,
			`{"id": "acct_yu:hkd", "account": "acct_yu", "amount": 0, "currency": "hkd", "destination": null, "payday": null, "approval_required": false, "skipped": "no_bank_account"}`),
		"/v1/payout_batches":         list(batch),
		"/v1/payout_batches/bat_1":   batch,
		"/v1/balance_transactions":   list(line1, line2),
		"/v1/ledger/entries":         list(entry),
		"/v1/ledger/entries/le_1024": entry,
		"/v1/ledger/entries/le_1024/proof": `{"object": "ledger_proof", "batch": 1, "digest": "` + sha + `", "digest_holds": true, "entry": "le_1024", "first_entry": "le_1024", "last_entry": "le_1025",
			"position": 1, "previous_link": "` + sha + `", "link": "` + sha + `", "chain_holds": true}`,
		"/v1/ledger/accounts":      list(account),
		"/v1/ledger/accounts/la_2": account,
		"/v1/ledger/accounts/la_2/lines": list(`{"id": "le_2048.1", "entry": "le_2048", "kind": "matured", "created": 1796000000, "debit": 6000, "credit": 0, "balance": 54000, "currency": "hkd", "source": "mat_1"}`,
			`{"id": "le_1024.1", "entry": "le_1024", "kind": "charge_succeeded", "created": 1795996800, "debit": 0, "credit": 60000, "balance": 60000, "currency": "hkd", "source": "ch_1"}`),
		"/v1/ledger/trial_balance": `{"object": "ledger_trial_balance", "as_of": null, "rows": [
			{"account": "processor_clearing", "accounts": 1, "class": "asset", "currency": "hkd", "debits": "60000", "credits": "0", "balance": "-60000"},
			{"account": "processor_fees", "accounts": 1, "class": "liability", "currency": "hkd", "debits": "0", "credits": "2340", "balance": "2340"},
			{"account": "pending", "accounts": 2, "class": "liability", "currency": "hkd", "debits": "60000", "credits": "117660", "balance": "57660"},
			{"account": "bank", "accounts": 1, "class": "asset", "currency": "jpy", "debits": "99999999999999999999", "credits": "0", "balance": "-99999999999999999999"},
			{"account": "available", "accounts": 1, "class": "liability", "currency": "jpy", "debits": "0", "credits": "99999999999999999999", "balance": "99999999999999999999"}]}`,
		"/v1/ledger/verifications": list(`{"id": "lver_1", "object": "ledger_verification", "status": "failed", "batches_done": 12, "batches_total": 12, "created": 1796000000, "finished": 1796000009, "entries": 40, "postings": 160, "sealed": 12,
			"findings": [{"check": "account_totals", "account": "acct_may/available/hkd", "detail": "says credits 5, has 0", "entry": "le_1024", "payout": null}]}`),
	}}
	var all []string
	for id, more := range map[string]string{
		"po_pending": ``,
		"po_waits":   `, "approval": "required"`,
		"po_held":    `, "on_hold": true`,
		"po_paid":    `, "payout_run": "prun_1", "batch": "bat_1", "trace_id": {"status": "supported", "value": "FPS20261129000017"}`,
		"po_failed":  `, "failure_code": "no_account", "failure_message": "The bank account could not be located.", "trace_id": {"status": "unsupported", "value": null}`,
	} {
		status, ways := "pending", ""
		switch id {
		case "po_paid":
			status = "paid"
			ways = `, "handed_over_at": 1796000400, "line": 1, "line_trace": "0000001", "batch": ` + batch + `, "statement_lines": [{"id": "bsl_1", "amount": -51000, "currency": "hkd", "booked": 1796083200, "bank_reference": "FPS20261129000017", "bank_statement": "bst_1", "status": "matched"}]`
		case "po_failed":
			status = "failed"
		}
		all = append(all, payoutJSON(id, status, more))
		a.answers["/v1/payouts/"+id] = payoutJSON(id, status, more)
		a.answers["/v1/payouts/"+id+"/delivery"] = delivery(id, ways)
		a.answers["/v1/payouts/"+id+"/explanation"] = explained
		a.answers["/v1/payouts/"+id+"/approvals"] = list(`{"id": "papp_1", "actor": "usr_mei", "created": 1796000200, "decision": "approve", "reason": null, "refusal": null}`)
	}
	a.answers["/v1/payouts/po_failed/explanation"] = `{"object": "payout_explanation", "amount": 51000, "sum": 0, "count": 0, "currency": "hkd", "terms": []}`
	a.answers["/v1/payouts"], a.answers["/v1/payout_runs/prun_1/payouts"] = list(all...), list(all...)
	a.answers["/v1/payout_batches/bat_1/payouts"] = list(payoutJSON("po_paid", "paid", ""))
	return a
}

func kit(t testing.TB) *ui.Kit {
	t.Helper()
	k, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func desk(t testing.TB, a http.Handler, chairs ...dashboard.Chair) (*ui.Kit, http.Handler) {
	t.Helper()
	k := kit(t)
	d, _ := dashboardtest.New(t, k, a, chairs...)
	if err := payoutpages.Pages(d); err != nil {
		t.Fatal(err)
	}
	return k, dashboardtest.Handler(d)
}

const root = "/dashboard/acct_platform/test"

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, root+path, nil))
	return w
}

func post(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, root+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	h.ServeHTTP(w, r)
	return w
}

// addresses are every page, with what must stand on it.
var addresses = map[string][]string{
	"/payouts":                                             {"HK$510.00", "May Wong", "HSBC ··1111", "FPS20261129000017", "1000&#43;", "5 in all", "HK$2,550.00", "Needs approval", "On hold"},
	"/payouts/po_pending":                                  {"Payments, before fees", "HK$600.00", "−HK$60.00", "−HK$30.00", "The equation closes", "/payouts/po_pending/cancel", "/payouts/po_pending/hold"},
	"/payouts/po_waits":                                    {"Two people have to agree", "/payouts/po_waits/approve", "/payouts/po_waits/refuse"},
	"/payouts/po_held":                                     {"This payout is on hold", "/payouts/po_held/release"},
	"/payouts/po_paid":                                     {"FPS20261129000017", "/payouts/po_paid/reverse", "prun_1", "bat_1"},
	"/payouts/po_failed":                                   {"The bank found no such account.", "Have the bank and the account number corrected", "/payouts/po_failed/retry"},
	"/payouts/po_paid?tab=items":                           {"Algebra", "HK$540.00", "−HK$30.00", "le_1024"},
	"/payouts/po_paid?tab=bank":                            {"SLUICE-000001.xml", "1 of 1", "The bank took the file", "connection refused", "Matched", "−HK$510.00", "A student complained.", "usr_mei"},
	"/payouts/po_paid?tab=ledger":                          {"Owed by the processor", "HK$600.00", "Balanced"},
	"/payouts/po_paid?view=json":                           {`&#34;amount&#34;: 51000`},
	"/payouts/new":                                         {"Account ID"},
	"/payouts/new?account=acct_may":                        {"Can be paid out", "HK$540.00", "HSBC ··1111"},
	"/payouts/po_pending/cancel":                           {"Cancel HK$510.00?", "HK$510.00 stays in the balance of May Wong"},
	"/payouts/po_pending/hold":                             {"Hold HK$510.00?", "Reason"},
	"/payouts/several/hold?ids[]=po_pending&ids[]=po_paid": {"1 payouts are kept back", "Not possible any more", "Payouts: 1", "Reason"},
	"/payouts/several/release":                             {"None of these can be changed"},
	"/payouts/po_waits/approve":                            {"Approve HK$510.00?"},
	"/payouts/po_failed/retry":                             {"Try HK$510.00 again?", "HSBC ··1111"},
	"/payout-runs":                                         {"2026-11-29", "HK$1,020.00", "prun_1"},
	"/payout-runs/preview":                                 {"May Wong", "HK$540.00", "No bank account in this currency", "2026-11-30", "Needs approval"},
	"/payout-runs/now":                                     {"at their time: 1.", "left out: 1."},
	"/payout-runs/hold?account=acct_may":                   {"Hold all payouts of May Wong?"},
	"/payout-runs/prun_1":                                  {"Run of 2026-11-29", "Payouts: 2", "HK$1,020.00", "Less than the smallest payout", "a new reason", sha, "two people to agree: 1"},
	"/payout-runs/prun_1/approve":                          {"Approve the run of 2026-11-29?"},
	"/payout-batches":                                      {"SLUICE-000001.xml", "HK$510.00", "Delivered"},
	"/payout-batches/bat_1":                                {sha, "2048 bytes", "Download the file", "po_paid"},
	"/ledger":                                              {"What the platform has", "What it owes", "HK$576.60", "99999999999999999999 JPY", "May Wong"},
	"/ledger?kind=pending&as_of=2026-11-30":                {"At the end of", "All kinds"},
	"/ledger/accounts/la_2":                                {"Pending", "May Wong", "HK$540.00", "le_2048", "Pending became available"},
	"/ledger/entries":                                      {"Payment", "ch_1", "HK$600.00"},
	"/ledger/entries/le_1024":                              {"Owed by the processor", "As T-accounts", "Balanced", "Unchanged", "Follows from the one before", sha},
	"/trial-balance":                                       {"In balance", "HK$576.60", "HK$600.00", "HK$0.00", "What does not hold", "says credits 5, has 0", "99999999999999999999 JPY"},
}

func TestEveryPageShowsWhatItIsFor(t *testing.T) {
	_, h := desk(t, marketplace())
	for address, wanted := range addresses {
		w := get(h, address)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
			continue
		}
		for _, text := range wanted {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s does not show %q", address, text)
			}
		}
	}
}

func TestBothCataloguesAreComplete(t *testing.T) {
	uitest.CataloguesOf(t, os.DirFS("templates"), os.DirFS("catalogues"), dashboard.Options())
}
