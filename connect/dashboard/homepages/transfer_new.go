package homepages

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// giveView is the page on which a transfer is made: first what is wanted, then what
// it would do, then the transfer.
type giveView struct {
	Currencies []ui.Option
	Funds      []wire.BalanceAmount // available to the platform
	Gift       *gift
	Cancel     string
}

// gift is a transfer as it would be.
type gift struct {
	Amount   int64
	Currency string
	Name     string
	Source   string // the payment it comes out of, "" for the balance
	After    int64  // available to the platform then
	Short    bool   // there is not enough
	Seen     string
}

func (s *section) give(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.NewForm(nil)
	form.Set("destination", v.Query.Get("destination"))
	form.Set("currency", string(v.Chair.Currency))
	return s.givePage(w, r, v, form)
}

func (s *section) givePage(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	view := giveView{Cancel: v.Path("transfers")}
	if v.May("balance:read") {
		var b wire.Balance
		if err := v.API.Get(r.Context(), "/v1/balance", nil, &b); err != nil {
			return err
		}
		view.Funds = b.Available
	}
	for _, f := range view.Funds {
		view.Currencies = append(view.Currencies, ui.Option{Value: f.Currency, Text: strings.ToUpper(f.Currency)})
	}
	if len(view.Currencies) == 0 {
		view.Currencies = []ui.Option{{Value: string(v.Chair.Currency), Text: strings.ToUpper(string(v.Chair.Currency))}}
	}
	if form.Has("idempotency_key") {
		view.Gift = giftOf(r, v, form, view.Funds)
	}
	return s.pages.Render(w, r, v, "give", ui.View{Title: "give.title", Form: form, Data: view, Back: &ui.Link{Href: view.Cancel, Key: "transfers.title"}})
}

// giftOf is what the form asks for, nil if it cannot be told yet.
func giftOf(r *http.Request, v *dashboard.Visit, form *ui.Form, funds []wire.BalanceAmount) *gift {
	g := &gift{Currency: form.Value("currency"), Source: form.Value("source_transaction"), Seen: seenGift(form)}
	n, ok := minor(form.Value("amount"), g.Currency)
	if to := form.Value("destination"); !ok || n < 1 || to == "" || form.Failed("destination") {
		return nil
	}
	g.Amount, g.Name = n, called(names(r, v, form.Value("destination")), form.Value("destination"))
	for _, f := range funds {
		if f.Currency == g.Currency {
			g.After = f.Amount
		}
	}
	g.After -= n
	g.Short = g.After < 0 && g.Source == ""
	return g
}

// seenGift names what somebody looked at: another amount or receiver is another transfer.
func seenGift(form *ui.Form) string {
	return strings.Join([]string{form.Value("amount"), form.Value("currency"), form.Value("destination"), form.Value("source_transaction")}, ".")
}

// giveNow makes the transfer that was looked at; one whose consequence nobody has seen
// is shown instead of made.
func (s *section) giveNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	n, ok := minor(form.Value("amount"), form.Value("currency"))
	if !ok || n < 1 {
		form.Fail("amount", "new.amount_wrong")
	}
	if !strings.HasPrefix(form.Value("destination"), "acct_") {
		form.Fail("destination", "give.destination_wrong")
	}
	if !form.OK() || form.Value("seen") != seenGift(form) || !v.Retyped(form, n, form.Value("currency")) {
		return s.givePage(w, r, v, form)
	}
	params := url.Values{"amount": {strconv.FormatInt(n, 10)}}
	for _, field := range []string{"currency", "destination", "source_transaction", "transfer_group", "description"} {
		if value := form.Value(field); value != "" {
			params.Set(field, value)
		}
	}
	var made wire.Transfer
	err := v.API.PostOnce(r.Context(), "/v1/transfers", params, form.Value("idempotency_key"), &made)
	if e := refused(err); e != nil {
		field := e.Param
		if !form.Has(field) {
			field = "amount"
		}
		form.Fail(field, "refund.refused", "message", e.Message)
		return s.givePage(w, r, v, form)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("transfers", made.ID), "given")
}
