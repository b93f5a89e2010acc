package calendar

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own
)

// widest is more than any clock on Earth has ever been ahead of UTC.
const widest = 16 * time.Hour

// Resolve is when the local time that lies offset after midnight of d comes in
// loc: the first instant at which clocks show it, or a later time if they jump
// over it. An hour that clocks show twice counts the first time. ok is false if
// clocks jump over the whole of d (Apia, 2011-12-30); t is then when they land.
func Resolve(d Date, offset time.Duration, loc *time.Location) (t time.Time, ok bool) {
	midnight := d.UTC()
	t = reach(midnight.Add(offset), loc)
	if Of(t, loc) == d {
		return t, true
	}
	return t, Exists(d, loc) // a jump over midnight carries 23:30 into the next day
}

// Exists reports whether clocks in loc ever show d.
func Exists(d Date, loc *time.Location) bool { return Of(reach(d.UTC(), loc), loc) == d }

// reach is the first instant at which clocks in loc show wall, which is written in
// UTC, or later. Between changes of its offset a zone is UTC moved by a constant,
// so it is enough to go from change to change.
func reach(wall time.Time, loc *time.Location) time.Time {
	at := wall.Add(-widest).In(loc) // nowhere is it that late yet
	for {
		_, ahead := at.Zone()
		_, change := at.ZoneBounds()
		if !change.IsZero() && !change.After(at) {
			// Beyond its table Go 1.26 ends every year after 365 days: on the last day of a
			// leap year the offset is right, and its end is in the past. No clock changes then.
			change = at.AddDate(0, 0, 1)
		}
		t := wall.Add(-time.Duration(ahead) * time.Second)
		if t.Before(at) {
			t = at // the change jumped over it
		}
		if change.IsZero() || t.Before(change) {
			return t.In(loc)
		}
		at = change
	}
}

// zones keeps what Zone has loaded: there are some six hundred names.
var zones sync.Map // string → *time.Location

// Zone is the time zone of an IANA name; "" is UTC. It is cheap to ask again.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if name == "Local" { // is different on each machine
		return nil, fmt.Errorf("no time zone %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("no time zone %q", name)
	}
	zones.Store(name, loc)
	return loc, nil
}

// BuiltIn is the release of the IANA time zone database that is compiled in: that
// of the Go release which builds us. A test compares it.
const BuiltIn = "2025c"

// machines is where Go looks for time zones before it takes those built in.
var machines = []string{"/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/"}

// Database tells which time zone database is in use, and where it is from: one
// that this machine has goes before the one built in, because the system's
// updates renew it when a government changes its clocks.
func Database() (version, source string) {
	if named := os.Getenv("ZONEINFO"); named != "" {
		return releaseIn(strings.TrimSuffix(named, "/") + "/"), "$ZONEINFO"
	}
	for _, dir := range machines {
		if _, err := os.Stat(dir + "Etc/UTC"); err == nil {
			return releaseIn(dir), dir
		}
	}
	return BuiltIn, "built in"
}

// releaseIn reads the release from the first line of a directory's tzdata.zi:
// "# version 2026b".
func releaseIn(dir string) string {
	f, err := os.Open(dir + "tzdata.zi")
	if err != nil {
		return "of unknown release"
	}
	defer f.Close()
	line := bufio.NewScanner(f)
	if line.Scan() {
		if version, ok := strings.CutPrefix(line.Text(), "# version "); ok {
			return version
		}
	}
	return "of unknown release"
}
