package tutorpages

import (
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// earning is what a page shows of a payment that the account was paid.
type earning struct {
	ID             string
	Amount         int64
	ApplicationFee int64 `json:"application_fee"`
	AvailableOn    int64 `json:"available_on"`
	Created        int64
	Currency       string
	Description    *string
	FeeRefunded    int64 `json:"fee_refunded"`
	Net            int64
	Paid           *int64
	Payout         maybe[wire.Payout]
	ProcessingFee  int64 `json:"processing_fee"`
	Refunded       int64
	Source         string
}

// Fee is what the platform keeps in the end.
func (e earning) Fee() int64 { return e.ApplicationFee - e.FeeRefunded }

// MinusFee is the application fee as it lowers what is left; so are the two below.
func (e earning) MinusFee() int64 { return -e.ApplicationFee }

// MinusProcessing is the processing fee.
func (e earning) MinusProcessing() int64 { return -e.ProcessingFee }

// MinusRefunded is what was taken back.
func (e earning) MinusRefunded() int64 { return -e.Refunded }

// Gave is what the payer gave, if it is another amount than the account's part.
func (e earning) Gave() int64 {
	if e.Paid != nil {
		return *e.Paid
	}
	return e.Amount
}

// calendar says when money that is not in a payout yet will be in one.
type calendar map[string]wire.NextPayout

func calendarOf(r *http.Request, v *dashboard.Visit) (calendar, error) {
	if !v.May("payouts:read") {
		return nil, nil
	}
	next, err := nextPayouts(r, v)
	if err != nil {
		return nil, err
	}
	c := calendar{}
	for _, n := range next {
		c[n.Currency] = n
	}
	return c, nil
}

// arrives is when an earning is at the bank, and whether that is only expected; 0 is unknown.
func (c calendar) arrives(e earning) (at int64, expected bool) {
	if p := e.Payout.Value; p != nil {
		return p.ArrivalDate, p.Status == "pending" || p.Status == "in_transit"
	}
	next := c[e.Currency]
	if next.Reason != nil {
		return 0, true
	}
	for _, day := range next.Paydays {
		if day.At >= e.AvailableOn {
			return day.ArrivalDate, true
		}
	}
	return 0, true
}

// list is the list of earnings.
func (s *section) list(c calendar) dashboard.List[earning] {
	money := func(key string, amount func(earning) int64) dashboard.Column[earning] {
		return dashboard.Column[earning]{Key: key, Number: true, Cell: func(v *dashboard.Visit, e earning) any { return v.Amount(amount(e), e.Currency) }}
	}
	return dashboard.List[earning]{
		Name: "earnings", Path: "/v1/earnings", Params: url.Values{"expand[]": {"data.payout"}}, Dates: true,
		Columns: []dashboard.Column[earning]{
			{Key: "earnings.what", Cell: func(v *dashboard.Visit, e earning) any { return s.what(v, e) }},
			money("earnings.net", func(e earning) int64 { return e.Net }),
			{Key: "earnings.arrives", Cell: func(v *dashboard.Visit, e earning) any {
				at, _ := c.arrives(e)
				return utcDay(v, at)
			}},
			money("earnings.paid", earning.Gave),
			{Key: "earnings.part", Number: true, Extra: true, Cell: func(v *dashboard.Visit, e earning) any { return v.Amount(e.Amount, e.Currency) }},
			money("earnings.fee", func(e earning) int64 { return -e.Fee() }),
			money("earnings.processing", func(e earning) int64 { return -e.ProcessingFee }),
			money("earnings.refunded", func(e earning) int64 { return -e.Refunded }),
			{Key: "earnings.payout", Cell: func(v *dashboard.Visit, e earning) any {
				if e.Payout.Value == nil {
					return v.Text("earnings.not_yet")
				}
				return v.Link(e.Payout.Value.ID)
			}},
			{Key: "earnings.created", Cell: func(v *dashboard.Visit, e earning) any { return v.When(e.Created) }},
			{Key: "earnings.source", Extra: true, Cell: func(v *dashboard.Visit, e earning) any { return v.Link(e.Source) }},
		},
		Href:  func(v *dashboard.Visit, e earning) string { return v.Path("earnings", e.Source) },
		Empty: dashboard.Empty{Icon: "banknote", Title: "earnings.none", Body: "earnings.none.body"},
	}
}

// what is the lesson in words.
func (s *section) what(v *dashboard.Visit, e earning) string {
	if e.Description != nil && *e.Description != "" {
		return *e.Description
	}
	return string(v.Text("earnings.payment"))
}

func (s *section) earnings(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	c, err := calendarOf(r, v)
	if err != nil {
		return err
	}
	return s.list(c).Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "earnings", ui.View{Title: "earnings.title", Data: t})
	})
}

// earningView is one payment from what the payer gave to what is left.
type earningView struct {
	Earning  earning
	What     string
	Others   int64 // parts of others in what the payer gave
	Arrives  any
	Expected bool
	Reason   string
}

func (s *section) earning(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	var found struct{ Data []earning }
	path := "/v1/earnings?" + url.Values{"source": {id}, "expand[]": {"data.payout"}}.Encode()
	if err := v.API.Get(r.Context(), path, nil, &found); err != nil {
		return err
	}
	if len(found.Data) == 0 {
		return &client.Error{Status: http.StatusNotFound, Message: string(v.Text("earnings.no_such", "id", id))}
	}
	e := found.Data[0]
	c, err := calendarOf(r, v)
	if err != nil {
		return err
	}
	view := earningView{Earning: e, What: s.what(v, e), Others: e.Amount - e.Gave()}
	var at int64
	at, view.Expected = c.arrives(e)
	view.Arrives = utcDay(v, at)
	if why := c[e.Currency].Reason; at == 0 && why != nil {
		view.Reason = s.word(v, "why", *why)
	}
	return s.pages.Render(w, r, v, "earning", ui.View{Title: "earning.title", Back: &ui.Link{Href: v.Path("earnings"), Key: "earnings.title"}, Data: view})
}
