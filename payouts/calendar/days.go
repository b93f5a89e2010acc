package calendar

import "fmt"

// Days says on which days a bank works.
type Days interface {
	Business(d Date) bool
}

type rule func(Date) bool

func (r rule) Business(d Date) bool { return r(d) }

// Union is the days on which all of them work.
func Union(all ...Days) Days {
	if len(all) == 1 {
		return all[0]
	}
	return rule(func(d Date) bool {
		for _, days := range all {
			if !days.Business(d) {
				return false
			}
		}
		return true
	})
}

// With is days with some of them decided by hand: closed, or open after all.
func With(days Days, closed map[Date]bool) Days {
	if len(closed) == 0 {
		return days
	}
	return rule(func(d Date) bool {
		if closed, decided := closed[d]; decided {
			return !closed
		}
		return days.Business(d)
	})
}

// longestPause bounds the search for a bank day. Nobody's bank is closed for a
// year; days that say so are not obeyed.
const longestPause = 366

// NextBusiness is d, or the first bank day after it.
func NextBusiness(d Date, days Days) Date { return nearest(d, 1, days) }

// nearest is d or the nearest bank day in a direction; d if there is none for a year.
func nearest(d Date, step int, days Days) Date {
	at := d
	for range longestPause {
		if days.Business(at) {
			return at
		}
		at = at.AddDays(step)
	}
	return d
}

// Roll is where a day moves on which the bank is closed.
type Roll string

// The rolls.
const (
	Following         Roll = ""                   // to the next bank day
	ModifiedFollowing Roll = "modified_following" // to the next, unless that is in another month: then to the last one before
	Preceding         Roll = "preceding"          // to the last bank day before
)

// ParseRoll reads a roll as accounts keep it.
func ParseRoll(text string) (Roll, error) {
	switch r := Roll(text); r {
	case Following, ModifiedFollowing, Preceding:
		return r, nil
	case "following":
		return Following, nil
	}
	return "", fmt.Errorf("bank days %q: want following, modified_following or preceding", text)
}

// Adjust is the bank day that d moves to; d if it is one. If a whole month has no
// bank day, ModifiedFollowing leaves it like Following.
func (r Roll) Adjust(d Date, days Days) Date {
	if r == Preceding {
		return nearest(d, -1, days)
	}
	next := nearest(d, 1, days)
	if r == ModifiedFollowing && !next.sameMonth(d) {
		if last := nearest(d, -1, days); last.sameMonth(d) {
			return last
		}
	}
	return next
}
