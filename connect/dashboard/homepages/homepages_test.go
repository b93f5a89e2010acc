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
type till struct{ previews, refunds, transfers []string }

func (a *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		panic(err)
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/charges/ch_1":
		_, _ = io.WriteString(w, `{"id":"ch_1","amount":60000,"amount_captured":60000,"captured":true,"currency":"hkd","status":"succeeded","created":1796000000,
			"balance_transaction":null,"payment_method_details":{"card":null},"transfer_data":{"amount":null,"destination":"acct_tutor"}}`)
	case "GET /v1/charges/ch_big":
		_, _ = io.WriteString(w, `{"id":"ch_big","amount":2000000,"amount_captured":2000000,"captured":true,"currency":"hkd","status":"succeeded","created":1796000000,
			"balance_transaction":null,"payment_method_details":{"card":null}}`)
	case "GET /v1/accounts/acct_tutor":
		_, _ = io.WriteString(w, `{"id":"acct_tutor","business_profile":{"name":"May Wong"}}`)
	case "GET /v1/balance":
		_, _ = io.WriteString(w, `{"available":[{"amount":70000,"currency":"hkd"}]}`)
	case "POST /v1/transfers":
		a.transfers = append(a.transfers, r.PostForm.Encode()+" "+r.Header.Get("Idempotency-Key"))
		_, _ = io.WriteString(w, `{"id":"tr_1","object":"transfer"}`)
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

// poster posts forms to the pages of a desk whose API is a.
func poster(t *testing.T, a http.Handler) func(path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	desk, _ := dashboardtest.New(t, kit, a)
	if err := homepages.Pages(desk); err != nil {
		t.Fatal(err)
	}
	pages := dashboardtest.Handler(desk)
	return func(path string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/dashboard/acct_platform/test"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w
	}
}

func TestAnAmountAboveTheLimitIsTypedTwiceBeforeItIsRefunded(t *testing.T) {
	a := &till{}
	send := poster(t, a)
	form := url.Values{"amount": {"20000"}, "seen": {"2000000.."}, "idempotency_key": {"once"}}
	if w := send("/payments/ch_big/refund", form); w.Code != http.StatusUnprocessableEntity || len(a.refunds) > 0 || !strings.Contains(w.Body.String(), `name="amount_again"`) {
		t.Fatalf("%d, refunds %v: %s", w.Code, a.refunds, w.Body)
	}
	form.Set("amount_again", "20,000.00")
	if w := send("/payments/ch_big/refund", form); w.Code != http.StatusSeeOther || len(a.refunds) != 1 {
		t.Errorf("%d, refunds %v", w.Code, a.refunds)
	}
	form.Set("amount", "10000")
	form.Set("seen", "1000000..")
	form.Del("amount_again")
	if w := send("/payments/ch_big/refund", form); w.Code != http.StatusSeeOther {
		t.Errorf("the limit itself: %d", w.Code)
	}
}

func TestATransferIsMadeOnceItsConsequenceWasSeen(t *testing.T) {
	a := &till{}
	send := poster(t, a)
	form := url.Values{"amount": {"510"}, "currency": {"hkd"}, "destination": {"acct_tutor"}, "idempotency_key": {"once"}}
	w := send("/transfers/new", form)
	for _, says := range []string{"HK$510.00 leaves the platform", "May Wong may be paid out", "HK$190.00"} {
		text := strings.NewReplacer(`<data class="amount" value="510.00">`, "", "</data>", "", "&#39;", "'").Replace(w.Body.String())
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q", says)
		}
	}
	if len(a.transfers) != 0 {
		t.Fatalf("made unseen: %v", a.transfers)
	}
	form.Set("seen", "510.hkd.acct_other.")
	send("/transfers/new", form)
	if len(a.transfers) != 0 {
		t.Fatal("another receiver than was looked at")
	}
	form.Set("seen", "510.hkd.acct_tutor.")
	for range 2 {
		if w := send("/transfers/new", form); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "/transfers/tr_1?done=given") {
			t.Fatalf("%d %s %s", w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	const once = "amount=51000&currency=hkd&destination=acct_tutor once"
	if got := strings.Join(a.transfers, ", "); got != once+", "+once {
		t.Errorf("transfers %s", got)
	}
}

func TestOnlyTheRefundThatWasLookedAtIsMade(t *testing.T) {
	a := &till{}
	to := poster(t, a)
	send := func(form url.Values) *httptest.ResponseRecorder { return to("/payments/ch_1/refund", form) }
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
