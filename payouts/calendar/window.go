package calendar

import "time"

// Window is when a bank takes instructions.
type Window struct {
	Days   Days           // nil: every day
	CutOff time.Duration  // local time from which an instruction counts for the next bank day; zero: none
	Loc    *time.Location // nil: UTC
}

// Executes is the bank day of an instruction given at now: today before the
// cut-off, the next bank day from then on and while the bank is closed.
func (w Window) Executes(now time.Time) Date {
	loc := w.Loc
	if loc == nil {
		loc = time.UTC
	}
	days := w.Days
	if days == nil {
		days = Every
	}
	today := Of(now, loc)
	if w.CutOff > 0 {
		if cutOff, _ := Resolve(today, w.CutOff, loc); !now.Before(cutOff) {
			today = today.AddDays(1)
		}
	}
	return NextBusiness(today, days)
}

// Opens is when the bank day d begins where the bank is.
func (w Window) Opens(d Date) time.Time {
	loc := w.Loc
	if loc == nil {
		loc = time.UTC
	}
	t, _ := Resolve(d, 0, loc)
	return t
}
