package payoutpages

import (
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// payout is one as the API shows it, with its account opened.
type payout struct {
	wire.Payout
	Account   party  `json:"account"`
	ItemCount *int64 `json:"item_count"` // in lists of several accounts
}

// State is the status as the pages show it: what waits for people says so.
func (p payout) State() string {
	switch {
	case p.Status == "pending" && p.OnHold:
		return "on_hold"
	case p.Status == "pending" && text(p.Approval) == "required":
		return "requires_approval"
	}
	return p.Status
}

// Bank is where it goes.
func (p payout) Bank() string {
	if shown := p.Account.bank(p.Destination.ID); shown != "" {
		return shown
	}
	return p.Destination.ID
}

// Trace is the bank's reference, or "".
func (p payout) Trace() string { return text(p.TraceID.Value) }

var payoutList = dashboard.List[payout]{
	Name: "payouts", Path: "/v1/payouts", Totals: "/v1/payouts/totals", Dates: true,
	Bulk: []dashboard.Bulk{
		{Key: "act.hold", Icon: "pause", Path: "/payouts/several/hold", Permission: "payout_holds:write"},
		{Key: "act.release", Icon: "play", Path: "/payouts/several/release", Permission: "payout_holds:write"},
	},
	Params: url.Values{"account": {"all"}, "expand[]": {"data.account"}},
	Filters: []dashboard.Filter{
		{Name: "status", Label: "payouts.status", Chips: true, Options: []ui.Option{
			{Value: "pending", Key: "status.pending"}, {Value: "in_transit", Key: "status.in_transit"}, {Value: "paid", Key: "status.paid"},
			{Value: "failed", Key: "status.failed"}, {Value: "canceled", Key: "status.canceled"},
		}},
		{Name: "account", Label: "payouts.account_id"},
		{Name: "trace_id", Label: "payouts.trace"},
		{Name: "rail", Label: "payouts.rail"},
	},
	Columns: []dashboard.Column[payout]{
		{Key: "payouts.amount", Number: true,
			Cell: func(v *dashboard.Visit, p payout) any { return v.Amount(p.Amount, p.Currency) },
			CSV:  func(_ *dashboard.Visit, p payout) string { return decimal(p.Amount, p.Currency) }},
		{Key: "payouts.currency", Extra: true, Cell: func(_ *dashboard.Visit, p payout) any { return code(p.Currency) }},
		{Key: "payouts.status", Cell: func(v *dashboard.Visit, p payout) any { return v.Status(p.State()) }},
		{Key: "payouts.account", Cell: func(_ *dashboard.Visit, p payout) any { return p.Account.Label() },
			CSV: func(_ *dashboard.Visit, p payout) string { return p.Account.ID }},
		{Key: "payouts.bank", Cell: func(_ *dashboard.Visit, p payout) any { return p.Bank() }},
		{Key: "payouts.rail", Cell: func(_ *dashboard.Visit, p payout) any { return p.Rail }},
		{Key: "payouts.items", Number: true, Cell: func(_ *dashboard.Visit, p payout) any {
			if p.ItemCount == nil {
				return ""
			}
			return *p.ItemCount
		}},
		{Key: "payouts.created", Cell: func(v *dashboard.Visit, p payout) any { return v.When(p.Created) }},
		{Key: "payouts.arrival", Cell: func(v *dashboard.Visit, p payout) any { return day(v, p.ArrivalDate) }},
		{Key: "payouts.trace", Cell: func(_ *dashboard.Visit, p payout) any { return p.Trace() }},
		{Key: "payouts.failure", Extra: true, Cell: func(_ *dashboard.Visit, p payout) any { return text(p.FailureCode) }},
		{Key: "payouts.run", Extra: true, Cell: func(v *dashboard.Visit, p payout) any { return v.Link(text(p.PayoutRun)) }},
		{Key: "payouts.batch", Extra: true, Cell: func(v *dashboard.Visit, p payout) any { return v.Link(text(p.Batch)) }},
	},
	Href: func(v *dashboard.Visit, p payout) string { return v.Path("payouts", p.ID) },
	Empty: dashboard.Empty{Icon: "banknote", Title: "payouts.none", Body: "payouts.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" -d amount=10000 -d currency=hkd http://localhost:8080/v1/payouts`},
}

// day shows midnight UTC of a bank's day as that day, whatever the account's zone is.
func day(v *dashboard.Visit, unix int64) any {
	return ui.FormatDate(unixUTC(unix), unixUTC(0).Location(), v.Locale)
}

func (s *section) payouts(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return payoutList.Serve(w, r, v, func(t *dashboard.Table) error {
		var counts wire.PayoutCounts
		if err := v.API.Get(r.Context(), "/v1/payout_counts", nil, &counts); err != nil {
			return err
		}
		t.Count(counts.Statuses)
		return render(s, w, r, v, "payouts", "payouts.title", nil, t)
	})
}
