package connect

import (
	"slices"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

// Delay in days between a charge and its funds being available.
const (
	defaultDelayDays = 2
	maxDelayDays     = 31
)

// payoutWeekdays are the days on which banks pay.
var payoutWeekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday"}

// bankDayRules are what to do with a payday on which the bank is closed.
const bankDayRules = "following modified_following preceding"

// ScheduleParams is the rhythm of automatic payouts.
type ScheduleParams struct {
	DelayDays         *string  `form:"delay_days"` // a number, "minimum" or "" for the default
	Interval          *string  `form:"interval"`
	MonthlyAnchor     *int64   `form:"monthly_anchor"`
	MonthlyPayoutDays []int64  `form:"monthly_payout_days"`
	WeeklyAnchor      *string  `form:"weekly_anchor"`
	WeeklyPayoutDays  []string `form:"weekly_payout_days"`

	LocalTime *string `form:"local_time"` // "15:04"; "" is midnight
	BankDays  *string `form:"bank_days"`  // "" is following
}

// applySchedule lays params over old. The result has exactly the days that its
// interval needs, each once and in their order; the anchor is the first of them.
// Faults name parameters below param.
func applySchedule(old wire.PayoutSchedule, p *ScheduleParams, param string) (wire.PayoutSchedule, error) {
	if p == nil {
		return old, nil
	}
	next := wire.PayoutSchedule{
		DelayDays: old.DelayDays, DelayDaysOverride: old.DelayDaysOverride, Interval: old.Interval,
		LocalTime: old.LocalTime, BankDays: old.BankDays,
	}
	if p.Interval != nil {
		next.Interval = *p.Interval
	}
	if err := oneOf(param+"[interval]", next.Interval, "daily weekly monthly manual"); err != nil {
		return old, err
	}
	if err := applyTimes(&next, p, param); err != nil {
		return old, err
	}
	if next.Interval != "weekly" && (p.WeeklyAnchor != nil || len(p.WeeklyPayoutDays) > 0) ||
		next.Interval != "monthly" && (p.MonthlyAnchor != nil || len(p.MonthlyPayoutDays) > 0) {
		return old, fault.Invalidf("", param, "Days and anchors are only for the interval they belong to: weekly or monthly.")
	}
	var err error
	switch next.Interval {
	case "weekly":
		err = weekly(&next, old, p, param)
	case "monthly":
		err = monthly(&next, old, p, param)
	}
	return next, err
}

// applyTimes is what holds for every interval: the delay, the hour and the rule for bank days.
func applyTimes(next *wire.PayoutSchedule, p *ScheduleParams, param string) error {
	if p.DelayDays != nil {
		if err := applyDelay(next, *p.DelayDays, param+"[delay_days]"); err != nil {
			return err
		}
	}
	if p.LocalTime != nil {
		if at, err := time.Parse("15:04", *p.LocalTime); *p.LocalTime != "" && (err != nil || at.Format("15:04") != *p.LocalTime) {
			return fault.Invalidf("", param+"[local_time]", "Invalid local_time: must be a time of the day such as 09:30")
		}
		next.LocalTime = *p.LocalTime
	}
	if p.BankDays != nil {
		if *p.BankDays != "" {
			if err := oneOf(param+"[bank_days]", *p.BankDays, bankDayRules); err != nil {
				return err
			}
		}
		next.BankDays = *p.BankDays
	}
	return nil
}

func weekly(next *wire.PayoutSchedule, old wire.PayoutSchedule, p *ScheduleParams, param string) error {
	days, at, err := daysOf(p.WeeklyAnchor, p.WeeklyPayoutDays, old.WeeklyPayoutDays, param+"[weekly_")
	if err != nil {
		return err
	}
	for _, day := range days {
		if !slices.Contains(payoutWeekdays, day) {
			return fault.Invalidf("", at, "Invalid payout day: must be a weekday from monday to friday")
		}
	}
	slices.SortFunc(days, func(a, b string) int {
		return slices.Index(payoutWeekdays, a) - slices.Index(payoutWeekdays, b)
	})
	next.WeeklyAnchor, next.WeeklyPayoutDays = &days[0], days
	return mustBeDistinct(days, at)
}

func monthly(next *wire.PayoutSchedule, old wire.PayoutSchedule, p *ScheduleParams, param string) error {
	days, at, err := daysOf(p.MonthlyAnchor, p.MonthlyPayoutDays, old.MonthlyPayoutDays, param+"[monthly_")
	if err != nil {
		return err
	}
	for _, day := range days {
		if day < 1 || day > 31 {
			return fault.Invalidf("", at, "Invalid payout day: must be a number between 1 and 31")
		}
	}
	slices.Sort(days)
	next.MonthlyAnchor, next.MonthlyPayoutDays = &days[0], days
	return mustBeDistinct(days, at)
}

// daysOf is the days that are asked for by an anchor or by a list, or else those
// of before, and the parameter that has them.
func daysOf[T any](anchor *T, days, before []T, prefix string) ([]T, string, error) {
	switch {
	case anchor != nil && len(days) > 0:
		return nil, "", fault.Invalidf("parameters_exclusive", prefix+"payout_days]",
			"You may only specify one of these parameters: %sanchor], %spayout_days].", prefix, prefix)
	case anchor != nil:
		return []T{*anchor}, prefix + "anchor]", nil
	case len(days) > 0:
		return slices.Clone(days), prefix + "payout_days]", nil
	case len(before) > 0 && days == nil:
		return slices.Clone(before), prefix + "payout_days]", nil
	}
	return nil, "", fault.Missing(prefix + "payout_days]")
}

func mustBeDistinct[T comparable](sorted []T, param string) error {
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return fault.Invalidf("", param, "Each payout day can be given once: %v is there twice.", sorted[i])
		}
	}
	return nil
}

// applyDelay sets the delay to a number of days, or back to the default.
func applyDelay(next *wire.PayoutSchedule, text, param string) error {
	if text == "" || text == "minimum" {
		next.DelayDays, next.DelayDaysOverride = defaultDelayDays, nil
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxDelayDays {
		return fault.Invalidf("", param, "Invalid delay: must be minimum or a number between 0 and %d", maxDelayDays)
	}
	next.DelayDays, next.DelayDaysOverride = n, &n
	return nil
}
