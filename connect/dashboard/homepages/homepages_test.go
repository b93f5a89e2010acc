package homepages_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/connect/dashboard/homepages"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestTheCataloguesAreWhole(t *testing.T) {
	uitest.CataloguesOf(t, os.DirFS("."), os.DirFS("catalogues"), dashboard.Options())
}

// till is an API with one payment; it counts what it is asked to do.
type till struct{ previews, refunds []string }

func (a *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		panic(err)
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/charges/ch_1":
		_, _ = io.WriteString(w, `{"id":"ch_1","amount":60000,"amount_captured":60000,"captured":true,"currency":"hkd","status":"succeeded","created":1796000000,
			"balance_transaction":null,"payment_method_details":{"card":null},"transfer_data":{"amount":null,"destination":"acct_tutor"}}`)
	case "POST /v1/refunds/preview":
		a.previews = append(a.previews, r.PostForm.Get("amount"))
		_, _ = io.WriteString(w, `{"object":"refund_preview","amount":`+r.PostForm.Get("amount")+`,"currency":"hkd","parties":[],"entries":[],"reversals":[]}`)
	case "POST /v1/refunds":
		a.refunds = append(a.refunds, r.PostForm.Get("amount")+" "+r.Header.Get("Idempotency-Key"))
		_, _ = io.WriteString(w, `{"id":"re_1","object":"refund"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"message":"no such thing"}}`)
	}
}

func TestOnlyTheRefundThatWasLookedAtIsMade(t *testing.T) {
	a := &till{}
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	desk, _ := dashboardtest.New(t, kit, a)
	if err := homepages.Pages(desk); err != nil {
		t.Fatal(err)
	}
	pages := dashboardtest.Handler(desk)
	const address = "/dashboard/acct_platform/test/payments/ch_1/refund"
	send := func(form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w
	}
	form := url.Values{"amount": {"300.00"}, "reverse_transfer": {"true"}, "seen": {"60000.true."}, "idempotency_key": {"once"}}
	if w := send(form); w.Code != http.StatusOK || len(a.refunds) > 0 || !strings.Contains(w.Body.String(), "Look at this first") {
		t.Fatalf("a preview of another amount: %d, refunds %v", w.Code, a.refunds)
	}
	form.Set("seen", "30000.true.")
	for range 2 { // a double click
		if w := send(form); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "?done=refunded") {
			t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
		}
	}
	if got := strings.Join(a.refunds, ", "); got != "30000 once, 30000 once" { // one key: the API makes one refund
		t.Errorf("refunds %s", got)
	}
	form.Set("amount", "700")
	if w := send(form); w.Code != http.StatusUnprocessableEntity || len(a.refunds) != 2 {
		t.Errorf("more than is left: %d, refunds %v", w.Code, a.refunds)
	}
}
