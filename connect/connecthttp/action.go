package connecthttp

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// Payer is the payer's side of the sandbox processor.
type Payer interface {
	CompleteAction(ctx context.Context, reference string, authenticated bool) (processor.Result, error)
}

// ActionRoutes are the sandbox's page where a payer authenticates, as at a bank.
func ActionRoutes(payments *payment.Service, payer Payer, prefix string) []rest.Route {
	d := actionDoor{payments: payments, payer: payer}
	return []rest.Route{
		{Method: "GET", Path: prefix + "{charge}", Public: true, Handler: http.HandlerFunc(d.ask)},
		{Method: "POST", Path: prefix + "{charge}", Public: true, Handler: http.HandlerFunc(d.answer)},
	}
}

type actionDoor struct {
	payments *payment.Service
	payer    Payer
}

var actionPage = template.Must(template.New("action").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confirm your payment</title>
<main><h1>Confirm your payment</h1><p>{{.}}</p>
<form method="post"><button name="authenticated" value="true">Complete</button> <button name="authenticated" value="false">Fail</button></form></main></html>
`))

func (d actionDoor) ask(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	_ = actionPage.Execute(w, "This is the sandbox bank. No real money moves.")
}

func (d actionDoor) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	charge := path.Base(r.URL.Path)
	if _, err := d.payer.CompleteAction(r.Context(), charge, r.PostFormValue("authenticated") == "true"); err != nil {
		http.Error(w, "There is no payment to confirm here.", http.StatusNotFound)
		return
	}
	_, _ = d.payments.ResolveAction(r.Context(), charge) // a decline is shown by the intent
	intent, err := d.payments.IntentOfCharge(r.Context(), charge)
	if err != nil {
		http.Error(w, "There is no payment to confirm here.", http.StatusNotFound)
		return
	}
	if intent.ReturnURL != "" {
		http.Redirect(w, r, withIntent(intent.ReturnURL, payment.IntentWire(intent)), http.StatusSeeOther)
		return
	}
	fmt.Fprintf(w, "The payment is %s. You can close this page.\n", intent.Status)
}

// withIntent adds to a return URL what the merchant's page looks for.
func withIntent(returnURL string, i wire.PaymentIntent) string {
	u, err := url.Parse(returnURL)
	if err != nil {
		return returnURL
	}
	query := u.Query()
	query.Set("payment_intent", i.ID)
	query.Set("payment_intent_client_secret", i.ClientSecret)
	u.RawQuery = query.Encode()
	return u.String()
}
