package payouts

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

// Interval is how often an account is paid.
type Interval string

// The intervals of the API.
const (
	Daily   Interval = "daily"
	Weekly  Interval = "weekly"
	Monthly Interval = "monthly"
	Manual  Interval = "manual" // only when asked
)

// Schedule is the rhythm of an account's automatic payouts, in UTC days.
type Schedule struct {
	Interval Interval
	Weekdays []time.Weekday // of Weekly
	Days     []int          // of Monthly, 1 to 31; days after a month's end mean its last day
}

// ScheduleOf reads a schedule as accounts keep it.
func ScheduleOf(w wire.PayoutSchedule) (Schedule, error) {
	s := Schedule{Interval: Interval(w.Interval)}
	for _, day := range either(w.WeeklyPayoutDays, w.WeeklyAnchor) {
		weekday, ok := weekdays[day]
		if !ok {
			return Schedule{}, fmt.Errorf("payout schedule: no weekday %q", day)
		}
		s.Weekdays = append(s.Weekdays, weekday)
	}
	for _, day := range either(w.MonthlyPayoutDays, w.MonthlyAnchor) {
		s.Days = append(s.Days, int(day))
	}
	return s, nil
}

// either is the list, or the single value if there is no list.
func either[T any](many []T, one *T) []T {
	if len(many) == 0 && one != nil {
		return []T{*one}
	}
	return many
}

var weekdays = map[string]time.Weekday{
	"sunday": time.Sunday, "monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday,
	"thursday": time.Thursday, "friday": time.Friday, "saturday": time.Saturday,
}

// Pays reports whether the account is paid on this day.
func (s Schedule) Pays(day time.Time) bool {
	switch s.Interval {
	case Daily:
		return true
	case Weekly:
		return slices.Contains(s.Weekdays, day.Weekday())
	case Monthly:
		last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		return slices.ContainsFunc(s.Days, func(d int) bool { return min(d, last) == day.Day() })
	case Manual:
	}
	return false
}

// longest is the longest pause of any schedule, in days.
const longest = 31

// PaysBetween reports whether a day of payment lies in from … to, both included.
func (s Schedule) PaysBetween(from, to time.Time) bool {
	if earliest := to.AddDate(0, 0, -longest); from.Before(earliest) {
		from = earliest
	}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		if s.Pays(day) {
			return true
		}
	}
	return false
}
