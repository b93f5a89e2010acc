package payouts

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluicepay/sluice/payouts/calendar"
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

// Schedule is the rhythm of an account's automatic payouts: on which local dates,
// from which local time on. Next and Last are pure: the same schedule, bank days and
// time zone rules always give the same firings.
type Schedule struct {
	Interval Interval
	Weekdays []time.Weekday // of Weekly
	Days     []int          // of Monthly, 1 to 31; days after a month's end mean its last day
	Zone     *time.Location // nil: UTC
	At       time.Duration  // local time, since midnight
	Roll     calendar.Roll  // where a payday moves on which the bank is closed
}

// Firing is one payday.
type Firing struct {
	Date calendar.Date // the local date; a schedule fires once on it
	At   time.Time     // the first instant at or after the local time
}

// ScheduleOf reads a schedule as accounts keep it, in the account's time zone.
func ScheduleOf(w wire.PayoutSchedule, timezone string) (Schedule, error) {
	s, err := Schedule{Interval: Interval(w.Interval)}, error(nil)
	if s.Zone, err = calendar.Zone(timezone); err != nil {
		return Schedule{}, fmt.Errorf("payout schedule: %w", err)
	}
	if s.Roll, err = calendar.ParseRoll(w.BankDays); err != nil {
		return Schedule{}, fmt.Errorf("payout schedule: %w", err)
	}
	if w.LocalTime != "" {
		at, err := time.Parse("15:04", w.LocalTime)
		if err != nil {
			return Schedule{}, fmt.Errorf("payout schedule: no local time %q", w.LocalTime)
		}
		s.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
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

// horizon is how many days Next and Last look ahead and back: more than the longest
// pause of a schedule and of a bank together.
const horizon = 400

// Next is the first payday after a time; false if there is none (Manual). days are
// the bank days that paydays move to; nil is every day.
func (s Schedule) Next(after time.Time, days calendar.Days) (Firing, bool) {
	c := s.course(after, days)
	// A day earlier than the clock shows, in case clocks have just gone back over midnight.
	date := calendar.Of(after, c.zone).AddDays(-1)
	for range horizon {
		if f, ok := c.fires(date); ok && f.At.After(after) {
			return f, true
		}
		date = date.AddDays(1)
	}
	return Firing{}, false
}

// Last is the latest payday at or before now; false if there is none.
func (s Schedule) Last(now time.Time, days calendar.Days) (Firing, bool) {
	c := s.course(now, days)
	date := calendar.Of(now, c.zone).AddDays(1)
	for range horizon {
		if f, ok := c.fires(date); ok && !f.At.After(now) {
			return f, true
		}
		date = date.AddDays(-1)
	}
	return Firing{}, false
}

// pays reports whether the schedule names the date, whatever banks and clocks do.
// It is computed from the anchor, never from the payday before.
func (s Schedule) pays(d calendar.Date) bool {
	switch s.Interval {
	case Daily:
		return true
	case Weekly:
		return slices.Contains(s.Weekdays, d.Weekday())
	case Monthly:
		last := 31
		if d.Day >= 28 {
			last = calendar.LastDay(d.Year, d.Month)
		}
		return slices.ContainsFunc(s.Days, func(day int) bool { return min(day, last) == d.Day })
	case Manual:
	}
	return false
}

// course is a schedule among bank days and in a zone, around some time.
type course struct {
	Schedule
	days  calendar.Days
	zone  *time.Location
	skips bool // clocks may jump over a whole day
}

func (s Schedule) course(around time.Time, days calendar.Days) course {
	c := course{Schedule: s, days: days, zone: s.Zone}
	if c.days == nil {
		c.days = calendar.Every
	}
	if c.zone == nil {
		c.zone = time.UTC
	}
	// Over the date line and back takes longer than we look: the ends tell.
	_, before := around.AddDate(0, 0, -2*horizon).In(c.zone).Zone()
	_, after := around.AddDate(0, 0, 2*horizon).In(c.zone).Zone()
	c.skips = max(before-after, after-before) > 12*60*60
	return c
}

// fires is the payday on a local date, if one falls on it or is moved to it.
func (c course) fires(d calendar.Date) (Firing, bool) {
	if !c.Business(d) || !c.named(d) && !c.receives(d) {
		return Firing{}, false
	}
	at, _ := calendar.Resolve(d, c.At, c.zone)
	return Firing{Date: d, At: at}, true
}

// Business reports whether paydays stay on a date: the bank works, and clocks show it.
func (c course) Business(d calendar.Date) bool { return c.days.Business(d) && c.exists(d) }

func (c course) exists(d calendar.Date) bool { return !c.skips || calendar.Exists(d, c.zone) }

// named reports whether the schedule names the date, or the one before it that
// clocks jumped over.
func (c course) named(d calendar.Date) bool {
	if !c.skips {
		return c.pays(d)
	}
	return c.exists(d) && (c.pays(d) || !c.exists(d.AddDays(-1)) && c.pays(d.AddDays(-1)))
}

// receives reports whether a payday moves to the open date d from one of the closed
// days beside it.
func (c course) receives(d calendar.Date) bool {
	for _, step := range []int{-1, 1} {
		n := d.AddDays(step)
		for range horizon {
			if c.Business(n) {
				break
			}
			if c.named(n) && c.Roll.Adjust(n, c) == d {
				return true
			}
			n = n.AddDays(step)
		}
	}
	return false
}
