package tutorpages_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/connect/dashboard/tutorpages"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

const desk = "/earnings/acct_tutor/test"

// api answers as the public API would, for a tutor with two lessons, a refund and a payout.
type api map[string]string

var account = `{"id": "acct_tutor", "object": "account", "email": "ka.yan@example.com", "charges_enabled": true, "payouts_enabled": true,
	"external_accounts": {"data": [{"id": "ba_1", "bank_name": "HSBC", "last4": "1111", "currency": "hkd", "default_for_currency": true, "account_holder_name": "Chan Ka Yan", "status": "verified"}]},
	"requirements": {"currently_due": ["individual.verification.document", "individual.dob.day", "individual.dob.month"], "past_due": [], "current_deadline": 1796688000},
	"settings": {"payouts": {"schedule": {"interval": "weekly", "weekly_payout_days": ["tuesday", "friday"]}}}}`

const (
	payout = `{"id": "po_1", "object": "payout", "amount": 51000, "arrival_date": 1795478400, "created": 1795400000, "currency": "hkd", "destination": "ba_1", "status": "paid", "statement_descriptor": "TUTORHUB HK", "trace_id": {"status": "supported", "value": "FT26322XK"}}`
	failed = `{"id": "po_0", "object": "payout", "amount": 20000, "arrival_date": 1795046400, "created": 1795000000, "currency": "hkd", "destination": "ba_1", "status": "failed", "failure_code": "account_closed", "trace_id": {"status": "unsupported", "value": null}}`
	lines  = `{"id": "txn_4", "type": "application_fee_refund", "amount": 500, "fee": 0, "net": 500, "balance": 153000, "currency": "hkd", "created": 1795600010, "available_on": 1795651200, "source": "fr_1", "payout": null, "description": null},
	{"id": "txn_3", "type": "payment_refund", "amount": -5000, "fee": 0, "net": -5000, "balance": 152500, "currency": "hkd", "created": 1795600000, "available_on": 1795651200, "source": "pyr_1", "payout": null, "description": "Transfer reversed"},
	{"id": "txn_2", "type": "payment", "amount": 175000, "fee": 17500, "net": 157500, "balance": 157500, "currency": "hkd", "created": 1795500000, "available_on": 1795651200, "source": "py_2", "payout": null, "description": "Violin, ten lessons 小提琴"},
	{"id": "txn_p", "type": "payout", "amount": -51000, "fee": 0, "net": -51000, "balance": 0, "currency": "hkd", "created": 1795400000, "available_on": 1795400000, "source": "po_1", "payout": "po_1", "description": null},
	` + paidLine
	paidLine = `{"id": "txn_1", "type": "payment", "amount": 60000, "fee": 9000, "net": 51000, "balance": 51000, "currency": "hkd", "created": 1795300000, "available_on": 1795392000, "source": "py_1", "payout": "po_1", "description": "Algebra 代數"}`
	refunded = `{"id": "txn_4", "type": "application_fee_refund", "net": 500, "currency": "hkd", "created": 1795600010, "source": "fr_1", "payout": null},
	{"id": "txn_3", "type": "payment_refund", "net": -5000, "currency": "hkd", "created": 1795600000, "source": {"id": "pyr_1", "charge": "py_2"}, "payout": null}`
	second = `{"id": "txn_2", "object": "earning", "amount": 175000, "application_fee": 17500, "available_on": 1795651200, "created": 1795500000, "currency": "hkd", "description": "Violin, ten lessons 小提琴", "fee_refunded": 500, "net": 153000, "paid": 175000, "payout": null, "processing_fee": 0, "refunded": 5000, "source": "py_2"}`
	first  = `{"id": "txn_1", "object": "earning", "amount": 60000, "application_fee": 9000, "available_on": 1795392000, "created": 1795300000, "currency": "hkd", "description": "Algebra 代數", "fee_refunded": 0, "net": 51000, "paid": 60000, "payout": ` + payout + `, "processing_fee": 0, "refunded": 0, "source": "py_1"}`
	next   = `{"object": "next_payout", "amount": 153000, "arrival_date": 1795478400, "currency": "hkd", "destination": "ba_1", "livemode": false, "method": "standard", "payday": 1795651200, "rail": "hk-fps", "reason": null,
	"paydays": [{"at": 1795651200, "arrival_date": 1795478400, "amount": 153000}, {"at": 1795900000, "arrival_date": 1795910400, "amount": 42000}]}`
)

func tutor() api {
	return api{
		"/v1/account": account, "/v1/payouts/po_1": payout, "/v1/payouts/po_0": failed,
		"/v1/balance":                      `{"object": "balance", "available": [{"amount": 12000, "currency": "hkd"}], "pending": [{"amount": 141000, "currency": "hkd"}]}`,
		"/v1/payouts/next":                 list(next),
		"/v1/payouts":                      list(payout + "," + failed),
		"/v1/payouts/po_1/explanation":     `{"object": "payout_explanation", "sum": 51000, "terms": [{"term": "gross", "amount": 60000, "count": 1}, {"term": "fees", "amount": -9000, "count": 1}]}`,
		"/v1/payouts/po_0/explanation":     `{"object": "payout_explanation", "sum": 0, "terms": []}`,
		"/v1/balance_transactions":         list(lines),
		"/v1/balance_transactions/running": list(lines),
		"/v1/earnings":                     list(second + "," + first),
	}
}

func list(data string) string { return `{"object": "list", "has_more": false, "data": [` + data + `]}` }

func (a api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, ok := a[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = `{"error": {"type": "invalid_request_error", "message": "No such thing"}}`
	}
	if r.URL.Path == "/v1/balance_transactions" && r.URL.Query().Get("payout") == "po_1" {
		answer = list(paidLine)
	}
	if len(r.URL.Query()["types[]"]) > 0 {
		answer = list(refunded)
	}
	if source := r.URL.Query().Get("source"); source == "py_1" {
		answer = list(first)
	} else if source == "py_9" {
		answer = list("")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(answer))
}

func kit(t testing.TB) *ui.Kit {
	t.Helper()
	k, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pages(t testing.TB, k *ui.Kit, a http.Handler, chairs ...dashboard.Chair) http.Handler {
	t.Helper()
	d, _ := dashboardtest.New(t, k, a, chairs...)
	if err := tutorpages.Pages(d); err != nil {
		t.Fatal(err)
	}
	return dashboardtest.Handler(d)
}

func get(t testing.TB, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, desk+path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestTutorPagesSayEverythingInBothLanguages(t *testing.T) {
	here := os.DirFS(".")
	templates, err := fs.Sub(here, "templates")
	if err != nil {
		t.Fatal(err)
	}
	catalogues, err := fs.Sub(here, "catalogues")
	if err != nil {
		t.Fatal(err)
	}
	uitest.CataloguesOf(t, templates, catalogues, dashboard.Options())
}

// every is each page of a tutor's desk.
var every = map[string]string{
	"home": "", "earnings": "/earnings", "earning": "/earnings/py_1", "activity": "/activity", "refunds": "/refunds", "payouts": "/payouts",
	"payout": "/payouts/po_1", "failed": "/payouts/po_0", "advice": "/payouts/po_1/advice", "statement": "/statement?month=2026-11", "account": "/account",
}

func TestATutorSeesHowMuchArrivesWhenAndWhere(t *testing.T) {
	k := kit(t)
	url := uitest.Server(t, k, pages(t, k, tutor()))
	for language, sentence := range map[string]string{
		"en":         "You will receive HK$1,530.00 on Tue 24 Nov 2026 to HSBC ··1111 by FPS",
		"zh-Hant-HK": "您將於2026年11月24日（星期二）以轉數快收到 HK$1,530.00，存入 HSBC ··1111",
	} {
		tab := uitest.Browser(t).Tab(t, uitest.Language(language), uitest.NoScript, uitest.Phone)
		tab.Open(url + desk)
		if said := tab.Text(); !strings.Contains(said, sentence) {
			t.Errorf("%s: not said: %s\n%s", language, sentence, said)
		}
	}
}

func TestEveryTutorPageIsSoundInABrowser(t *testing.T) {
	k := kit(t)
	url := uitest.Server(t, k, pages(t, k, tutor()))
	for _, language := range []string{"en", "zh-Hant-HK"} {
		for name, path := range every {
			t.Run(language+"/"+name, func(t *testing.T) {
				tab := uitest.Browser(t).Tab(t, uitest.Language(language))
				tab.Open(url + desk + path)
				if language == "zh-Hant-HK" {
					uitest.Audit(t, tab)
				} else {
					uitest.Fits(t, tab) // languages share their markup
				}
				picture(tab, name+"-"+language)
			})
		}
	}
}

func picture(tab *uitest.Tab, name string) {
	shots := os.Getenv("SLUICE_TEST_SCREENSHOTS")
	if shots == "" {
		return
	}
	for device, width := range map[string]int{"phone": 390, "desktop": 1440} {
		for theme, dark := range map[string]bool{"light": false, "dark": true} {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(shots, name+"-"+theme+"-"+device+".png"))
		}
	}
}

// The file says what the page says, in numbers that add up.
func TestTheFileOfEarningsAddsUpRowByRow(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(get(t, pages(t, kit(t), tutor()),
		"/earnings?format=csv&columns=net,part,fee,processing,refunded"))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v %v", rows, err)
	}
	for _, row := range rows[1:] {
		if net, sum := cents(t, row[1]), cents(t, row[2])+cents(t, row[3])+cents(t, row[4])+cents(t, row[5]); net != sum {
			t.Errorf("%s keeps %d, its parts make %d", row[0], net, sum)
		}
	}
}

func TestTheFileOfActivityLeadsFromBalanceToBalance(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(get(t, pages(t, kit(t), tutor()), "/activity?format=csv&columns=net,balance"))).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%v %v", rows, err)
	}
	for i := 1; i+1 < len(rows); i++ {
		if got, want := cents(t, rows[i][2]), cents(t, rows[i+1][2])+cents(t, rows[i][1]); got != want {
			t.Errorf("after %s there is %d, want %d", rows[i][0], got, want)
		}
	}
}

func cents(t *testing.T, decimal string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.ReplaceAll(decimal, ".", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAStatementLeadsFromTheFirstBalanceToTheLast(t *testing.T) {
	page := get(t, pages(t, kit(t), tutor()), "/statement?month=2026-11")
	sum := page[strings.Index(page, `<dl class="equation">`):]
	sum = sum[:strings.Index(sum, "</dl>")]
	var parts []int64
	for _, part := range strings.Split(sum, `value="`)[1:] {
		parts = append(parts, cents(t, part[:strings.IndexByte(part, '"')]))
	}
	total := int64(0)
	for _, part := range parts[:len(parts)-1] {
		total += part
	}
	if closing := parts[len(parts)-1]; total != closing || closing != 153000 {
		t.Errorf("the parts %v make %d, the last balance is %d", parts, total, closing)
	}
}

func TestAMonthWithoutLinesEndsAsItBegan(t *testing.T) {
	a := tutor()
	a["/v1/balance_transactions/running"] = list("")
	if page := get(t, pages(t, kit(t), a), "/statement?month=2026-10"); !strings.Contains(page, "Nothing happened") {
		t.Error(page)
	}
}

func TestAFailedPayoutSaysWhyInWords(t *testing.T) {
	page := get(t, pages(t, kit(t), tutor()), "/payouts/po_0")
	for _, want := range []string{"The bank account has been closed.", "The money is back in your balance."} {
		if !strings.Contains(page, want) {
			t.Errorf("does not say %q", want)
		}
	}
}

// Every reason that the API may give has words.
func TestWhyNothingComesIsSaidInWords(t *testing.T) {
	for _, reason := range []string{
		"payouts_disabled", "manual_schedule", "no_bank_account", "bank_account_errored", "no_rail", "account_on_hold", "bank_account_changed",
		"nothing_available", "below_minimum", "daily_limit",
	} {
		a := tutor()
		a["/v1/payouts/next"] = list(fmt.Sprintf(`{"currency": "hkd", "amount": 0, "paydays": [], "reason": %q}`, reason))
		if page := get(t, pages(t, kit(t), a), ""); !strings.Contains(page, "No payout is on its way") || strings.Contains(page, reason) {
			t.Errorf("%s is not said in words", reason)
		}
	}
}

func TestAPaymentOfSomebodyElseIsNotThere(t *testing.T) {
	w := httptest.NewRecorder()
	pages(t, kit(t), tutor()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, desk+"/earnings/py_9", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("answered with %d", w.Code)
	}
}

// What a role may not read is not asked for, and its page says so.
func TestWithoutPermissionAPageIsNotShown(t *testing.T) {
	chair := dashboardtest.TutorChair()
	chair.Role, chair.Permissions = "viewer", []string{"balance:read", "accounts:read"}
	h := pages(t, kit(t), tutor(), chair)
	if page := get(t, h, ""); strings.Contains(page, desk+"/payouts") || !strings.Contains(page, "HK$120.00") {
		t.Error("the first page shows what the role may not see, or not what it may")
	}
	for _, path := range []string{"/earnings", "/payouts", "/payouts/po_1", "/activity", "/refunds", "/statement"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, desk+path, nil))
		if w.Code != http.StatusForbidden {
			t.Errorf("%s answered with %d", path, w.Code)
		}
	}
}

func TestTheSampleIsWhatTheAPISays(t *testing.T) {
	for path, answer := range tutor() {
		if !json.Valid([]byte(answer)) {
			t.Errorf("%s is not JSON", path)
		}
	}
	if day := time.Unix(1795478400, 0).UTC().Format(time.DateOnly); day != "2026-11-24" {
		t.Errorf("the payout arrives on %s", day)
	}
}
