package ledgerhttp

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/daily"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

type dailyDoor struct {
	pool   *bun.DB
	clocks clock.Modes
}

// DailyRoutes are an account's payments by day.
func DailyRoutes(s *rest.Server, pool *bun.DB, clocks clock.Modes) []rest.Route {
	d := dailyDoor{pool: pool, clocks: clocks}
	return []rest.Route{{Method: http.MethodGet, Path: "/v1/balance/daily", Resource: "balance", Handler: s.Read(d.list),
		Returns: wire.List[wire.BalanceDay]{}}}
}

const (
	defaultDays = 30
	maxDays     = 400
)

// list shows the days on which anything happened, the oldest first: all of a
// period at once, for it is bounded.
func (d dailyDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Currency string `form:"currency"`
		From     string `form:"from"`
		To       string `form:"to"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	to, err := dayParam("to", p.To, d.clocks.For(r.Scope.Livemode).Now().UTC().Truncate(24*time.Hour))
	if err != nil {
		return nil, err
	}
	from, err := dayParam("from", p.From, to.AddDate(0, 0, 1-defaultDays))
	if err != nil {
		return nil, err
	}
	switch {
	case from.After(to):
		return nil, fault.Invalidf("parameter_invalid", "from", "The first day must not be after the last one.")
	case to.Sub(from) >= maxDays*24*time.Hour:
		return nil, fault.Invalidf("parameter_invalid", "from", "A period can have at most %d days.", maxDays)
	}
	totals, err := daily.Totals(ctx, d.pool, r.Scope, money.Currency(strings.ToLower(p.Currency)), from, to)
	if err != nil {
		return nil, err
	}
	shown := []wire.BalanceDay{}
	for _, day := range daily.Days(totals, r.Scope.Connected()) {
		shown = append(shown, showDay(day, r.Scope.Livemode))
	}
	return wire.ListOf("/v1/balance/daily", false, shown), nil
}

func dayParam(name, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fault.Invalidf("parameter_invalid", name, "Invalid day: must be YYYY-MM-DD.")
	}
	return day, nil
}

func showDay(d daily.Day, livemode bool) wire.BalanceDay {
	day := d.Day.Format(time.DateOnly)
	w := wire.BalanceDay{
		ID: day + "." + string(d.Currency), Object: "balance_day", ApplicationFees: d.Fees, Currency: string(d.Currency), Day: day,
		Kept: d.Kept, Livemode: livemode, Net: d.Net, Payments: d.Payments, ProcessingFees: d.Cost, Refunds: d.Refunds,
		Transferred: d.Moved, Volume: d.Volume,
	}
	for _, t := range d.Totals {
		w.Types = append(w.Types, wire.BalanceDayTotal{Amount: t.Amount, Count: t.Count, Fee: t.Fee, Net: t.Net, Type: t.Type})
	}
	return w
}
