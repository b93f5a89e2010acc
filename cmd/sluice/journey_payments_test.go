package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/daily"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// paymentsDesk is Ada at her desk, with a tutor, payments of each kind, and a browser.
type paymentsDesk struct {
	*house
	t      *testing.T
	tab    *uitest.Tab
	desk   string
	tutor  string
	charge map[string]string // by kind
	shots  int

	chinese bool // the same pages were audited in English
}

func openPaymentsDesk(t *testing.T, options ...uitest.TabOption) *paymentsDesk {
	h := newHouse(t)
	g := h.guest("en")
	user := g.signIn("Ada Fung")
	h.joins(user, h.platform, "owner")
	d := &paymentsDesk{house: h, t: t, desk: h.url + "/dashboard/" + h.platform + "/test", charge: map[string]string{}}
	d.tutor = h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts",
		form: "type=custom&country=HK&capabilities[transfers][requested]=true&business_profile[name]=Chan Ka Yan 陳嘉恩"}).at("id").(string)
	other := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts",
		form: "type=custom&country=HK&capabilities[transfers][requested]=true&business_profile[name]=Lee Wai 李偉"}).at("id").(string)
	pay := func(kind, form string) {
		r := h.exchange(letter{method: "POST", path: "/v1/payment_intents", form: "currency=hkd&confirm=true&" + form})
		if kind == "declined" {
			return
		}
		d.charge[kind] = r.at("latest_charge").(string)
	}
	to := "&transfer_data[destination]=" + d.tutor + "&application_fee_amount="
	pay("split", "amount=45000&payment_method=pm_card_visa&description=Physics, 90 min&splits[0][destination]="+d.tutor+"&splits[0][percent]=70&splits[1][destination]="+other+"&splits[1][percent]=15")
	pay("declined", "amount=30000&payment_method=pm_card_visa_chargeDeclined&description=Piano")
	pay("held", "amount=20000&payment_method=pm_card_visa&capture_method=manual&description=Trial lesson")
	pay("own", "amount=9900&payment_method=pm_card_mastercard&description=Textbook")
	pay("lesson", "amount=60000&payment_method=pm_card_bypassPending&description=Algebra with Chan Ka Yan, 60 min&receipt_email=lok@example.test&metadata[order]=L-1024"+to+"6000")
	d.addUp()
	d.tab = uitest.Browser(t).Tab(t, options...)
	d.tab.Cookies(h.url, g.http.Jar.Cookies(g.home()))
	return d
}

func (d *paymentsDesk) addUp() {
	d.t.Helper()
	if _, err := audit.Seal(d.t.Context(), d.app.pool); err != nil {
		d.t.Fatal(err)
	}
	if _, err := daily.Add(d.t.Context(), d.app.pool); err != nil {
		d.t.Fatal(err)
	}
}

// look audits the page, and keeps a picture of it where SLUICE_TEST_SCREENSHOTS says.
func (d *paymentsDesk) look(name string) {
	d.t.Helper()
	if dir := os.Getenv("SLUICE_TEST_SCREENSHOTS"); dir != "" {
		d.shots++
		for _, dark := range []bool{false, true} {
			for _, width := range []int{390, 1440} {
				d.tab.SetDark(dark)
				d.tab.SetWidth(width)
				shade := map[bool]string{true: "dark", false: "light"}[dark]
				d.tab.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%02d-%s-%d-%s.png", d.t.Name(), d.shots, name, width, shade)))
			}
		}
		d.tab.SetDark(false)
	}
	if d.chinese {
		uitest.Fits(d.t, d.tab) // languages share their markup
		return
	}
	uitest.Audit(d.t, d.tab)
}

// entries are the postings of an object, as "owner account debit credit".
func (d *paymentsDesk) entries(source string) (postings []string) {
	d.t.Helper()
	list := d.send(http.StatusOK, letter{method: "GET", path: "/v1/ledger/entries?source=" + source}).at("data").([]any)
	for _, e := range list {
		for _, p := range e.(map[string]any)["postings"].([]any) {
			p := p.(map[string]any)
			postings = append(postings, fmt.Sprint(p["owner"], " ", p["account"], " ", p["debit"], " ", p["credit"]))
		}
	}
	return postings
}

func TestAPaymentLeadsFromItsFlowToItsPostings(t *testing.T) {
	t.Parallel()
	d := openPaymentsDesk(t)
	d.tab.Open(d.desk)
	d.tab.WaitText("HK$1,149.00") // 450 + 99 + 600
	d.tab.WaitText("Balanced")
	d.look("home")
	d.tab.Open(d.desk + "/payments")
	d.tab.WaitText("Chan Ka Yan 陳嘉恩, Lee Wai 李偉")
	d.look("payments")
	d.tab.ClickThrough("HK$600.00")
	d.tab.WaitURL("/payments/" + d.charge["lesson"])
	for _, text := range []string{"Where the money went", "HK$540.00", "application_fee_amount = HK$60.00, 10.00 % of the payment", "Your net"} {
		d.tab.WaitText(text)
	}
	var legs []string
	d.tab.Eval(`[...document.querySelectorAll("#flow details tbody tr")].map(r => [...r.cells].slice(0, 3).map(c => c.innerText || c.textContent).join("|"))`, &legs)
	if got := strings.Join(legs, "\n"); got != "Payer|Processor fee|HK$22.75\nPayer|You, the platform|HK$37.25\nPayer|Chan Ka Yan 陳嘉恩|HK$540.00" {
		t.Errorf("legs:\n%s", got)
	}
	d.look("payment")
	d.tab.Eval(`document.querySelector("#flow details").open = true`, nil)
	d.tab.Click("See posting Payer → Chan Ka Yan 陳嘉恩")
	d.tab.WaitURL("tab=ledger#le_")
	var posting string
	d.tab.Eval(`document.querySelector(":target").innerText.replace(/\s+/g, " ")`, &posting)
	if !strings.Contains(posting, d.tutor) || !strings.Contains(posting, "HK$540.00") {
		t.Errorf("the leg leads to %q", posting)
	}
	d.look("ledger")
	for _, page := range []string{"/payments/" + d.charge["split"], "/payments/" + d.charge["held"], "/payments/" + d.charge["own"], "/payments/" + d.charge["lesson"] + "?tab=events",
		"/payments/" + d.charge["lesson"] + "?tab=metadata", "/payments/" + d.charge["lesson"] + "?view=json", "/payments/" + d.charge["held"] + "/capture",
		"/payments/" + d.charge["held"] + "/cancel", "/payments/new", "/payments?status=failed", "/transfers"} {
		d.tab.Open(d.desk + page)
		d.look(strings.NewReplacer("/", "_", "?", "_", d.charge["split"], "split", d.charge["held"], "held", d.charge["own"], "own", d.charge["lesson"], "lesson").Replace(page[1:]))
	}
}

func TestARefundIsThePreviewThatWasLookedAt(t *testing.T) {
	t.Parallel()
	refundJourney(t)
}

func TestARefundIsThePreviewWithoutJavaScript(t *testing.T) {
	t.Parallel()
	refundJourney(t, uitest.NoScript)
}

func refundJourney(t *testing.T, options ...uitest.TabOption) {
	d := openPaymentsDesk(t, options...)
	d.tab.Open(d.desk + "/payments/" + d.charge["lesson"])
	d.tab.ClickThrough("Refund")
	d.tab.WaitURL("/refund")
	d.tab.WaitText("Refund HK$600.00")
	d.look("refund")
	d.tab.Fill("Amount to refund", "300")
	if len(options) > 0 {
		d.tab.ClickThrough("Preview")
	}
	d.tab.WaitText("Refund HK$300.00")
	var preview []string
	d.tab.Eval(`[...document.querySelectorAll("[data-postings] tr")].map(r => [...r.cells].map(c => c.textContent.trim()).join("|"))`, &preview)
	d.tab.ClickThrough("Refund HK$300.00")
	d.tab.WaitText("Partly refunded")
	refund := d.send(http.StatusOK, letter{method: "GET", path: "/v1/refunds?charge=" + d.charge["lesson"]}).at("data").([]any)[0].(map[string]any)["id"].(string)
	d.tab.Open(d.desk + "/payments/" + d.charge["lesson"] + "?tab=ledger")
	var made []string
	d.tab.Eval(fmt.Sprintf(`[...document.querySelectorAll("section.card")].filter(s => s.textContent.includes(%q)).flatMap(s => [...s.querySelectorAll("tbody tr")]).map(r => [...r.cells].map(c => c.textContent.trim()).join("|"))`, refund), &made)
	if len(made) == 0 || strings.Join(made, "\n") != strings.Join(preview, "\n") {
		t.Errorf("previewed\n%s\nmade\n%s", strings.Join(preview, "\n"), strings.Join(made, "\n"))
	}
	if got := len(d.entries(refund)); got != len(made) {
		t.Errorf("the page shows %d postings, the API %d", len(made), got)
	}
	d.tab.Open(d.desk + "/payments/" + d.charge["lesson"])
	d.look("refunded")
	d.closeBooks()
}

func TestATransferIsTakenBackInParts(t *testing.T) {
	t.Parallel()
	d := openPaymentsDesk(t)
	d.tab.Open(d.desk + "/transfers")
	d.tab.ClickThrough("HK$600.00")
	d.look("transfer")
	d.tab.ClickThrough("Reverse")
	d.look("reverse")
	d.tab.Fill("Amount to take back", "100.50")
	d.tab.ClickThrough("Take it back")
	d.tab.WaitText("HK$499.50")
	d.look("transfer-reversed")
	d.tab.ClickThrough("Reverse")
	d.tab.ClickThrough("Take it back") // of 499.50, more than the fee left there
	d.tab.WaitText("Waits for money")
	d.look("transfer-waits")
	d.closeBooks()
}

func TestDaysAndListsTellWhatThePagesShow(t *testing.T) {
	t.Parallel()
	d := openPaymentsDesk(t)
	get := func(path, account string) []any {
		t.Helper()
		l := letter{method: "GET", path: path, header: map[string]string{}}
		if account != "" {
			l.header["Stripe-Account"] = account
		}
		return d.send(http.StatusOK, l).at("data").([]any)
	}
	for account, want := range map[string]string{
		"":      "114900 volume, 3 payments, 22650 kept, 4612 processing_fees, 18038 net, 6000 application_fees",
		d.tutor: "91500 volume, 2 payments, 85500 kept, 0 processing_fees, 85500 net, -6000 application_fees",
	} {
		days := get("/v1/balance/daily", account)
		if len(days) != 1 {
			t.Fatalf("%d days", len(days))
		}
		var told []string
		for _, name := range []string{"volume", "payments", "kept", "processing_fees", "net", "application_fees"} {
			told = append(told, fmt.Sprintf("%v %s", days[0].(map[string]any)[name], name))
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("%s: %s", account, got)
		}
	}
	for query, want := range map[string]int{
		"status=failed": 1, "status=uncaptured": 1, "status=refunded": 0, "status=succeeded": 4, "amount_from=45000&amount_to=60000": 2,
		"destination=" + d.tutor: 2, "currency=usd": 0, "last4=4444": 1, "status=succeeded&destination=" + d.tutor + "&amount_from=50000": 1,
	} {
		if got := len(get("/v1/charges?"+query, "")); got != want {
			t.Errorf("%s: %d charges, want %d", query, got, want)
		}
		totals := d.send(http.StatusOK, letter{method: "GET", path: "/v1/charges/totals?" + query})
		if got := fmt.Sprint(totals.at("count")); got != strconv.Itoa(want) {
			t.Errorf("%s: the totals count %s", query, got)
		}
	}
	if got := fmt.Sprint(d.send(http.StatusOK, letter{method: "GET", path: "/v1/charges/totals"}).at("amounts")); got != "[map[amount:164900 count:5 currency:hkd]]" {
		t.Errorf("all charges come to %s", got)
	}
	if got := fmt.Sprint(d.send(http.StatusOK, letter{method: "GET", path: "/v1/transfers/totals?destination=" + d.tutor}).at("amounts")); got != "[map[amount:91500 count:2 currency:hkd]]" {
		t.Errorf("the tutor's transfers come to %s", got)
	}
	if got := fmt.Sprint(d.send(http.StatusOK, letter{method: "GET", path: "/v1/payouts/totals?account=all"}).at("amounts")); got != "[]" {
		t.Errorf("no payouts come to %s", got)
	}
	if got := len(get("/v1/transfers?source_transactions[]="+d.charge["lesson"]+"&source_transactions[]="+d.charge["split"], "")); got != 3 {
		t.Errorf("%d transfers", got)
	}
	for _, path := range []string{"/v1/charges?status=wat", "/v1/balance/daily?from=2026-13-01", "/v1/balance/daily?from=2026-12-01&to=2026-11-01",
		"/v1/balance/daily?from=2024-01-01&to=2026-11-01", "/v1/refunds/preview"} {
		method := "GET"
		if strings.HasSuffix(path, "preview") {
			method = "POST"
		}
		if r := d.exchange(letter{method: method, path: path}); r.status != http.StatusBadRequest || r.at("error", "param") == nil {
			t.Errorf("%s: %d %s", path, r.status, r.raw)
		}
	}
}

func TestPaymentsAreReadInChinese(t *testing.T) {
	t.Parallel()
	d := openPaymentsDesk(t, uitest.Language("zh-Hant-HK"))
	d.chinese = true
	for _, page := range []string{"", "/payments", "/payments/" + d.charge["lesson"], "/payments/" + d.charge["lesson"] + "/refund", "/payments/new", "/transfers"} {
		d.tab.Open(d.desk + page)
		d.look("zh" + strings.NewReplacer("/", "_", d.charge["lesson"], "lesson").Replace(page))
	}
}
