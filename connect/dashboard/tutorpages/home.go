package tutorpages

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/wire"
)

// homeView answers the one question: how much comes, when, and where to.
type homeView struct {
	Next   []nextView
	Funds  []fundsView
	Due    *due
	Chart  template.HTML
	Table  template.HTML
	Sum    int64
	Count  int
	Days   int
	More   bool // not all of the days' payments were counted
	Latest []latestView

	Currency string
}

// nextView is the next payout in a currency as a sentence.
type nextView struct {
	Amount   any
	Day      any
	Bank     string
	Way      string
	Currency string
	Reason   string // in words, if none comes
	Mend     string // where the person can do something about it
	Later    []laterView
}

type laterView struct {
	Day    any
	Amount any
}

// latestView is a payment in a line.
type latestView struct {
	What, Href string
	Note       any
	Net        any
}

type fundsView struct {
	Currency                 string
	Available, Pending, Held int64
}

const (
	chartDays   = 30
	chartRows   = 1000 // payments that a chart counts
	laterShown  = 5
	latestShown = 5
)

func (s *section) home(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	h := &homeView{Days: chartDays, Currency: string(v.Chair.Currency)}
	var b wire.Balance
	if err := v.API.Get(r.Context(), "/v1/balance", nil, &b); err != nil {
		return err
	}
	for _, a := range b.Available {
		h.Funds = append(h.Funds, fundsView{Currency: a.Currency, Available: a.Amount, Pending: of(b.Pending, a.Currency), Held: of(b.Held, a.Currency)})
	}
	a, err := accountOf(r, v)
	if err != nil {
		return err
	}
	h.Due = s.dueOf(v, a)
	c := calendar{}
	if v.May("payouts:read") {
		next, err := nextPayouts(r, v)
		if err != nil {
			return err
		}
		for _, n := range next {
			c[n.Currency] = n
			h.Next = append(h.Next, s.nextView(v, a, n))
		}
	}
	if v.May("balance_transactions:read") {
		if err := s.latest(r, v, h, c); err != nil {
			return err
		}
	}
	return s.pages.Render(w, r, v, "home", ui.View{Title: "home.title", Data: h})
}

func of(amounts []wire.BalanceAmount, currency string) int64 {
	for _, a := range amounts {
		if a.Currency == currency {
			return a.Amount
		}
	}
	return 0
}

func (s *section) nextView(v *dashboard.Visit, a wire.Account, n wire.NextPayout) nextView {
	view := nextView{Currency: n.Currency}
	if n.Reason != nil {
		view.Reason = s.word(v, "why", *n.Reason)
		switch *n.Reason {
		case "no_bank_account", "bank_account_errored", "payouts_disabled":
			view.Mend = details(v)
		}
		return view
	}
	if n.ArrivalDate == nil || n.Destination == nil {
		view.Reason = s.word(v, "why", "nothing_available")
		return view
	}
	view.Amount, view.Day, view.Bank = v.Amount(n.Amount, n.Currency), utcDay(v, *n.ArrivalDate), bank(v, a, *n.Destination)
	if n.Rail != nil && s.pages.Has("rail."+*n.Rail) {
		view.Way = string(v.Text("rail." + *n.Rail))
	}
	for i, day := range n.Paydays {
		if i > 0 && i <= laterShown {
			view.Later = append(view.Later, laterView{utcDay(v, day.ArrivalDate), v.Amount(day.Amount, n.Currency)})
		}
	}
	return view
}

// latest is what was earned lately: the newest payments, and a month of days.
func (s *section) latest(r *http.Request, v *dashboard.Visit, h *homeView, c calendar) error {
	var newest struct{ Data []earning }
	params := url.Values{"limit": {strconv.Itoa(latestShown)}, "expand[]": {"data.payout"}}
	if err := v.API.Get(r.Context(), "/v1/earnings", params, &newest); err != nil || len(newest.Data) == 0 {
		return err
	}
	for _, e := range newest.Data {
		l := latestView{What: s.what(v, e), Href: v.Path("earnings", e.Source), Net: v.Amount(e.Net, e.Currency), Note: v.Day(e.Created)}
		if at, expected := c.arrives(e); at != 0 && expected {
			l.Note = v.Sentence("home.expected", "day", utcDay(v, at))
		} else if at != 0 {
			l.Note = v.Sentence("home.arrived", "day", utcDay(v, at))
		}
		h.Latest = append(h.Latest, l)
	}
	rows, all, err := lately(r, v, h.Currency, newest.Data[0].Created)
	if err != nil || len(rows) == 0 {
		return err
	}
	h.More = !all
	h.draw(v, rows)
	return nil
}

// lately is what was earned in the days of the chart. The newest payment, not the
// clock, is its end: in test mode the world has a clock of its own.
func lately(r *http.Request, v *dashboard.Visit, currency string, newest int64) ([]earning, bool, error) {
	from := dayOf(v, newest).AddDate(0, 0, 1-chartDays)
	params := url.Values{"currency": {currency}, "created[gte]": {strconv.FormatInt(from.Unix(), 10)}}
	return everything(r, v, "/v1/earnings", params, chartRows, func(e earning) string { return e.ID })
}

// dayOf is the beginning of the day of an instant in the account's zone.
func dayOf(v *dashboard.Visit, unix int64) time.Time {
	at := time.Unix(unix, 0).In(v.Chair.Zone)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, v.Chair.Zone)
}

// shortDay is a day without its year, for an axis.
func shortDay(v *dashboard.Visit, day time.Time) string {
	year := strconv.Itoa(day.Year())
	return strings.TrimPrefix(strings.TrimSuffix(ui.FormatDate(day, v.Chair.Zone, v.Locale), " "+year), year+"年")
}

// draw makes the chart of what each day left the account, and its table.
func (h *homeView) draw(v *dashboard.Visit, rows []earning) {
	last := dayOf(v, rows[0].Created)
	values, labels := make([]int64, chartDays), make([]string, chartDays)
	at := map[string]int{}
	for i := range chartDays {
		day := last.AddDate(0, 0, i+1-chartDays)
		at[day.Format(time.DateOnly)], labels[i] = i, shortDay(v, day)
	}
	for _, e := range rows {
		if i, ok := at[dayOf(v, e.Created).Format(time.DateOnly)]; ok {
			values[i] += e.Net
			h.Sum += e.Net
			h.Count++
		}
	}
	plot := chart.Bars{
		Title: string(v.Text("home.chart")), Desc: string(v.Text("home.chart.desc", "days", chartDays)), Labels: labels,
		Series: []chart.Series{{Name: string(v.Text("earnings.net")), Class: "payee", Values: values}},
		Format: func(n int64) string {
			return ui.FormatMoney(money.Amount{Minor: n, Currency: money.Currency(h.Currency)})
		},
	}
	h.Chart, h.Table = plot.SVG(), plot.Table(string(v.Text("home.day"))).HTML()
}
