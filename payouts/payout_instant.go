package payouts

import (
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// instantWay is the rail that takes a payout within minutes, or why there is none
// for this bank account.
func instantWay(set rail.Set, to Destination) (rail.Capabilities, error) {
	found, ok := set.Find(rail.Use{Currency: to.Currency, Country: to.Country, Instant: true})
	if ok {
		return found.Capabilities(), nil
	}
	anyCurrency := false
	for _, way := range set {
		c := way.Capabilities()
		if !c.Instant {
			continue
		}
		if c.Takes(rail.Use{Currency: to.Currency, Country: firstOf(c.Countries), Instant: true}) {
			return rail.Capabilities{}, fault.Invalidf("instant_payouts_unsupported", "destination",
				"The bank account '%s' cannot be paid instantly; use the method standard.", to.ID)
		}
		anyCurrency = true
	}
	if anyCurrency {
		return rail.Capabilities{}, fault.Invalidf("instant_payouts_currency_disabled", "currency",
			"Instant payouts are not available in %s; use the method standard.", to.Currency)
	}
	return rail.Capabilities{}, fault.Invalidf("instant_payouts_unsupported", "method",
		"Instant payouts are not supported; use the method standard.")
}

func firstOf(countries []string) string {
	if len(countries) == 0 {
		return ""
	}
	return countries[0]
}

// withinLimit refuses what is more than the rail takes at once.
func withinLimit(way rail.Capabilities, amount money.Amount, method string) error {
	limit, limited := way.Most[amount.Currency]
	if !limited || amount.Minor <= limit {
		return nil
	}
	code := "payouts_limit_exceeded"
	if method == Instant {
		code = "instant_payouts_limit_exceeded"
	}
	return fault.Invalidf(code, "amount", "This payout is larger than the bank takes at once: %s at most.", money.New(limit, amount.Currency))
}

// hasten makes a payout instant: it is handed over at once, without a time in which
// it could be canceled, and arrives today.
func (p *Payout) hasten(now time.Time) {
	p.Method, p.SendAfter, p.ArrivalDate = Instant, now, dayOf(now)
}
