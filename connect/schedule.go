package connect

import (
	"slices"
	"strconv"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

// Delay in days between a charge and its funds being available.
const (
	defaultDelayDays = 2
	maxDelayDays     = 31
)

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// ScheduleParams is the rhythm of automatic payouts.
type ScheduleParams struct {
	DelayDays         *string  `form:"delay_days"` // a number or "minimum"
	Interval          *string  `form:"interval"`
	MonthlyAnchor     *int64   `form:"monthly_anchor"`
	MonthlyPayoutDays []int64  `form:"monthly_payout_days"`
	WeeklyAnchor      *string  `form:"weekly_anchor"`
	WeeklyPayoutDays  []string `form:"weekly_payout_days"`
}

// applySchedule lays params over old. The result has exactly the anchor that its interval needs.
func applySchedule(old wire.PayoutSchedule, p *ScheduleParams) (wire.PayoutSchedule, error) {
	if p == nil {
		return old, nil
	}
	const param = "settings[payouts][schedule]"
	next := wire.PayoutSchedule{DelayDays: old.DelayDays, Interval: old.Interval}
	if p.Interval != nil {
		next.Interval = *p.Interval
	}
	if p.DelayDays != nil {
		days, err := delayDays(*p.DelayDays)
		if err != nil {
			return old, err
		}
		next.DelayDays = days
	}
	switch next.Interval {
	case "daily", "manual":
		if p.WeeklyAnchor != nil || p.MonthlyAnchor != nil {
			return old, fault.Invalidf("", param, "An anchor is only for the weekly and monthly interval.")
		}
		return next, nil
	case "weekly":
		err := weekly(&next, old, p)
		return next, err
	case "monthly":
		err := monthly(&next, old, p)
		return next, err
	}
	return old, fault.Invalidf("", param+"[interval]", "Invalid interval: must be one of daily, weekly, monthly, or manual")
}

func weekly(next *wire.PayoutSchedule, old wire.PayoutSchedule, p *ScheduleParams) error {
	next.WeeklyAnchor, next.WeeklyPayoutDays = old.WeeklyAnchor, old.WeeklyPayoutDays
	if p.WeeklyAnchor != nil {
		next.WeeklyAnchor, next.WeeklyPayoutDays = p.WeeklyAnchor, []string{*p.WeeklyAnchor}
	}
	if len(p.WeeklyPayoutDays) > 0 {
		next.WeeklyAnchor, next.WeeklyPayoutDays = &p.WeeklyPayoutDays[0], p.WeeklyPayoutDays
	}
	if next.WeeklyAnchor == nil {
		return fault.Missing("settings[payouts][schedule][weekly_anchor]")
	}
	for _, day := range next.WeeklyPayoutDays {
		if i := slices.Index(weekdays, day); i < 0 || i > 4 {
			return fault.Invalidf("", "settings[payouts][schedule][weekly_anchor]", "Invalid weekly_anchor: must be a weekday from monday to friday")
		}
	}
	return nil
}

func monthly(next *wire.PayoutSchedule, old wire.PayoutSchedule, p *ScheduleParams) error {
	next.MonthlyAnchor, next.MonthlyPayoutDays = old.MonthlyAnchor, old.MonthlyPayoutDays
	if p.MonthlyAnchor != nil {
		next.MonthlyAnchor, next.MonthlyPayoutDays = p.MonthlyAnchor, []int64{*p.MonthlyAnchor}
	}
	if len(p.MonthlyPayoutDays) > 0 {
		next.MonthlyAnchor, next.MonthlyPayoutDays = &p.MonthlyPayoutDays[0], p.MonthlyPayoutDays
	}
	if next.MonthlyAnchor == nil {
		return fault.Missing("settings[payouts][schedule][monthly_anchor]")
	}
	for _, day := range next.MonthlyPayoutDays {
		if day < 1 || day > 31 {
			return fault.Invalidf("", "settings[payouts][schedule][monthly_anchor]", "Invalid monthly_anchor: must be a number between 1 and 31")
		}
	}
	return nil
}

func delayDays(text string) (int64, error) {
	if text == "minimum" {
		return defaultDelayDays, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxDelayDays {
		return 0, fault.Invalidf("", "settings[payouts][schedule][delay_days]", "Invalid delay_days: must be minimum or a number between 0 and %d", maxDelayDays)
	}
	return n, nil
}
