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
		{"weekly without a day", daily, ScheduleParams{Interval: ptr("weekly")}, daily, "settings[payouts][schedule][weekly_payout_days]"},
		{"no payouts on Sundays", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyAnchor: ptr("sunday")}, daily, "settings[payouts][schedule][weekly_anchor]"},
		{
			"monthly", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyAnchor: day(31)},
			wire.PayoutSchedule{DelayDays: 2, Interval: "monthly", MonthlyAnchor: day(31), MonthlyPayoutDays: []int64{31}}, "",
		},
		{"day 32", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyAnchor: day(32)}, daily, "settings[payouts][schedule][monthly_anchor]"},
		{"delay", daily, ScheduleParams{DelayDays: ptr("7")}, wire.PayoutSchedule{DelayDays: 7, DelayDaysOverride: day(7), Interval: "daily"}, ""},
		{"the default, asked for", daily, ScheduleParams{DelayDays: ptr("2")}, wire.PayoutSchedule{DelayDays: 2, DelayDaysOverride: day(2), Interval: "daily"}, ""},
		{"minimum delay", wire.PayoutSchedule{DelayDays: 7, Interval: "daily"}, ScheduleParams{DelayDays: ptr("minimum")}, daily, ""},
		{"delay unset", wire.PayoutSchedule{DelayDays: 7, DelayDaysOverride: day(7), Interval: "daily"}, ScheduleParams{DelayDays: ptr("")}, daily, ""},
		{
			"lists are put in order", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyPayoutDays: []string{"thursday", "monday"}},
			wire.PayoutSchedule{DelayDays: 2, Interval: "weekly", WeeklyAnchor: ptr("monday"), WeeklyPayoutDays: []string{"monday", "thursday"}}, "",
		},
		{
			"days of the month too", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyPayoutDays: []int64{31, 1, 15}},
			wire.PayoutSchedule{DelayDays: 2, Interval: "monthly", MonthlyAnchor: day(1), MonthlyPayoutDays: []int64{1, 15, 31}}, "",
		},
		{"a weekday twice", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyPayoutDays: []string{"friday", "monday", "friday"}}, daily, "settings[payouts][schedule][weekly_payout_days]"},
		{"a day of the month twice", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyPayoutDays: []int64{5, 5}}, daily, "settings[payouts][schedule][monthly_payout_days]"},
		{"an empty list", weekly, ScheduleParams{WeeklyPayoutDays: []string{}}, weekly, "settings[payouts][schedule][weekly_payout_days]"},
		{"an anchor and a list", daily, ScheduleParams{Interval: ptr("weekly"), WeeklyAnchor: ptr("friday"), WeeklyPayoutDays: []string{"friday"}}, daily, "settings[payouts][schedule][weekly_payout_days]"},
		{"days of the other interval", weekly, ScheduleParams{MonthlyPayoutDays: []int64{5}}, weekly, "settings[payouts][schedule]"},
		{"day 0", daily, ScheduleParams{Interval: ptr("monthly"), MonthlyPayoutDays: []int64{0}}, daily, "settings[payouts][schedule][monthly_payout_days]"},
		{"hourly", daily, ScheduleParams{Interval: ptr("hourly")}, daily, "settings[payouts][schedule][interval]"},
		{"an hour", daily, ScheduleParams{LocalTime: ptr("09:30")}, wire.PayoutSchedule{DelayDays: 2, Interval: "daily", LocalTime: "09:30"}, ""},
		{"the hour stays with another interval", wire.PayoutSchedule{DelayDays: 2, Interval: "daily", LocalTime: "09:30", BankDays: "preceding"}, ScheduleParams{Interval: ptr("manual")},
			wire.PayoutSchedule{DelayDays: 2, Interval: "manual", LocalTime: "09:30", BankDays: "preceding"}, ""},
		{"midnight again", wire.PayoutSchedule{DelayDays: 2, Interval: "daily", LocalTime: "09:30"}, ScheduleParams{LocalTime: ptr("")}, daily, ""},
		{"no such hour", daily, ScheduleParams{LocalTime: ptr("24:00")}, daily, "settings[payouts][schedule][local_time]"},
		{"half an hour", daily, ScheduleParams{LocalTime: ptr("9:30")}, daily, "settings[payouts][schedule][local_time]"},
		{"before a closed day", daily, ScheduleParams{BankDays: ptr("preceding")}, wire.PayoutSchedule{DelayDays: 2, Interval: "daily", BankDays: "preceding"}, ""},
		{"whenever", daily, ScheduleParams{BankDays: ptr("whenever")}, daily, "settings[payouts][schedule][bank_days]"},
		{"too long a delay", daily, ScheduleParams{DelayDays: ptr("90")}, daily, "settings[payouts][schedule][delay_days]"},
		{"anchor without its interval", daily, ScheduleParams{WeeklyAnchor: ptr("friday")}, daily, "settings[payouts][schedule]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := applySchedule(tc.old, &tc.given, "settings[payouts][schedule]")
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
