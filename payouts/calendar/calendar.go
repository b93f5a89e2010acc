package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Holiday is a day on which a bank is closed, besides weekends.
type Holiday struct {
	Date Date
	Name string
}

// Calendar is the bank days of one place or clearing system: no Saturdays, no
// Sundays, no holidays.
type Calendar struct {
	Name   string // as rails and the API name it
	Title  string
	Source string // who says so
	First  int    // the years whose holidays are known, both included
	Last   int

	everyDay bool
	holidays func() map[Date]string
}

// Business reports whether the bank works on d. Outside the years that are
// covered, weekends alone are known.
func (c *Calendar) Business(d Date) bool {
	if c.everyDay {
		return true
	}
	if day := d.Weekday(); day == time.Saturday || day == time.Sunday {
		return false
	}
	_, closed := c.holidays()[d]
	return !closed
}

// Covers reports whether the holidays of a year are known.
func (c *Calendar) Covers(year int) bool { return c.First <= year && year <= c.Last }

// Holidays lists the holidays of a year in order, also those on a weekend.
func (c *Calendar) Holidays(year int) []Holiday {
	var found []Holiday
	for date, name := range c.holidays() {
		if date.Year == year {
			found = append(found, Holiday{date, name})
		}
	}
	slices.SortFunc(found, func(a, b Holiday) int { return a.Date.Compare(b.Date) })
	return found
}

// The calendars.
var (
	Every    = &Calendar{Name: "every_day", Title: "Every day", Source: "rails that never close, such as FPS", Last: 9999, everyDay: true, holidays: none}
	Weekdays = &Calendar{Name: "weekdays", Title: "Monday to Friday", Source: "weekends alone", Last: 9999, holidays: none}
	HongKong = dated("hong_kong", "Banks in Hong Kong", "general holidays, Government Gazette; 2028 by the rules of the General Holidays Ordinance", hongKong)
	England  = dated("england", "Banks in England and Wales", "bank holidays, gov.uk", england)
	Target   = ruled("target", "TARGET, for euro", "European Central Bank, long-term calendar of closing days", 2002, target)
	FedACH   = ruled("fed_ach", "Federal Reserve Banks: FedACH and Fedwire", "Federal Reserve Banks, holiday schedules", 2000, fed)
)

// All lists the calendars by name.
func All() []*Calendar { return []*Calendar{England, Every, FedACH, HongKong, Target, Weekdays} }

// Named is the calendar of a name; "" is Every.
func Named(name string) (*Calendar, bool) {
	if name == "" {
		return Every, true
	}
	for _, c := range All() {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// Joined are the calendars of a name such as "hong_kong+target": what several
// banks must all work on.
func Joined(name string) ([]*Calendar, error) {
	var found []*Calendar
	for part := range strings.SplitSeq(name, "+") {
		c, ok := Named(part)
		if !ok {
			return nil, fmt.Errorf("no calendar %q", part)
		}
		found = append(found, c)
	}
	return found, nil
}

func none() map[Date]string { return nil }

// rulesEnd is the last year for which rules are worked out.
const rulesEnd = 2099

// ruled is a calendar whose holidays follow from rules.
func ruled(name, title, source string, first int, holidaysOf func(year int) []Holiday) *Calendar {
	return &Calendar{Name: name, Title: title, Source: source, First: first, Last: rulesEnd, holidays: sync.OnceValue(func() map[Date]string {
		days := map[Date]string{}
		for year := first; year <= rulesEnd; year++ {
			for _, h := range holidaysOf(year) {
				days[h.Date] = h.Name
			}
		}
		return days
	})}
}

// dated is a calendar from rows "2026-12-25,Christmas Day", in order. It covers
// the years from the first row's to the last one's.
func dated(name, title, source, rows string) *Calendar {
	days := map[Date]string{}
	var dates []Date
	for row := range strings.Lines(strings.TrimSpace(rows)) {
		day, what, _ := strings.Cut(strings.TrimSpace(row), ",")
		date, err := Parse(day)
		if err != nil || what == "" {
			panic(fmt.Sprintf("calendar %s: row %q", name, row)) // the data is part of the program
		}
		days[date] = what
		dates = append(dates, date)
	}
	years := slices.MinFunc(dates, Date.Compare).Year
	return &Calendar{
		Name: name, Title: title, Source: source, First: years, Last: slices.MaxFunc(dates, Date.Compare).Year,
		holidays: func() map[Date]string { return days },
	}
}

// Ending lists the calendars whose data does not cover the day a year after now:
// time to update Sluice, or to enter the holidays by hand.
func Ending(now time.Time) (ending []*Calendar) {
	for _, c := range All() {
		if !c.Covers(now.AddDate(1, 0, 0).Year()) {
			ending = append(ending, c)
		}
	}
	slices.SortFunc(ending, func(a, b *Calendar) int { return cmp.Compare(a.Last, b.Last) })
	return ending
}
