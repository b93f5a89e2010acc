package calendar

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a day of the civil calendar, in no time zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// On is a date; a day beyond the month's end runs into the next month, as in time.Date.
func On(year int, month time.Month, day int) Date {
	return Of(time.Date(year, month, day, 0, 0, 0, 0, time.UTC), time.UTC)
}

// Of is the date that clocks in loc show at t.
func Of(t time.Time, loc *time.Location) Date {
	year, month, day := t.In(loc).Date()
	return Date{year, month, day}
}

// Parse reads 2006-01-02.
func Parse(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date such as 2026-12-31", text)
	}
	return Of(t, time.UTC), nil
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// UTC is the date's midnight in UTC: how dates are kept and compared as times.
func (d Date) UTC() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.UTC().Weekday() }

// AddDays is the date n days later, or earlier if n is negative.
func (d Date) AddDays(n int) Date {
	if day := d.Day + n; day >= 1 && day <= 28 { // in every month
		return Date{d.Year, d.Month, day}
	}
	return On(d.Year, d.Month, d.Day+n)
}

// Compare is -1, 0 or +1 as d is before, on or after other.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// Before reports whether d is earlier than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// IsZero reports whether d is no date at all.
func (d Date) IsZero() bool { return d == Date{} }

// sameMonth reports whether both lie in one month of one year.
func (d Date) sameMonth(other Date) bool { return d.Year == other.Year && d.Month == other.Month }

// LastDay is the number of the last day of a month.
func LastDay(year int, month time.Month) int { return On(year, month+1, 0).Day }
