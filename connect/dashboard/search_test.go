package dashboard_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// shelf answers lists by path and query.
type shelf map[string]string

func (s shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	q.Del("limit")
	if found, ok := s[r.URL.Path+"?"+q.Encode()]; ok {
		_, _ = io.WriteString(w, `{"data": [`+found+`], "has_more": false}`)
		return
	}
	_, _ = io.WriteString(w, `{"data": [], "has_more": false}`)
}

const (
	sophie = `{"id": "cus_1", "name": "Sophie Bennett", "email": "sophie@example.com"}`
	lesson = `{"id": "ch_1", "amount": 60000, "currency": "hkd", "status": "succeeded", "created": 1795996800}`
	paid   = `{"id": "po_1", "amount": 51000, "currency": "hkd", "status": "paid", "created": 1795996800}`
)

func TestSearchFindsWhatAPersonHasInHand(t *testing.T) {
	k := kit(t)
	desk, _ := dashboardtest.New(t, k, shelf{
		"/v1/customers?email=sophie%40example.com":         sophie,
		"/v1/charges?customer=cus_1":                       lesson,
		"/v1/charges?amount_from=60000&amount_to=60000":    lesson,
		"/v1/charges?last4=4242":                           lesson,
		"/v1/charges?transfer_group=ORDER-7":               lesson,
		"/v1/payouts?account=all&trace_id=FPS202612010001": paid,
	})
	gallery(t, desk)
	h := dashboardtest.Handler(desk)
	for text, want := range map[string]string{
		"sophie@example.com": "Sophie Bennett", "600": "HK$600.00", "HK%24600.00": "ch_1", "4242": "ch_1", "%C2%B7%C2%B74242": "ch_1", "ORDER-7": "ch_1",
		"FPS202612010001": "po_1", "": "What are you looking for?", "nothing+at+all": "Nothing is called",
		"zz_unknown": "Nothing is called", "%3Cscript%3E": "&lt;script&gt;",
	} {
		if w := get(h, "/dashboard/acct_platform/test/search?q="+text); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d, no %q", text, w.Code, want)
		}
	}
	if w := get(h, "/dashboard/acct_platform/test/search?q=+gal_1+"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/dashboard/acct_platform/test/gallery" {
		t.Errorf("an id leads to %d %s", w.Code, w.Header().Get("Location"))
	}
	tab := uitest.Browser(t).Tab(t)
	url := uitest.Server(t, k, h)
	tab.Open(url + "/dashboard/acct_platform/test/gallery")
	tab.Eval(`document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true}))`, nil)
	tab.Wait(`document.activeElement.id === "search"`)
	tab.Open(url + "/dashboard/acct_platform/test/search?q=600")
	uitest.Audit(t, tab)
	picture(tab, "search-en")
}

func TestSearchShowsOnlyWhatTheRoleMayRead(t *testing.T) {
	chair := dashboardtest.Chair()
	chair.Role, chair.Permissions = "support", []string{"customers:read"}
	desk, _ := dashboardtest.New(t, kit(t), shelf{"/v1/customers?email=sophie%40example.com": sophie, "/v1/charges?customer=cus_1": lesson}, chair)
	body := get(dashboardtest.Handler(desk), "/dashboard/acct_platform/test/search?q=sophie@example.com").Body.String()
	if !strings.Contains(body, "Sophie Bennett") || strings.Contains(body, "ch_1") {
		t.Errorf("found %s", body)
	}
}

func TestOneThingThatCannotBeSearchedHidesNoOther(t *testing.T) {
	desk, _ := dashboardtest.New(t, kit(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/charges" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		shelf{"/v1/customers?email=sophie%40example.com": sophie}.ServeHTTP(w, r)
	}))
	body := get(dashboardtest.Handler(desk), "/dashboard/acct_platform/test/search?q=sophie@example.com").Body.String()
	if !strings.Contains(body, "Sophie Bennett") {
		t.Errorf("found %s", body)
	}
}
