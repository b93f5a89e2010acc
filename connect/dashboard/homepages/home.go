package homepages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/wire"
)

// homeView is how a platform stands.
type homeView struct {
	Funds      []funds
	Ranges     []ui.Link
	Currencies []ui.Link
	Currency   string
	Days       int
	Sum        wire.BalanceDay // over the period
	Before     wire.BalanceDay // over the one before it
	Chart      chart.Area
	Table      chart.Table
	HasDays    bool
	Queues     []queue
	Books      *books
	Latest     *dashboard.Table
	Create     bool
}

// funds are a platform's balances in one currency.
type funds struct {
	Currency                                string
	Available, Pending, InTransit, Reserved int64
}

// Code is the currency as people write it.
func (f funds) Code() string { return strings.ToUpper(f.Currency) }

// queue is something that may wait for somebody.
type queue struct {
	Key    string // of its name
	Icon   string
	Count  int
	More   bool // there are more than Count
	Note   string
	Href   string
	Bad    bool // it needs somebody now
	Failed bool // it could not be asked for
}

// books is the light that says that the ledger balances.
type books struct {
	Balanced bool
	Off      []string // currencies in which it does not
	Href     string
}

var periods = []int{7, 30, 90}

// home shows the platform's balances, what it earned, and what waits for somebody.
// Each part is its own question, and one that cannot be answered is said to be so:
// it must not take the others with it.
func (s *section) home(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	h := &homeView{Days: 30, Create: !v.Chair.Livemode && v.May("payment_intents:write")}
	if n, err := strconv.Atoi(v.Query.Get("days")); err == nil && slices.Contains(periods, n) {
		h.Days = n
	}
	for _, n := range periods {
		days := strconv.Itoa(n)
		if n == 30 {
			days = ""
		}
		h.Ranges = append(h.Ranges, ui.Link{Href: v.Here("days", days), Text: string(v.Text("home.days", "days", strconv.Itoa(n))), Active: n == h.Days})
	}
	var trial *wire.TrialBalance
	if v.May("ledger:read") {
		trial = new(wire.TrialBalance)
		if err := v.API.Get(r.Context(), "/v1/ledger/trial_balance", nil, trial); err != nil {
			return err
		}
		h.Books = booksOf(v, *trial)
	}
	if v.May("balance:read") {
		if err := h.balances(r, v, trial); err != nil {
			return err
		}
		if err := h.earnings(r, v); err != nil {
			return err
		}
	}
	h.queues(r, v)
	if v.May("charges:read") {
		latest := payments
		latest.Name, latest.Totals, latest.Limit, latest.Columns = "latest", "", 5, nil
		for _, c := range payments.Columns {
			if slices.Contains([]string{"payments.amount", "payments.status", "payments.description", "payments.tutors", "payments.created"}, c.Key) {
				latest.Columns = append(latest.Columns, c)
			}
		}
		var err error
		if h.Latest, err = latest.Table(r, v); err != nil {
			return err
		}
	}
	return s.pages.Render(w, r, v, "home", ui.View{Title: "home.title", Data: h})
}

// balances are what the platform has, and what is on its way to banks for it and its accounts.
func (h *homeView) balances(r *http.Request, v *dashboard.Visit, trial *wire.TrialBalance) error {
	var b wire.Balance
	if err := v.API.Get(r.Context(), "/v1/balance", nil, &b); err != nil {
		return err
	}
	of := func(currency string) *funds {
		i := slices.IndexFunc(h.Funds, func(f funds) bool { return f.Currency == currency })
		if i < 0 {
			i = len(h.Funds)
			h.Funds = append(h.Funds, funds{Currency: currency})
		}
		return &h.Funds[i]
	}
	for _, a := range b.Available {
		of(a.Currency).Available = a.Amount
	}
	for _, a := range b.Pending {
		of(a.Currency).Pending = a.Amount
	}
	for _, a := range b.ConnectReserved {
		of(a.Currency).Reserved = a.Amount
	}
	if trial != nil {
		for _, row := range trial.Rows {
			if n, err := strconv.ParseInt(row.Balance, 10, 64); err == nil && row.Account == "in_transit" && n != 0 {
				of(row.Currency).InTransit = n
			}
		}
	}
	chosen := v.Query.Get("currency")
	h.Currency = string(v.Chair.Currency)
	if slices.ContainsFunc(h.Funds, func(f funds) bool { return f.Currency == chosen }) {
		h.Currency = chosen
	} else if len(h.Funds) > 0 && !slices.ContainsFunc(h.Funds, func(f funds) bool { return f.Currency == h.Currency }) {
		h.Currency = h.Funds[0].Currency
	}
	if len(h.Funds) > 1 {
		for _, f := range h.Funds {
			h.Currencies = append(h.Currencies, ui.Link{Href: v.Here("currency", f.Currency), Text: f.Code(), Active: f.Currency == h.Currency})
		}
	}
	return nil
}

// earnings are the days of the period and of the one before it.
func (h *homeView) earnings(r *http.Request, v *dashboard.Visit) error {
	today, err := h.today(r, v)
	if err != nil {
		return err
	}
	from := today.AddDate(0, 0, 1-2*h.Days)
	var days struct{ Data []wire.BalanceDay }
	err = v.API.Get(r.Context(), "/v1/balance/daily", url.Values{
		"currency": {h.Currency}, "from": {from.Format(time.DateOnly)}, "to": {today.Format(time.DateOnly)},
	}, &days)
	if err != nil {
		return err
	}
	volume, net := make([]int64, h.Days), make([]int64, h.Days)
	for _, d := range days.Data {
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			return err
		}
		at := int(day.Sub(from)/(24*time.Hour)) - h.Days
		if at < 0 || at >= h.Days {
			add(&h.Before, d)
			continue
		}
		add(&h.Sum, d)
		volume[at], net[at], h.HasDays = d.Volume, d.Net, true
	}
	h.Chart = chart.Area{
		Title: string(v.Text("home.chart")), Desc: string(v.Text("home.chart.desc", "days", strconv.Itoa(h.Days))),
		Series: []chart.Series{{Name: string(v.Text("home.volume")), Class: "charge", Values: volume}, {Name: string(v.Text("home.net")), Class: "payee", Values: net}},
		Format: func(n int64) string { return shown(n, h.Currency) },
	}
	for i := range h.Days {
		h.Chart.Labels = append(h.Chart.Labels, dayLabel(today.AddDate(0, 0, 1-h.Days+i), v.Locale))
	}
	h.Table = h.Chart.Table(string(v.Text("home.day")))
	return nil
}

// today is the API's day: in test mode its clock may be ahead of ours.
func (h *homeView) today(r *http.Request, v *dashboard.Visit) (time.Time, error) {
	now := time.Now()
	if !v.Chair.Livemode && v.May("test_helpers:read") {
		var clock struct{ Now int64 }
		if err := v.API.Get(r.Context(), "/v1/test_helpers/world_clock", nil, &clock); err == nil && clock.Now > 0 {
			now = time.Unix(clock.Now, 0)
		}
	}
	return now.UTC().Truncate(24 * time.Hour), nil
}

func add(sum *wire.BalanceDay, d wire.BalanceDay) {
	sum.Volume += d.Volume
	sum.Payments += d.Payments
	sum.Kept += d.Kept
	sum.ProcessingFees += d.ProcessingFees
	sum.Net += d.Net
	sum.Refunds += d.Refunds
	sum.Transferred += d.Transferred
}

func dayLabel(day time.Time, l ui.Locale) string {
	if l == ui.Chinese {
		return strconv.Itoa(int(day.Month())) + "月" + strconv.Itoa(day.Day()) + "日"
	}
	return day.Format("2 Jan")
}

// booksOf adds both sides up, per currency.
func booksOf(v *dashboard.Visit, t wire.TrialBalance) *books {
	b, sums := &books{Balanced: true, Href: v.Path("trial-balance")}, map[string]int64{}
	for _, row := range t.Rows {
		n, err := strconv.ParseInt(row.Balance, 10, 64)
		if err != nil { // beyond int64: this light cannot tell
			b.Balanced = false
		}
		sums[row.Currency] += n
	}
	for currency, sum := range sums {
		if sum != 0 {
			b.Balanced, b.Off = false, append(b.Off, strings.ToUpper(currency))
		}
	}
	slices.Sort(b.Off)
	return b
}

// queues are the places where work may wait.
func (h *homeView) queues(r *http.Request, v *dashboard.Visit) {
	if v.May("accounts:read") {
		q := queue{Key: "home.accounts", Icon: "users", Href: v.Path("accounts") + "?status=needs_action"}
		var w wire.AccountSummary
		err := v.API.Get(r.Context(), "/v1/accounts/summary", nil, &w)
		n := w.Counts["needs_action"]
		q.count(int(n), n > 0 && n == w.CountedTo, err)
		h.Queues = append(h.Queues, q)
	}
	if v.May("payouts:read") {
		q := queue{Key: "home.failed_payouts", Icon: "banknote", Href: v.Path("payouts") + "?status=failed"}
		var w wire.PayoutCounts
		err := v.API.Get(r.Context(), "/v1/payout_counts", nil, &w)
		var failed wire.StatusCount
		for _, c := range w.Statuses {
			if c.Status == "failed" {
				failed = c
			}
		}
		q.count(int(failed.Count), failed.HasMore, err)
		h.Queues = append(h.Queues, q)
	}
	if v.May("webhook_endpoints:read") {
		q := queue{Key: "home.webhooks", Icon: "webhook", Href: v.Path("webhooks")}
		q.count(waiting(r, v, "/v1/webhook_endpoints", func(e wire.WebhookEndpoint) bool {
			return e.DisabledReason != nil || e.Health != nil && e.Health.State != "" && e.Health.State != "healthy"
		}))
		h.Queues = append(h.Queues, q)
	}
	if v.May("balance:read") {
		q := queue{Key: "home.negative", Icon: "circle-alert", Href: v.Path("accounts")}
		q.count(waiting(r, v, "/v1/negative_balances", func(wire.NegativeBalance) bool { return true }))
		h.Queues = append(h.Queues, q)
	}
	if v.May("charges:read") {
		q := queue{Key: "home.uncaptured", Icon: "credit-card", Href: v.Path("payments") + "?status=uncaptured"}
		var w wire.ListTotals
		err := v.API.Get(r.Context(), "/v1/charges/totals", url.Values{"status": {"uncaptured"}}, &w)
		q.count(int(w.Count), w.Count > 0 && w.Count == w.CountedTo, err)
		q.Bad = false // money that is reserved is no trouble yet
		h.Queues = append(h.Queues, q)
	}
}

func (q *queue) count(n int, more bool, err error) {
	q.Count, q.More, q.Failed, q.Bad = n, more, err != nil, n > 0
}

// waitingPages bounds how far a list is read that nobody counts for us.
const waitingPages = 10

// waiting counts in a list, and says whether there is more of it than was read.
func waiting[T any](r *http.Request, v *dashboard.Visit, path string, counts func(T) bool) (n int, more bool, err error) {
	params := url.Values{"limit": {"100"}}
	for range waitingPages {
		var page struct {
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		if err := v.API.Get(r.Context(), path, params, &page); err != nil {
			return 0, false, err
		}
		var last struct{ ID string }
		for _, raw := range page.Data {
			var row T
			if err := errors.Join(json.Unmarshal(raw, &row), json.Unmarshal(raw, &last)); err != nil {
				return 0, false, err
			}
			if counts(row) {
				n++
			}
		}
		if !page.HasMore {
			return n, false, nil
		}
		params.Set("starting_after", last.ID)
	}
	return n, n > 0, nil
}
