package payoutpages

import (
	"net/http"
	"net/url"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

func unixUTC(second int64) time.Time { return time.Unix(second, 0).UTC() }

// item is one line that a payout consists of.
type item struct {
	wire.BalanceTransaction
}

var itemList = dashboard.List[item]{
	Name: "items", Path: "/v1/balance_transactions", Limit: 50,
	Columns: []dashboard.Column[item]{
		{Key: "items.type", Cell: func(v *dashboard.Visit, i item) any { return v.Text("line." + i.Type) },
			CSV: func(_ *dashboard.Visit, i item) string { return i.Type }},
		{Key: "items.description", Cell: func(_ *dashboard.Visit, i item) any { return text(i.Description) }},
		{Key: "items.source", Cell: func(v *dashboard.Visit, i item) any { return v.Link(i.Source.ID) }},
		{Key: "items.created", Cell: func(v *dashboard.Visit, i item) any { return v.When(i.Created) }},
		{Key: "items.amount", Number: true, Cell: func(v *dashboard.Visit, i item) any { return v.Amount(i.Amount, i.Currency) },
			CSV: func(_ *dashboard.Visit, i item) string { return decimal(i.Amount, i.Currency) }},
		{Key: "items.fee", Number: true, Cell: func(v *dashboard.Visit, i item) any { return v.Amount(-i.Fee, i.Currency) },
			CSV: func(_ *dashboard.Visit, i item) string { return decimal(-i.Fee, i.Currency) }},
		{Key: "items.net", Number: true, Cell: func(v *dashboard.Visit, i item) any { return v.Amount(i.Net, i.Currency) },
			CSV: func(_ *dashboard.Visit, i item) string { return decimal(i.Net, i.Currency) }},
		{Key: "items.entry", Cell: func(v *dashboard.Visit, i item) any { return v.Link(i.LedgerEntry) }},
	},
	Empty: dashboard.Empty{Icon: "receipt", Title: "items.none", Body: "items.none.body"},
}

// itemsOf is the list of what a payout consists of, as its account sees it.
func itemsOf(payout string) dashboard.List[item] {
	l := itemList
	l.Params = url.Values{"payout": {payout}, "items": {"true"}}
	return l
}

// upload is an attempt to bring a file to its bank.
type upload struct {
	ID, Outcome, FoundBy, Note, Error string
	BegunAt                           int64
}

func uploadsOf(b *wire.PayoutBatch) (all []upload) {
	if b == nil {
		return nil
	}
	for _, u := range b.Uploads {
		all = append(all, upload{u.ID, u.Outcome, text(u.FoundBy), text(u.Note), text(u.Error), u.BegunAt})
	}
	return all
}

// opinion is what somebody said of a payout; Refusal is why it does not count.
type opinion struct {
	Actor, Decision, Reason, Refusal string
	Created                          int64
}

// payoutView is what the page of a payout shows.
type payoutView struct {
	Payout   payout
	Arrival  any
	Tabs     []ui.Link
	Tab      string
	Delivery wire.PayoutDelivery
	Equation wire.PayoutExplanation
	Failure  ui.Text // why it failed, in words
	Next     ui.Text // what to do about it
	Acts     []act
	Items    *dashboard.Table
	Entries  []entryView
	Uploads  []upload
	Line     int64  // in the file
	Trace    string // of that line
	Opinions []opinion
	Holds    []wire.PayoutHold
	Curl     string
	JSON     string
}

// open reads a payout of any account of the platform: how it is delivered says whose it is.
func openPayout(r *http.Request, v *dashboard.Visit, id string) (p dashboard.Object[payout], d wire.PayoutDelivery, err error) {
	if err = v.API.Get(r.Context(), "/v1/payouts/"+url.PathEscape(id)+"/delivery", nil, &d); err != nil {
		return p, d, err
	}
	p, err = dashboard.Fetch[payout](r, in(v, d.Account), "/v1/payouts/"+url.PathEscape(id))
	if err != nil {
		return p, d, err
	}
	var a wire.Account
	if err = v.API.Get(r.Context(), "/v1/accounts/"+url.PathEscape(d.Account), nil, &a); err == nil {
		p.Value.Account = partyOf(a)
	}
	return p, d, err
}

func (s *section) payout(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	p, d, err := openPayout(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, p.Path, p.Raw); done {
		return err
	}
	view := payoutView{Payout: p.Value, Arrival: day(v, p.Value.ArrivalDate), Delivery: d, Curl: v.Curl(p.Path), JSON: v.Here("view", "json")}
	view.Tabs, view.Tab = v.Tabs(
		dashboard.Tab{Name: "overview", Key: "payout.overview"}, dashboard.Tab{Name: "items", Key: "payout.items"},
		dashboard.Tab{Name: "bank", Key: "payout.bank"}, dashboard.Tab{Name: "ledger", Key: "payout.ledger"})
	theirs := in(v, d.Account)
	show := func() error {
		return render(s, w, r, v, "payout", "payout.title", back(v, "payouts.title", "payouts"), view)
	}
	switch view.Tab {
	case "items":
		return itemsOf(p.Value.ID).Serve(w, r, theirs, func(t *dashboard.Table) error {
			view.Items = t
			return show()
		})
	case "ledger":
		view.Entries, err = entriesFrom(r, v, p.Value.ID)
	case "bank":
		err = view.heard(r, v)
	default:
		err = view.explained(r, v, theirs.API)
	}
	if err != nil {
		return err
	}
	return show()
}

// explained reads what the overview shows: the equation, and what can be done.
func (view *payoutView) explained(r *http.Request, v *dashboard.Visit, api *client.Client) error {
	err := api.Get(r.Context(), "/v1/payouts/"+view.Payout.ID+"/explanation", nil, &view.Equation)
	if err != nil {
		return err
	}
	if code := text(view.Payout.FailureCode); code != "" {
		view.Failure, view.Next = failureWords(v, code)
	}
	for _, a := range acts {
		if a.fits(view.Payout, view.Delivery) && v.May(a.permission) {
			view.Acts = append(view.Acts, a)
		}
	}
	return nil
}

// heard reads what people said of the payout.
func (view *payoutView) heard(r *http.Request, v *dashboard.Visit) error {
	var opinions wire.List[wire.PayoutApproval]
	if err := v.API.Get(r.Context(), "/v1/payouts/"+view.Payout.ID+"/approvals", url.Values{"limit": {"100"}}, &opinions); err != nil {
		return err
	}
	for _, o := range opinions.Data {
		view.Opinions = append(view.Opinions, opinion{o.Actor, o.Decision, text(o.Reason), text(o.Refusal), o.Created})
	}
	view.Uploads, view.Trace = uploadsOf(view.Delivery.Batch), text(view.Delivery.LineTrace)
	if view.Delivery.Line != nil {
		view.Line = *view.Delivery.Line
	}
	if !v.May("payout_holds:read") {
		return nil
	}
	var holds wire.List[wire.PayoutHold]
	err := v.API.Get(r.Context(), "/v1/payout_holds", url.Values{"payout": {view.Payout.ID}, "limit": {"100"}}, &holds)
	view.Holds = holds.Data
	return err
}

// failureCodes are those that have words of their own; any other is told like
// could_not_process.
var failureCodes = map[string]bool{
	"account_closed": true, "account_frozen": true, "bank_account_restricted": true, "bank_ownership_changed": true, "could_not_process": true,
	"debit_not_authorized": true, "declined": true, "incorrect_account_holder_address": true, "incorrect_account_holder_name": true,
	"incorrect_account_holder_tax_id": true, "insufficient_funds": true, "invalid_account_number": true, "invalid_currency": true,
	"no_account": true, "unsupported_card": true,
}

// failureWords say why a payout failed and what to do next.
func failureWords(v *dashboard.Visit, code string) (why, next ui.Text) {
	if !failureCodes[code] {
		code = "could_not_process"
	}
	return v.Text("failure." + code), v.Text("failure." + code + ".next")
}
