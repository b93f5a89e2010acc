package connect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

func TestScheduleHasExactlyTheAnchorItsIntervalNeeds(t *testing.T) {
	ptr := func(s string) *string { return &s }
	day := func(n int64) *int64 { return &n }
	daily := wire.PayoutSchedule{DelayDays: 2, Interval: "daily"}
	weekly := wire.PayoutSchedule{DelayDays: 2, Interval: "weekly", WeeklyAnchor: ptr("friday"), WeeklyPayoutDays: []string{"friday"}}
	for _, tc := range []struct {
		name  string
		old   wire.PayoutSchedule
		given ScheduleParams
		want  wire.PayoutSchedule
		param string // of the fault
	}{
		{"nothing given", weekly, ScheduleParams{}, weekly, ""},
		{"weekly", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyAnchor: ptr("friday")}, weekly, ""},
		{"the anchor goes with its interval", weekly, ScheduleParams{Interval: ptr("manual")}, wire.PayoutSchedule{DelayDays: 2, Interval: "manual"}, ""},
		{"weekly without a day", daily, ScheduleParams{Interval: ptr("weekly")}, daily, "settings[payouts][schedule][weekly_anchor]"},
		{"no payouts on Sundays", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyAnchor: ptr("sunday")}, daily, "settings[payouts][schedule][weekly_anchor]"},
		{
			"monthly", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyAnchor: day(31)},
			wire.PayoutSchedule{DelayDays: 2, Interval: "monthly", MonthlyAnchor: day(31), MonthlyPayoutDays: []int64{31}}, "",
		},
		{"day 32", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyAnchor: day(32)}, daily, "settings[payouts][schedule][monthly_anchor]"},
		{"delay", daily, ScheduleParams{DelayDays: ptr("7")}, wire.PayoutSchedule{DelayDays: 7, Interval: "daily"}, ""},
		{"minimum delay", wire.PayoutSchedule{DelayDays: 7, Interval: "daily"}, ScheduleParams{DelayDays: ptr("minimum")}, daily, ""},
		{"too long a delay", daily, ScheduleParams{DelayDays: ptr("90")}, daily, "settings[payouts][schedule][delay_days]"},
		{"anchor without its interval", daily, ScheduleParams{WeeklyAnchor: ptr("friday")}, daily, "settings[payouts][schedule]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := applySchedule(tc.old, &tc.given)
			if f := fault.As(err); tc.param != "" {
				if f == nil || f.Param != tc.param {
					t.Fatalf("error is %v, want one of %s", err, tc.param)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Fatalf("%v %s", err, diff)
			}
		})
	}
}
