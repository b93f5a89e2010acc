package payoutpages

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

func amountOf(minor int64, currency string) money.Amount {
	return money.New(minor, money.Currency(currency))
}

// newView is what the page of a new payout shows: first whose money, then how much.
type newView struct {
	Account   party
	Known     bool
	Available []wire.BalanceAmount
	Banks     []ui.Option
	Cancel    string
	Currency  []ui.Option
	Amount    int64 // that was typed, in Code; 0 if it was none
	Code      string
}

func (s *section) newPayout(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.showNew(w, r, v, v.Query.Get("account"), ui.NewForm(url.Values{"account": {v.Query.Get("account")}}), http.StatusOK)
}

func (s *section) showNew(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, account string, form *ui.Form, status int) error {
	view := newView{Cancel: v.Path("payouts"), Code: form.Value("currency")}
	view.Amount, _ = minorOf(form.Value("amount"), money.Currency(view.Code))
	if account = strings.TrimSpace(account); account != "" {
		var a wire.Account
		path := "/v1/accounts/" + url.PathEscape(account)
		if account == v.Chair.Account {
			path = "/v1/account"
		}
		if err := v.API.Get(r.Context(), path, nil, &a); failed(form, notFound(err)) {
			account, status = "", http.StatusUnprocessableEntity
		} else if err != nil {
			return err
		}
		if account != "" {
			var b wire.Balance
			if err := v.For(account).Get(r.Context(), "/v1/balance", nil, &b); err != nil {
				return err
			}
			view.Account, view.Known, view.Available = partyOf(a), true, b.Available
			for _, bank := range a.ExternalAccounts.Data {
				view.Banks = append(view.Banks, ui.Option{Value: bank.ID, Text: masked(bank) + " " + code(bank.Currency)})
			}
			for _, available := range b.Available {
				view.Currency = append(view.Currency, ui.Option{Value: available.Currency, Text: code(available.Currency)})
			}
		}
	}
	return s.pages.Render(w, r, v, "payout-new", ui.View{Title: "new.title", Back: back(v, "payouts.title", "payouts"), Data: view, Form: form, Status: status})
}

func (s *section) createPayout(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	account, currency := form.Value("account"), form.Value("currency")
	again := func() error {
		return s.showNew(w, r, v, account, form, http.StatusUnprocessableEntity)
	}
	minor, ok := minorOf(form.Value("amount"), money.Currency(currency))
	if !ok {
		form.Fail("amount", "new.amount.wrong")
		return again()
	}
	if !v.Retyped(form, minor, currency) {
		return again()
	}
	params := url.Values{"amount": {strconv.FormatInt(minor, 10)}, "currency": {currency}}
	for _, field := range []string{"destination", "description", "statement_descriptor", "method"} {
		if value := form.Value(field); value != "" {
			params.Set(field, value)
		}
	}
	var made payout
	err := v.For(account).PostOnce(r.Context(), "/v1/payouts", params, r.PostForm.Get("idempotency_key"), &made)
	if failed(form, err) {
		return again()
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("payouts", made.ID), "created")
}

// minorOf reads "1,234.50" as minor units of a currency.
func minorOf(typed string, c money.Currency) (int64, bool) {
	if _, err := money.ParseCurrency(string(c)); err != nil {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(typed), ",", ""), ".")
	if len(fraction) > c.Exponent() {
		return 0, false
	}
	digits := whole + fraction + strings.Repeat("0", c.Exponent()-len(fraction))
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0 && whole != "" && digits[0] != '+'
}
