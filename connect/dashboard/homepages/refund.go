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

// refundView is the page on which a refund is asked for: what is left, what it would
// do, and who would pay.
type refundView struct {
	Charge   charge
	Left     int64
	HasLegs  bool // something can be taken back
	HasFee   bool
	Preview  *wire.RefundPreview
	Names    map[string]string
	Seen     string   // what the preview is of
	Unseen   bool     // it was sent without having been looked at
	Negative []string // who would owe
	Short    bool     // the platform itself would
	Reasons  []ui.Option
	Cancel   string
	Action   string
}

var refundReasons = []ui.Option{
	{Value: "requested_by_customer", Key: "refund.reason.requested_by_customer"}, {Value: "duplicate", Key: "refund.reason.duplicate"},
	{Value: "fraudulent", Key: "refund.reason.fraudulent"},
}

// refund shows the form. Its own fields are in the address while they are being
// looked at, so a preview is a page like any other, with JavaScript or without.
func (s *section) refund(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.refundPage(w, r, v, ui.NewForm(v.Query), false)
}

func (s *section) refundPage(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form, unseen bool) error {
	c, err := s.charge(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	view := &refundView{Charge: c.Value, Left: c.Value.refundable(), Reasons: refundReasons, Unseen: unseen}
	view.Cancel = withAccount(v, v.Path("payments", c.Value.ID))
	view.Action = withAccount(v, v.Path("payments", c.Value.ID, "refund"))
	view.HasLegs = c.Value.TransferData != nil || len(c.Value.Splits) > 0
	view.HasFee = c.Value.ApplicationFee.ID != ""
	if !form.Has("amount") { // first seen: all of it, and everybody gives back their part
		form.Set("amount", decimal(view.Left, c.Value.Currency))
		form.Set("reason", "requested_by_customer")
		if view.HasLegs {
			form.Set("reverse_transfer", "true")
		}
		if view.HasFee {
			form.Set("refund_application_fee", "true")
		}
	}
	if view.Left > 0 && (form.OK() || form.Has("seen")) {
		if err := view.preview(r, v, form); err != nil {
			return err
		}
	}
	return s.pages.Render(w, r, v, "refund", ui.View{Title: "refund.title", Form: form, Data: view,
		Back: &ui.Link{Href: view.Cancel, Key: "payment.title"}})
}

// preview asks what the refund would do; a refusal is the form's.
func (view *refundView) preview(r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	params, ok := view.params(form)
	if !ok {
		form.Fail("amount", "refund.amount_wrong", "left", shown(view.Left, view.Charge.Currency))
		return nil
	}
	var p wire.RefundPreview
	err := api(v).Post(r.Context(), "/v1/refunds/preview", params, &p)
	if e := refused(err); e != nil {
		form.Fail("amount", "refund.refused", "message", e.Message)
		return nil
	}
	if err != nil {
		return err
	}
	view.Preview, view.Seen = &p, seen(params)
	var accounts []string
	for _, party := range p.Parties {
		accounts = append(accounts, party.Account)
	}
	view.Names = names(r, v, accounts...)
	for _, party := range p.Parties {
		switch {
		case party.GoesNegative && party.Account == v.Chair.Account:
			view.Short = true
		case party.GoesNegative:
			view.Negative = append(view.Negative, view.Called(v, party.Account))
		}
	}
	return nil
}

// params are what the form asks of the API.
func (view *refundView) params(form *ui.Form) (url.Values, bool) {
	n, ok := minor(form.Value("amount"), view.Charge.Currency)
	if !ok || n < 1 || n > view.Left {
		return nil, false
	}
	p := url.Values{"charge": {view.Charge.ID}, "amount": {strconv.FormatInt(n, 10)}}
	for _, name := range []string{"reverse_transfer", "refund_application_fee"} {
		if form.Value(name) == "true" {
			p.Set(name, "true")
		}
	}
	return p, true
}

// seen names what a preview is of: another amount or another switch is another refund.
func seen(params url.Values) string {
	return params.Get("amount") + "." + params.Get("reverse_transfer") + "." + params.Get("refund_application_fee")
}

// Owner is the name of a posting's owner, "" if there is none.
func (view *refundView) Owner(v *dashboard.Visit, account string) string {
	return owner(v, view.Names, account)
}

// Called is the name of a party, the platform being "you".
func (view *refundView) Called(v *dashboard.Visit, account string) string {
	if account == v.Chair.Account {
		return string(v.Text("flow.platform"))
	}
	return called(view.Names, account)
}

// refundNow makes the refund that was looked at. One that nobody has seen the preview
// of is shown instead of made.
func (s *section) refundNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	c, err := s.charge(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	view := &refundView{Charge: c.Value, Left: c.Value.refundable()}
	params, ok := view.params(form)
	if !ok {
		form.Fail("amount", "refund.amount_wrong", "left", shown(view.Left, c.Value.Currency))
		return s.refundPage(w, r, v, form, false)
	}
	if form.Value("seen") != seen(params) {
		return s.refundPage(w, r, v, form, true)
	}
	if n, _ := minor(form.Value("amount"), c.Value.Currency); !v.Retyped(form, n, c.Value.Currency) {
		return s.refundPage(w, r, v, form, false)
	}
	if reason := form.Value("reason"); reason != "" {
		params.Set("reason", reason)
	}
	err = api(v).PostOnce(r.Context(), "/v1/refunds", params, form.Value("idempotency_key"), nil)
	if e := refused(err); e != nil {
		form.Fail("amount", "refund.refused", "message", e.Message)
		return s.refundPage(w, r, v, form, false)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, withAccount(v, v.Path("payments", c.Value.ID)), "refunded")
}

// actView is a page that says what an action will do before it is done.
type actView struct {
	Charge charge
	Action string
	Cancel string
}

func (s *section) act(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, name string, form *ui.Form) error {
	c, err := s.charge(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !form.Has("amount") {
		form.Set("amount", decimal(c.Value.Amount, c.Value.Currency))
	}
	if !form.Has("receipt_email") {
		form.Set("receipt_email", text(c.Value.ReceiptEmail))
	}
	view := actView{Charge: c.Value, Action: withAccount(v, v.Path("payments", c.Value.ID, name)), Cancel: withAccount(v, v.Path("payments", c.Value.ID))}
	return s.pages.Render(w, r, v, name, ui.View{Title: "payment." + name + ".title", Form: form, Data: view, Back: &ui.Link{Href: view.Cancel, Key: "payment.title"}})
}

func (s *section) capture(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.act(w, r, v, "capture", ui.NewForm(nil))
}

func (s *section) cancel(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.act(w, r, v, "cancel", ui.NewForm(nil))
}

func (s *section) captureNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	c, err := s.charge(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	n, ok := minor(form.Value("amount"), c.Value.Currency)
	if !ok || n < 1 || n > c.Value.Amount {
		form.Fail("amount", "refund.amount_wrong", "left", shown(c.Value.Amount, c.Value.Currency))
		return s.act(w, r, v, "capture", form)
	}
	path, params := "/v1/charges/"+url.PathEscape(c.Value.ID)+"/capture", url.Values{"amount": {strconv.FormatInt(n, 10)}}
	if intent := c.Value.PaymentIntent.ID; intent != "" {
		path, params = "/v1/payment_intents/"+url.PathEscape(intent)+"/capture", url.Values{"amount_to_capture": {strconv.FormatInt(n, 10)}}
	}
	return s.acted(w, r, v, "capture", "captured", path, params, form)
}

func (s *section) cancelNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	c, err := s.charge(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.acted(w, r, v, "cancel", "canceled", "/v1/payment_intents/"+url.PathEscape(c.Value.PaymentIntent.ID)+"/cancel", url.Values{}, ui.PostedForm(r))
}

func (s *section) acted(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, name, done, path string, params url.Values, form *ui.Form) error {
	err := api(v).PostOnce(r.Context(), path, params, form.Value("idempotency_key"), nil)
	if e := refused(err); e != nil {
		form.Fail("amount", "refund.refused", "message", e.Message)
		return s.act(w, r, v, name, form)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, withAccount(v, v.Path("payments", r.PathValue("id"))), done)
}

// newView is the form of a test payment.
type newView struct {
	Cards    []ui.Option
	Accounts []ui.Option
}

// cards are the outcomes of the sandbox that people ask for most.
var cards = []ui.Option{
	{Value: "pm_card_visa", Key: "new.card.visa"}, {Value: "pm_card_bypassPending", Key: "new.card.available"},
	{Value: "pm_card_visa_chargeDeclined", Key: "new.card.declined"}, {Value: "pm_card_chargeDeclinedInsufficientFunds", Key: "new.card.insufficient"},
}

func (s *section) newPayment(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.NewForm(nil)
	form.Set("amount", decimal(60000, string(v.Chair.Currency)))
	form.Set("card", "pm_card_visa")
	return s.newPage(w, r, v, form)
}

func (s *section) newPage(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	view := newView{Cards: cards, Accounts: []ui.Option{{Value: "", Key: "new.nobody"}}}
	if v.May("accounts:read") {
		accounts, err := all[struct {
			ID              string
			Email           string
			BusinessProfile struct{ Name string } `json:"business_profile"`
		}](r, v.API, "/v1/accounts", url.Values{})
		if err != nil {
			return err
		}
		for _, a := range accounts {
			name := strings.TrimSpace(a.BusinessProfile.Name)
			if name == "" {
				name = a.Email
			}
			view.Accounts = append(view.Accounts, ui.Option{Value: a.ID, Text: strings.TrimSpace(name + " " + a.ID)})
		}
	}
	return s.pages.Render(w, r, v, "new", ui.View{Title: "new.title", Form: form, Data: view, Back: &ui.Link{Href: v.Path("payments"), Key: "payments.title"}})
}

func (s *section) createPayment(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form, currency := ui.PostedForm(r), string(v.Chair.Currency)
	n, ok := minor(form.Value("amount"), currency)
	if !ok || n < 1 {
		form.Fail("amount", "new.amount_wrong")
		return s.newPage(w, r, v, form)
	}
	params := url.Values{
		"amount": {strconv.FormatInt(n, 10)}, "currency": {currency}, "confirm": {"true"}, "payment_method": {form.Value("card")},
		"description": {form.Value("description")},
	}
	if form.Value("capture") == "manual" {
		params.Set("capture_method", "manual")
	}
	if to := form.Value("destination"); to != "" {
		params.Set("transfer_data[destination]", to)
		if typed := form.Value("fee"); typed != "" {
			fee, ok := minor(typed, currency)
			if !ok {
				form.Fail("fee", "new.amount_wrong")
				return s.newPage(w, r, v, form)
			}
			params.Set("application_fee_amount", strconv.FormatInt(fee, 10))
		}
	}
	if v.Chair.Livemode {
		form.Fail("amount", "new.live")
		return s.newPage(w, r, v, form)
	}
	var intent struct {
		LatestCharge wire.Ref `json:"latest_charge"`
	}
	err := v.API.PostOnce(r.Context(), "/v1/payment_intents", params, form.Value("idempotency_key"), &intent)
	if e := refused(err); e != nil {
		field := map[string]string{"application_fee_amount": "fee", "transfer_data[destination]": "destination", "payment_method": "card"}[e.Param]
		if field == "" {
			field = "amount"
		}
		form.Fail(field, "refund.refused", "message", e.Message)
		return s.newPage(w, r, v, form)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("payments", intent.LatestCharge.ID), "paid")
}
