package calendar_test

import (
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/calendar"
)

func date(t *testing.T, text string) calendar.Date {
	t.Helper()
	d, err := calendar.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBankDaysOfTheTraps(t *testing.T) {
	for _, c := range []struct {
		days *calendar.Calendar
		day  string
		open bool
	}{
		{calendar.HongKong, "2024-02-13", false}, // the fourth day of Lunar New Year
		{calendar.HongKong, "2024-02-14", true},
		{calendar.HongKong, "2026-04-06", false}, // Ching Ming, from Sunday
		{calendar.HongKong, "2026-04-07", false}, // Easter Monday, moved on
		{calendar.HongKong, "2026-04-08", true},
		{calendar.HongKong, "2027-02-09", false},
		{calendar.HongKong, "2027-04-05", false},
		{calendar.HongKong, "2027-10-08", false},
		{calendar.HongKong, "2027-12-27", false},
		{calendar.HongKong, "2027-12-28", true},
		{calendar.HongKong, "2028-05-29", false},
		{calendar.HongKong, "2028-10-02", false},
		{calendar.HongKong, "2028-10-03", true}, // the Mid-Autumn Festival itself
		{calendar.HongKong, "2026-11-28", false},
		{calendar.HongKong, "2029-12-25", true}, // not covered: weekends only
		{calendar.England, "2026-12-28", false},
		{calendar.England, "2027-12-28", false},
		{calendar.Target, "2026-04-03", false},
		{calendar.Target, "2026-05-01", false},
		{calendar.Target, "2027-12-27", true}, // nothing moves
		{calendar.FedACH, "2026-07-03", true}, // Independence Day is a Saturday
		{calendar.FedACH, "2027-07-05", false},
		{calendar.FedACH, "2026-05-25", false},
		{calendar.FedACH, "2026-11-26", false},
		{calendar.Every, "2026-12-25", true},
	} {
		if got := c.days.Business(date(t, c.day)); got != c.open {
			t.Errorf("%s on %s: open is %v, want %v", c.days.Name, c.day, got, c.open)
		}
	}
	if calendar.HongKong.Covers(2029) || !calendar.HongKong.Covers(2028) {
		t.Error("Hong Kong's data covers 2024 to 2028")
	}
}

func TestLocalTimesNeverComeEarly(t *testing.T) {
	for _, c := range []struct{ zone, day, at, want string }{
		{"America/Santiago", "2026-09-06", "0h", "2026-09-06 01:00 true"},
		{"America/New_York", "2026-03-08", "2h30m", "2026-03-08 03:00 true"},
		{"America/New_York", "2026-11-01", "1h30m", "2026-11-01 01:30 true"},
		{"Africa/Cairo", "2026-04-24", "0h", "2026-04-24 01:00 true"},
		{"Pacific/Apia", "2011-12-30", "9h", "2011-12-31 00:00 false"},
		{"America/Nuuk", "2024-03-30", "23h30m", "2024-03-31 00:00 true"},
	} {
		loc, err := calendar.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseDuration(c.at)
		if err != nil {
			t.Fatal(err)
		}
		when, ok := calendar.Resolve(date(t, c.day), at, loc)
		if got := fmt.Sprint(when.Format("2006-01-02 15:04 "), ok); strings.Join(strings.Fields(got), " ") != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.zone, c.day, c.at, got, c.want)
		}
	}
}

func TestClosedDaysRoll(t *testing.T) {
	for _, c := range []struct {
		roll      calendar.Roll
		day, want string
	}{
		{calendar.Following, "2026-04-03", "2026-04-08"},
		{calendar.Preceding, "2026-04-07", "2026-04-02"},
		{calendar.ModifiedFollowing, "2026-05-31", "2026-05-29"},
		{calendar.ModifiedFollowing, "2026-05-24", "2026-05-26"},
		{calendar.Following, "2026-05-31", "2026-06-01"},
	} {
		if got := c.roll.Adjust(date(t, c.day), calendar.HongKong).String(); got != c.want {
			t.Errorf("%q %s: %s, want %s", c.roll, c.day, got, c.want)
		}
	}
}

func TestTheBuiltInTimeZonesAreOfTheReleaseWeName(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(build.Default.GOROOT, "lib", "time", "update.bash"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "\nDATA="+calendar.BuiltIn+"\n") {
		t.Errorf("this Go does not build in %s", calendar.BuiltIn)
	}
}
