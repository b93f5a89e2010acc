package tutorpages

import (
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// line is a line of the account's statement.
type line struct {
	ID          string
	Amount      int64
	AvailableOn int64 `json:"available_on"`
	Balance     int64
	Created     int64
	Currency    string
	Description *string
	Fee         int64
	Net         int64
	Payout      *string
	Source      *string
	Type        string
}

// MinusFee is the fee as it lowers the line.
func (l line) MinusFee() int64 { return -l.Fee }

// words is what the payer or platform wrote about a payment. Other lines are described
// by the ledger in English: their type says it in the reader's language.
func (l line) words() string {
	if l.Description != nil && (l.Type == "charge" || l.Type == "payment") {
		return *l.Description
	}
	return ""
}

// utcDay is a day that the API tells as midnight UTC: an arrival at a bank.
func utcDay(v *dashboard.Visit, unix int64) template.HTML {
	if unix == 0 {
		return ""
	}
	at := time.Unix(unix, 0).UTC()
	return template.HTML(`<time datetime="` + at.Format(time.DateOnly) + `">` + template.HTMLEscapeString(ui.FormatDay(at, time.UTC, v.Locale)) + `</time>`)
}

// currencies are the choices of a filter, if there is a choice.
func currencies(r *http.Request, v *dashboard.Visit) ([]ui.Option, error) {
	var b wire.Balance
	if err := v.API.Get(r.Context(), "/v1/balance", nil, &b); err != nil {
		return nil, err
	}
	var options []ui.Option
	for _, a := range b.Available {
		options = append(options, ui.Option{Value: a.Currency, Text: upper(a.Currency)})
	}
	return options, nil
}

func (s *section) lineColumns() []dashboard.Column[line] {
	return []dashboard.Column[line]{
		{Key: "activity.what", Cell: func(v *dashboard.Visit, l line) any { return s.word(v, "line", l.Type) }},
		{Key: "activity.net", Number: true, Cell: func(v *dashboard.Visit, l line) any { return v.Amount(l.Net, l.Currency) }},
		{Key: "activity.balance", Number: true, Cell: func(v *dashboard.Visit, l line) any { return v.Amount(l.Balance, l.Currency) }},
		{Key: "activity.created", Cell: func(v *dashboard.Visit, l line) any { return v.When(l.Created) }},
		{Key: "activity.description", Cell: func(v *dashboard.Visit, l line) any { return l.words() }},
		{Key: "activity.amount", Number: true, Cell: func(v *dashboard.Visit, l line) any { return v.Amount(l.Amount, l.Currency) }},
		{Key: "activity.fee", Number: true, Cell: func(v *dashboard.Visit, l line) any { return v.Amount(-l.Fee, l.Currency) }},
		{Key: "activity.available", Cell: func(v *dashboard.Visit, l line) any { return utcDay(v, l.AvailableOn) }},
		{Key: "activity.source", Extra: true, Cell: func(v *dashboard.Visit, l line) any { return link(v, l.Source) }},
		{Key: "activity.payout", Extra: true, Cell: func(v *dashboard.Visit, l line) any { return link(v, l.Payout) }},
	}
}

func link(v *dashboard.Visit, id *string) any {
	if id == nil {
		return nil
	}
	return v.Link(*id)
}

func (s *section) activity(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	list := dashboard.List[line]{
		Name: "activity", Path: "/v1/balance_transactions/running", Dates: true, Columns: s.lineColumns(),
		Empty: dashboard.Empty{Icon: "wallet", Title: "activity.none", Body: "activity.none.body"},
	}
	options, err := currencies(r, v)
	if err != nil {
		return err
	}
	if len(options) > 1 {
		list.Filters = []dashboard.Filter{{Name: "currency", Label: "activity.currency", Options: options}}
	}
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "activity", ui.View{Title: "activity.title", Data: t})
	})
}

// refundLine is a line with the refund behind it, if that is the account's to see.
type refundLine struct {
	Currency string
	Created  int64
	Net      int64
	Payout   *string
	Source   maybe[struct{ Charge string }]
	Type     string
}

// refunds lists what went back to payers, and what came back of fees with it.
func (s *section) refunds(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	list := dashboard.List[refundLine]{
		Name: "refunds", Path: "/v1/balance_transactions", Dates: true,
		Params: url.Values{"types[]": {"refund", "payment_refund", "refund_failure", "application_fee_refund"}, "expand[]": {"data.source"}},
		Columns: []dashboard.Column[refundLine]{
			{Key: "refunds.cost", Number: true, Cell: func(v *dashboard.Visit, l refundLine) any { return v.Amount(l.Net, l.Currency) }},
			{Key: "refunds.what", Cell: func(v *dashboard.Visit, l refundLine) any { return s.word(v, "refunds.line", l.Type) }},
			{Key: "refunds.created", Cell: func(v *dashboard.Visit, l refundLine) any { return v.When(l.Created) }},
			{Key: "refunds.payment", Cell: func(v *dashboard.Visit, l refundLine) any {
				if l.Source.Value == nil {
					return nil
				}
				return v.Link(l.Source.Value.Charge)
			}},
			{Key: "refunds.payout", Cell: func(v *dashboard.Visit, l refundLine) any {
				if l.Payout == nil {
					return v.Text("refunds.next_payout")
				}
				return v.Link(*l.Payout)
			}},
		},
		Empty: dashboard.Empty{Icon: "undo-2", Title: "refunds.none", Body: "refunds.none.body"},
	}
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "refunds", ui.View{Title: "refunds.title", Data: t})
	})
}
