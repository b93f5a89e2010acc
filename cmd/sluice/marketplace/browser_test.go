package marketplace_test

import (
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestEveryWordIsInBothLanguages(t *testing.T) {
	uitest.Catalogues(t, os.DirFS("pages"), os.DirFS("pages"), "acct_", "GET /v1/balance", "Stripe-Account:", "read_write", "→")
}

func TestTheShopIsForEverybody(t *testing.T) {
	s := newStreet(t)
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	s.mux.Handle("/_assets/", kit.Handler())
	s.mux.HandleFunc("GET /brand/x/logo", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(marketplace.Logo) })
	// Sluice says yes at once.
	s.mux.HandleFunc("GET /oauth/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		back := url.Values{"code": {"ac_1"}, "state": {q.Get("state")}, "iss": {s.url}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	tab := uitest.Browser(t).Tab(t)
	tab.Open(s.url + marketplace.Path)
	uitest.Audit(t, tab)
	tab.Fill("name", "Au Ka Ming 區嘉明")
	tab.Fill("subject", "Piano, grades 1 to 5")
	tab.ClickThrough("Connect with Sluice")
	tab.WaitText("Au Ka Ming 區嘉明")
	tab.ClickThrough("Take a lesson payment")
	tab.WaitText("The student paid HK$600.00")
	uitest.Audit(t, tab)
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	tab.Reload()
	tab.WaitText("Not connected any more")
	uitest.Audit(t, tab)
}
