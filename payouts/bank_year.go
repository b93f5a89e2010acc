package payouts

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// BankYear is a year of a calendar as a platform knows it.
type BankYear struct {
	Calendar *calendar.Calendar
	Year     int
	Closures []Closure
}

// BankYear is a year of a calendar; year 0 is the current one.
func (s *Service) BankYear(ctx context.Context, idb bun.IDB, scope tenant.Scope, name string, year int) (*BankYear, error) {
	c, ok := calendar.Named(name)
	if !ok {
		return nil, fault.NoSuch("payout calendar", name)
	}
	if year == 0 {
		year = s.cfg.Clocks.For(scope.Livemode).Now().UTC().Year()
	}
	said, err := s.Closures(ctx, idb, scope, c.Name)
	if err != nil {
		return nil, err
	}
	y := &BankYear{Calendar: c, Year: year}
	for _, closure := range said {
		if closure.Day.Year() == year {
			y.Closures = append(y.Closures, closure)
		}
	}
	return y, nil
}

// Wire is the year as our extension of the API shows it.
func (y *BankYear) Wire() wire.PayoutCalendar {
	w := WireCalendar(y.Calendar)
	w.PayoutCalendarYear = &wire.PayoutCalendarYear{
		Closures: []wire.PayoutClosure{}, Covered: y.Calendar.Covers(y.Year), Holidays: []wire.PayoutHoliday{}, Year: int64(y.Year),
	}
	for _, h := range y.Calendar.Holidays(y.Year) {
		w.Holidays = append(w.Holidays, wire.PayoutHoliday{Date: h.Date.String(), Name: h.Name})
	}
	for _, c := range y.Closures {
		w.Closures = append(w.Closures, c.Wire())
	}
	return w
}

// WireCalendar is a calendar as lists of our extension of the API show it.
func WireCalendar(c *calendar.Calendar) wire.PayoutCalendar {
	w := wire.PayoutCalendar{ID: c.Name, Object: "payout_calendar", Source: c.Source, Title: c.Title}
	if c.First > 0 { // the others know no holidays
		w.FirstYear, w.LastYear = wire.Nullable(int64(c.First)), wire.Nullable(int64(c.Last))
	}
	return w
}

// Wire is the closure as our extension of the API shows it.
func (c Closure) Wire() wire.PayoutClosure {
	return wire.PayoutClosure{
		ID: c.ID, Object: "payout_closure", Calendar: c.Calendar, Closed: c.Closed, Created: wire.Unix(c.CreatedAt), CreatedBy: c.Actor,
		Date: c.Day.Format(time.DateOnly), Livemode: c.Livemode, Reason: c.Reason,
	}
}
