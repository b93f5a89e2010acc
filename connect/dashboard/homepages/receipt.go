package homepages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
)

// receipt asks where a payment's receipt shall go.
func (s *section) receipt(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.act(w, r, v, "receipt", ui.NewForm(nil))
}

// sendReceipt has the API mail it: whoever names receipt_email has it sent there.
func (s *section) sendReceipt(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	to := form.Value("receipt_email")
	if at := strings.IndexByte(to, '@'); at < 1 || at == len(to)-1 || strings.ContainsAny(to, " \t\r\n,;<>") {
		form.Fail("receipt_email", "receipt.wrong")
		return s.act(w, r, v, "receipt", form)
	}
	path := "/v1/charges/" + url.PathEscape(r.PathValue("id"))
	err := api(v).PostOnce(r.Context(), path, url.Values{"receipt_email": {to}}, form.Value("idempotency_key"), nil)
	if e := refused(err); e != nil {
		form.Fail("receipt_email", "refund.refused", "message", e.Message)
		return s.act(w, r, v, "receipt", form)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, withAccount(v, v.Path("payments", r.PathValue("id"))), "receipt_sent")
}
