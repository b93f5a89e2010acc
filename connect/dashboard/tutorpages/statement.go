package tutorpages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
)

// mostOfMonth bounds the lines that a statement is made of.
const mostOfMonth = 5000

// statementView is a month of one currency: opening + sums = closing.
type statementView struct {
	Month            string // 2026-11
	Named            string
	Currency         string
	Currencies       []ui.Option
	Opening, Closing int64
	Sums             []term
	Lines            []statementLine
	Complete         bool
	Earlier, Later   string
	CSV              string
	Holder           string
}

type statementLine struct {
	line
	What, Words string
}

func upper(currency string) string { return strings.ToUpper(currency) }

func (s *section) statement(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	start, err := time.ParseInLocation("2006-01", v.Query.Get("month"), v.Chair.Zone)
	if err != nil {
		now := time.Now().In(v.Chair.Zone)
		start = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, v.Chair.Zone)
	}
	end := start.AddDate(0, 1, 0)
	view := statementView{
		Month: start.Format("2006-01"), Named: ui.FormatDate(start, v.Chair.Zone, v.Locale) + " – " + ui.FormatDate(end.Add(-time.Second), v.Chair.Zone, v.Locale),
		Currency: string(v.Chair.Currency), Holder: v.Chair.Name,
		Earlier: v.Here("month", start.AddDate(0, -1, 0).Format("2006-01")), Later: v.Here("month", end.Format("2006-01")),
	}
	if view.Currencies, err = currencies(r, v); err != nil {
		return err
	}
	if chosen := v.Query.Get("currency"); slices.ContainsFunc(view.Currencies, func(o ui.Option) bool { return o.Value == chosen }) {
		view.Currency = chosen
	}
	period := url.Values{
		"currency": {view.Currency}, "created[gte]": {strconv.FormatInt(start.Unix(), 10)}, "created[lt]": {strconv.FormatInt(end.Unix(), 10)},
	}
	lines, complete, err := everything(r, v, runningPath, period, mostOfMonth, func(l line) string { return l.ID })
	if err != nil {
		return err
	}
	view.Complete = complete
	if len(lines) == 0 {
		view.Opening, err = before(r, v, view.Currency, start)
		view.Closing = view.Opening
	} else {
		oldest := lines[len(lines)-1]
		view.Opening, view.Closing = oldest.Balance-oldest.Net, lines[0].Balance
	}
	if err != nil {
		return err
	}
	view.sum(s, v, lines)
	q := url.Values{"from": {start.Format(time.DateOnly)}, "to": {end.AddDate(0, 0, -1).Format(time.DateOnly)}, "format": {"csv"}, "currency": {view.Currency}}
	view.CSV = v.Path("activity") + "?" + q.Encode()
	return s.pages.Render(w, r, v, "statement", ui.View{Title: "statement.title", Data: view})
}

const runningPath = "/v1/balance_transactions/running"

// before is what the account had when a month began.
func before(r *http.Request, v *dashboard.Visit, currency string, start time.Time) (int64, error) {
	var last struct{ Data []line }
	err := v.API.Get(r.Context(), runningPath, url.Values{"currency": {currency}, "limit": {"1"}, "created[lt]": {strconv.FormatInt(start.Unix(), 10)}}, &last)
	if err != nil || len(last.Data) == 0 {
		return 0, err
	}
	return last.Data[0].Balance, nil
}

// sum adds the lines up by what they are, fees apart, in the order of the statement.
func (view *statementView) sum(s *section, v *dashboard.Visit, lines []line) {
	add := func(name string, amount int64) {
		if amount == 0 {
			return
		}
		i := slices.IndexFunc(view.Sums, func(t term) bool { return t.Name == name })
		if i < 0 {
			i, view.Sums = len(view.Sums), append(view.Sums, term{Name: name})
		}
		view.Sums[i].Amount += amount
		view.Sums[i].Count++
	}
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		what := s.word(v, "line", l.Type)
		add(what, l.Amount)
		add(string(v.Text("statement.fees")), -l.Fee)
		view.Lines = append(view.Lines, statementLine{l, what, l.words()})
	}
}
