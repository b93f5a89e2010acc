package payouts

import (
	"maps"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// Rules are what a platform says of all payouts of its own and of its connected
// accounts. Amounts are minor units by currency; what is not said does not limit.
type Rules struct {
	ApprovalOver    map[money.Currency]int64 `json:"approval_over"`     // a payout of more waits for two people
	DailyLimit      map[money.Currency]int64 `json:"daily_limit"`       // of all payouts made on a day, together
	MinimumPayout   map[money.Currency]int64 `json:"minimum_payout"`    // less stays in the balance
	CoolingOffHours int64                    `json:"cooling_off_hours"` // after a bank account changed
	Timezone        string                   `json:"timezone"`          // whose days the daily limit counts: the platform's own, or as it says
}

// Policy is the rules of one platform in one mode.
type Policy struct {
	Platform  string
	Livemode  bool
	ID        string // ppol_…; "" while the platform has said nothing
	Rules     Rules  `bun:"type:jsonb"`
	UpdatedAt time.Time
	Version   int64
}

// PolicyParams change some of the rules. An amount given empty ends its rule.
type PolicyParams struct {
	ApprovalOver    map[string]string `form:"approval_over" json:"approval_over,omitempty"`
	DailyLimit      map[string]string `form:"daily_limit" json:"daily_limit,omitempty"`
	MinimumPayout   map[string]string `form:"minimum_payout" json:"minimum_payout,omitempty"`
	CoolingOffHours *int64            `form:"cooling_off_hours" json:"cooling_off_hours,omitempty"`
	Timezone        string            `form:"timezone" json:"timezone,omitempty"`
}

// maxCoolingOff is a quarter of a year, in hours.
const maxCoolingOff = 90 * 24

// with lays params over the rules.
func (r Rules) with(p PolicyParams) (Rules, error) {
	next := r
	for _, a := range []struct {
		param string
		given map[string]string
		of    *map[money.Currency]int64
	}{
		{"approval_over", p.ApprovalOver, &next.ApprovalOver},
		{"daily_limit", p.DailyLimit, &next.DailyLimit},
		{"minimum_payout", p.MinimumPayout, &next.MinimumPayout},
	} {
		merged, err := merge(a.param, *a.of, a.given)
		if err != nil {
			return r, err
		}
		*a.of = merged
	}
	if h := p.CoolingOffHours; h != nil {
		if *h < 0 || *h > maxCoolingOff {
			return r, fault.Invalidf("parameter_invalid_integer", "cooling_off_hours", "cooling_off_hours must be between 0 and %d.", maxCoolingOff)
		}
		next.CoolingOffHours = *h
	}
	if p.Timezone != "" {
		if _, err := calendar.Zone(p.Timezone); err != nil {
			return r, fault.Invalidf("", "timezone", "Invalid timezone: use the name of a zone such as Asia/Hong_Kong.")
		}
		next.Timezone = p.Timezone
	}
	return next, nil
}

func merge(param string, old map[money.Currency]int64, given map[string]string) (map[money.Currency]int64, error) {
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[money.Currency]int64{}
	}
	for name, text := range given {
		at := param + "[" + name + "]"
		currency := money.Currency(name)
		if !currency.Known() {
			return nil, fault.Invalidf("currency_not_supported", at, "Invalid currency: %s", name)
		}
		if text == "" {
			delete(merged, currency)
			continue
		}
		amount, err := strconv.ParseInt(text, 10, 64)
		if err != nil || amount < 0 || amount > money.MaxMinor {
			return nil, fault.Invalidf("parameter_invalid_integer", at, "Invalid integer: an amount in the currency's smallest unit is needed.")
		}
		merged[currency] = amount
	}
	return merged, nil
}

// weaker reports whether next protects less: then it needs a second actor, if
// payouts do. Another time zone may begin the day anew; a minimum protects nobody.
func (r Rules) weaker(next Rules) bool {
	return raised(r.ApprovalOver, next.ApprovalOver) || raised(r.DailyLimit, next.DailyLimit) ||
		next.CoolingOffHours < r.CoolingOffHours || len(r.DailyLimit) > 0 && next.Timezone != r.Timezone
}

func raised(old, next map[money.Currency]int64) bool {
	for currency, limit := range old {
		if now, there := next[currency]; !there || now > limit {
			return true
		}
	}
	return false
}

func (r Rules) equal(other Rules) bool {
	return maps.Equal(r.ApprovalOver, other.ApprovalOver) && maps.Equal(r.DailyLimit, other.DailyLimit) &&
		maps.Equal(r.MinimumPayout, other.MinimumPayout) && r.CoolingOffHours == other.CoolingOffHours && r.Timezone == other.Timezone
}

// today is when the day of now began in the policy's zone, and when the next one begins.
func (r Rules) today(now time.Time) (from, to time.Time) {
	loc, err := calendar.Zone(r.Timezone)
	if err != nil {
		loc = time.UTC // a zone that this machine's database has lost
	}
	day := calendar.Of(now, loc)
	from, _ = calendar.Resolve(day, 0, loc)
	to, _ = calendar.Resolve(day.AddDays(1), 0, loc)
	return from, to
}
