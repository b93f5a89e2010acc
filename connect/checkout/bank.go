package checkout

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"path"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
)

// Payer is the payer's side of the sandbox processor.
type Payer interface {
	CompleteAction(ctx context.Context, reference string, authenticated bool) (processor.Result, error)
}

// BankRoutes are the page of the sandbox's bank, where payers authenticate. Every
// payment that asks for that leads there, made on our page or not.
func (p *Pages) BankRoutes(payer Payer, prefix string) []rest.Route {
	b := p.kit.Guard(p.served(func(w http.ResponseWriter, r *http.Request) error { return p.bank(w, r, payer) }))
	return []rest.Route{
		{Method: http.MethodGet, Path: prefix + "{charge}", Public: true, Handler: b},
		{Method: http.MethodPost, Path: prefix + "{charge}", Public: true, Handler: b},
	}
}

// bankView is what the bank shows.
type bankView struct {
	Amount money.Amount
	Seller string
	State  string // of a payment that waits for nobody any more: paid or not_paid
	Kind   string
	Return string
}

func (p *Pages) bank(w http.ResponseWriter, r *http.Request, payer Payer) error {
	ctx, charge := r.Context(), path.Base(r.URL.Path)
	intent, err := p.cfg.Payments.IntentOfCharge(ctx, charge)
	if errors.Is(err, sql.ErrNoRows) || fault.Is(err, fault.NotFound) || err == nil && intent.Livemode {
		p.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "", ui.View{})
		return nil
	}
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if _, err := payer.CompleteAction(ctx, charge, r.PostForm.Get("authenticated") == "true"); err != nil {
			return err
		}
		if _, err := p.cfg.Payments.ResolveAction(ctx, charge); err != nil && fault.As(err) == nil {
			return err // a decline is told by the intent
		}
		if intent, err = p.cfg.Payments.IntentOfCharge(ctx, charge); err != nil {
			return err
		}
		if intent.ReturnURL != "" {
			http.Redirect(w, r, withIntent(intent), http.StatusSeeOther)
			return nil
		}
	}
	brand, err := p.brandOf(ctx, intent.Platform, intent.Livemode)
	if err != nil {
		return err
	}
	v := bankView{Amount: money.New(intent.Amount, intent.Currency), Seller: brand.Name}
	switch {
	case intent.Status == payment.RequiresAction && intent.LatestCharge == charge:
	case intent.Status == payment.Succeeded || intent.Status == payment.RequiresCapture:
		v.State, v.Kind = "paid", "success"
	default:
		v.State, v.Kind = "not_paid", "wait"
	}
	if v.State != "" && intent.ReturnURL != "" {
		v.Return = withIntent(intent)
	}
	view := ui.View{Title: "checkout.bank.title", Brand: brand, Testmode: true, Data: v}
	if intent.ReturnURL != "" {
		view.FormAction = []string{intent.ReturnURL}
	}
	p.pages.Render(w, r, "bank", view)
	return nil
}

// withIntent is the return URL with what the merchant's page looks for.
func withIntent(i *payment.Intent) string {
	u, err := url.Parse(i.ReturnURL)
	if err != nil {
		return i.ReturnURL
	}
	query := u.Query()
	query.Set("payment_intent", i.ID)
	query.Set("payment_intent_client_secret", i.ClientSecret)
	u.RawQuery = query.Encode()
	return u.String()
}
