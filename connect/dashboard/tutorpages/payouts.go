package tutorpages

import (
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// mostLines bounds what a page shows of a payout; its CSV has all.
const mostLines = 1000

func (s *section) payouts(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	a, err := accountOf(r, v)
	if err != nil {
		return err
	}
	var states []ui.Option
	for _, status := range []string{"paid", "in_transit", "pending", "failed"} {
		states = append(states, ui.Option{Value: status, Key: "status." + status})
	}
	list := dashboard.List[wire.Payout]{
		Name: "payouts", Path: "/v1/payouts", Dates: true,
		Filters: []dashboard.Filter{{Name: "status", Label: "payouts.status", Options: states, Chips: true}},
		Columns: []dashboard.Column[wire.Payout]{
			{Key: "payouts.amount", Number: true, Cell: func(v *dashboard.Visit, p wire.Payout) any { return v.Amount(p.Amount, p.Currency) }},
			{Key: "payouts.arrives", Cell: func(v *dashboard.Visit, p wire.Payout) any { return utcDay(v, p.ArrivalDate) }},
			{Key: "payouts.status", Cell: func(v *dashboard.Visit, p wire.Payout) any { return v.Status(p.Status) }},
			{Key: "payouts.bank", Cell: func(v *dashboard.Visit, p wire.Payout) any { return bank(v, a, p.Destination.ID) }},
			{Key: "payouts.created", Cell: func(v *dashboard.Visit, p wire.Payout) any { return v.When(p.Created) }},
			{Key: "payouts.id", Extra: true, Cell: func(v *dashboard.Visit, p wire.Payout) any { return v.Link(p.ID) }},
		},
		Href:  func(v *dashboard.Visit, p wire.Payout) string { return v.Path("payouts", p.ID) },
		Empty: dashboard.Empty{Icon: "landmark", Title: "payouts.none", Body: "payouts.none.body"},
	}
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "payouts", ui.View{Title: "payouts.title", Data: t})
	})
}

// payoutView is a payout with the equation that closes.
type payoutView struct {
	Payout  wire.Payout
	Sum     int64
	Terms   []term
	Lines   []payoutLine
	All     bool // Lines are all
	Bank    string
	Holder  string
	Day     any
	Look    string // what to look for on the bank statement
	Failure string
}

// term is one member of the equation.
type term struct {
	Name   string
	Amount int64
	Count  int64
}

type payoutLine struct {
	line
	What  string // of what type it is
	Words string // what it is called
	Href  string
}

func (s *section) payoutView(r *http.Request, v *dashboard.Visit) (*payoutView, error) {
	path := "/v1/payouts/" + url.PathEscape(r.PathValue("id"))
	p := &payoutView{}
	if err := v.API.Get(r.Context(), path, nil, &p.Payout); err != nil {
		return nil, err
	}
	var why wire.PayoutExplanation
	if err := v.API.Get(r.Context(), path+"/explanation", nil, &why); err != nil {
		return nil, err
	}
	for _, t := range why.Terms {
		p.Terms = append(p.Terms, term{s.word(v, "term", t.Term), t.Amount, t.Count})
	}
	p.Sum = why.Sum
	a, err := accountOf(r, v)
	if err != nil {
		return nil, err
	}
	p.Bank, p.Holder, p.Day = bank(v, a, p.Payout.Destination.ID), v.Chair.Name, utcDay(v, p.Payout.ArrivalDate)
	if trace := p.Payout.TraceID.Value; trace != nil {
		p.Look = *trace
	}
	if d := p.Payout.StatementDescriptor; d != nil && *d != "" {
		p.Look = *d
	}
	if code := p.Payout.FailureCode; code != nil {
		p.Failure = s.word(v, "failure", *code)
	}
	var lines []line
	if v.May("balance_transactions:read") {
		lines, p.All, err = everything(r, v, "/v1/balance_transactions", url.Values{"payout": {p.Payout.ID}, "items": {"true"}}, mostLines, func(l line) string { return l.ID })
		if err != nil {
			return nil, err
		}
	}
	for _, l := range lines {
		shown := payoutLine{line: l, What: s.word(v, "line", l.Type), Words: l.words()}
		if shown.Words == "" {
			shown.Words, shown.What = shown.What, ""
		}
		if l.Source != nil {
			shown.Href = v.Where(*l.Source)
		}
		p.Lines = append(p.Lines, shown)
	}
	return p, nil
}

func (s *section) payout(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	p, err := s.payoutView(r, v)
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "payout", ui.View{Title: "payout.title", Back: &ui.Link{Href: v.Path("payouts"), Key: "payouts.title"}, Data: p})
}

// advice is the same to be printed or kept: who was paid what, for what.
func (s *section) advice(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	p, err := s.payoutView(r, v)
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "advice", ui.View{Title: "advice.title", Back: &ui.Link{Href: v.Path("payouts", p.Payout.ID), Key: "payout.title"}, Data: p})
}
