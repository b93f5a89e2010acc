package payouts

import (
	"time"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
)

// windowOf is when a rail's bank takes instructions, on days as a platform knows
// them (Days) or as they are built in.
func windowOf(way rail.Capabilities, days calendar.Days) calendar.Window {
	zone, err := calendar.Zone(way.Zone)
	if err != nil {
		zone = time.UTC // rails are checked when they are set up
	}
	return calendar.Window{Days: days, CutOff: way.CutOff, Loc: zone}
}

// builtIn is the rail's bank days without what platforms say of single ones.
func builtIn(way rail.Capabilities) calendar.Days {
	joined, err := calendar.Joined(way.Calendar)
	if err != nil {
		return calendar.Every // as above
	}
	days := make([]calendar.Days, len(joined))
	for i, c := range joined {
		days[i] = c
	}
	return calendar.Union(days...)
}

// executes is the first day on which a bank carries out what it is given now, at
// midnight UTC: today, or the next bank day from the cut-off on.
func executes(way rail.Capabilities, days calendar.Days, now time.Time) time.Time {
	return windowOf(way, days).Executes(now).UTC()
}
