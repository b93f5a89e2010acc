package payouts_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/wire"
)

// paysOn reports whether a schedule in UTC has a payday on a day.
func paysOn(s payouts.Schedule, day time.Time) bool {
	f, ok := s.Next(day.Add(-time.Nanosecond), nil)
	return ok && f.Date == calendar.Of(day, time.UTC)
}

func TestScheduleFallsOnItsDays(t *testing.T) {
	weekday, third := "wednesday", int64(31)
	weekly, err := payouts.ScheduleOf(wire.PayoutSchedule{Interval: "weekly", WeeklyAnchor: &weekday}, "")
	if err != nil {
		t.Fatal(err)
	}
	monthly, err := payouts.ScheduleOf(wire.PayoutSchedule{Interval: "monthly", MonthlyAnchor: &third}, "")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := payouts.ScheduleOf(wire.PayoutSchedule{Interval: "monthly", MonthlyAnchor: &third, MonthlyPayoutDays: []int64{1, 15}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		schedule payouts.Schedule
		day      string
		want     bool
	}{
		{"daily", payouts.Schedule{Interval: payouts.Daily}, "2026-11-22", true},
		{"manual", payouts.Schedule{Interval: payouts.Manual}, "2026-11-22", false},
		{"weekly on its day", weekly, "2026-11-25", true},
		{"weekly on another", weekly, "2026-11-26", false},
		{"the 31st", monthly, "2026-12-31", true},
		{"the 30th of a long month", monthly, "2026-12-30", false},
		{"the end of a short month", monthly, "2026-11-30", true},
		{"the end of February", monthly, "2027-02-28", true},
		{"the end of a leap February", monthly, "2028-02-29", true},
		{"the day before it", monthly, "2028-02-28", false},
		{"the first of two", twice, "2026-11-01", true},
		{"the second of two", twice, "2026-11-15", true},
		{"the anchor that the list replaced", twice, "2026-12-31", false},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := paysOn(c.schedule, day); got != c.want {
			t.Errorf("%s, %s: %v, want %v", c.name, c.day, got, c.want)
		}
	}
}

// Anchored at the 31st, every month has exactly one payday: computed from the
// anchor, not from the payday before.
func TestMonthlyScheduleFallsOnceAMonthForThirtyYears(t *testing.T) {
	for anchor := 1; anchor <= 31; anchor++ {
		s := payouts.Schedule{Interval: payouts.Monthly, Days: []int{anchor}}
		at := time.Date(2025, 12, 31, 23, 59, 0, 0, time.UTC)
		for month := range 360 {
			f, ok := s.Next(at, nil)
			want := time.Date(2026, time.Month(1+month), min(anchor, calendar.LastDay(2026+month/12, time.Month(1+month%12))), 0, 0, 0, 0, time.UTC)
			if !ok || !f.At.Equal(want) || f.Date != calendar.Of(want, time.UTC) {
				t.Fatalf("anchor %d: payday %s, want %s", anchor, f.At, want)
			}
			if last, ok := s.Last(f.At, nil); !ok || last != f {
				t.Fatalf("anchor %d: the last payday on %s is %s", anchor, f.Date, last.Date)
			}
			at = f.At
		}
	}
}

// zones are forty from all over the world: those whose clocks do odd things, and
// those where most people live.
var zones = []string{
	"America/Santiago", "Africa/Cairo", "Pacific/Apia", "America/New_York", "Australia/Lord_Howe", "Asia/Hong_Kong", "Europe/London",
	"Asia/Gaza", "Asia/Tehran", "Asia/Kathmandu", "Asia/Beirut", "Asia/Amman", "Asia/Damascus", "America/Sao_Paulo", "America/Asuncion",
	"America/Havana", "America/Caracas", "America/St_Johns", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
	"Pacific/Kiritimati", "Pacific/Fakaofo", "Pacific/Chatham", "Pacific/Auckland", "Pacific/Fiji", "Pacific/Norfolk", "Australia/Sydney",
	"Antarctica/Troll", "Africa/Casablanca", "Africa/Juba", "Europe/Istanbul", "Europe/Moscow", "Europe/Volgograd", "Europe/Berlin",
	"Asia/Pyongyang", "Asia/Tokyo", "Asia/Kolkata", "Asia/Singapore", "Etc/UTC",
}

// A daily schedule at a random local time fires on every date that clocks show,
// once, never before its time; what Last says is what Next has said.
func TestEveryLocalDateFiresOnceAndNeverEarlyInFortyZones(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(seed, 1))
	for _, name := range zones {
		t.Run(name, func(t *testing.T) {
			zone, err := calendar.Zone(name)
			if err != nil {
				t.Fatal(err)
			}
			s := payouts.Schedule{Interval: payouts.Daily, Zone: zone, At: time.Duration(dice.IntN(24*60)) * time.Minute}
			at, end := time.Date(2009, 12, 30, 0, 0, 0, 0, time.UTC), time.Date(2041, 1, 2, 0, 0, 0, 0, time.UTC)
			var before calendar.Date
			for at.Before(end) {
				f, ok := s.Next(at, nil)
				switch {
				case !ok:
					t.Fatalf("seed %d, %s: no payday after %s", seed, s.At, at)
				case f.At.Before(at) || f.At.Equal(at):
					t.Fatalf("seed %d, %s: payday %s after %s", seed, s.At, f.At, at)
				case before != (calendar.Date{}) && f.Date != before.AddDays(1) && calendar.Exists(before.AddDays(1), zone):
					t.Fatalf("seed %d, %s: %s follows on %s", seed, s.At, f.Date, before)
				}
				checkNeverEarly(t, fmt.Sprintf("seed %d, %s", seed, s.At), s, f)
				if last, ok := s.Last(f.At, nil); !ok || last.Date != f.Date || !last.At.Equal(f.At) {
					t.Fatalf("seed %d, %s: Next says %s, Last %s", seed, s.At, f.At, last.At)
				}
				at, before = f.At, f.Date
			}
		})
	}
}

// checkNeverEarly compares with what clocks show, minute by minute around the payday:
// it comes at the first of its date on which they show the time or a later one. A
// date whose clocks never get that far (they jump over midnight) fires when they land.
func checkNeverEarly(t *testing.T, what string, s payouts.Schedule, f payouts.Firing) {
	t.Helper()
	shown := func(at time.Time) (calendar.Date, time.Duration) {
		at = at.In(s.Zone)
		return calendar.Of(at, s.Zone), time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	date, clock := shown(f.At)
	if date.Before(f.Date) || date == f.Date && clock < s.At {
		t.Fatalf("%s: the payday of %s comes when clocks show %s %s", what, f.Date, date, clock)
	}
	if date, clock := shown(f.At.Add(-time.Minute)); date == f.Date && clock >= s.At {
		t.Fatalf("%s: the payday of %s comes late, clocks showed %s a minute before", what, f.Date, clock)
	}
}

func TestPaydaysMoveOverClosedBankDays(t *testing.T) {
	friday, wednesday := "friday", "wednesday"
	for _, c := range []struct {
		name  string
		terms wire.PayoutSchedule
		after string
		want  []string
	}{
		{"over a weekend to Monday, once", wire.PayoutSchedule{Interval: "daily"}, "2026-11-26", []string{"2026-11-27", "2026-11-30", "2026-12-01"}},
		{"over Christmas", wire.PayoutSchedule{Interval: "weekly", WeeklyAnchor: &friday}, "2026-12-20", []string{"2026-12-28", "2027-01-04"}},
		{"before Christmas", wire.PayoutSchedule{Interval: "weekly", WeeklyAnchor: &friday, BankDays: "preceding"}, "2026-12-20", []string{"2026-12-24", "2026-12-31"}},
		{"over Lunar New Year", wire.PayoutSchedule{Interval: "weekly", WeeklyAnchor: &wednesday}, "2026-02-12", []string{"2026-02-20", "2026-02-25"}},
		{"the month's end stays in its month", wire.PayoutSchedule{Interval: "monthly", MonthlyPayoutDays: []int64{31}, BankDays: "modified_following"},
			"2026-01-15", []string{"2026-01-30", "2026-02-27", "2026-03-31"}},
		{"the month's end follows", wire.PayoutSchedule{Interval: "monthly", MonthlyPayoutDays: []int64{31}}, "2026-01-15", []string{"2026-02-02", "2026-03-02", "2026-03-31"}},
	} {
		s, err := payouts.ScheduleOf(c.terms, "Asia/Hong_Kong")
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.DateOnly, c.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			f, ok := s.Next(at, calendar.HongKong)
			if !ok || f.Date.String() != want {
				t.Errorf("%s: payday %s, want %s", c.name, f.Date, want)
			}
			at = f.At
		}
	}
}

func TestAScheduleThatCannotBeReadIsRefused(t *testing.T) {
	day := "someday"
	for name, c := range map[string]struct {
		terms wire.PayoutSchedule
		zone  string
	}{
		"zone":      {wire.PayoutSchedule{Interval: "daily"}, "Asia/Atlantis"},
		"time":      {wire.PayoutSchedule{Interval: "daily", LocalTime: "25:00"}, ""},
		"bank days": {wire.PayoutSchedule{Interval: "daily", BankDays: "sometimes"}, ""},
		"weekday":   {wire.PayoutSchedule{Interval: "weekly", WeeklyAnchor: &day}, ""},
	} {
		if _, err := payouts.ScheduleOf(c.terms, c.zone); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
