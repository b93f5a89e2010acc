// Package calendar knows days: civil dates and when they begin in a time zone,
// which of them are bank days, and where a day moves on which the bank is closed.
// It is pure: dates in, dates out, no clock and no database.
//
// Local times are resolved by Resolve alone. time.Date goes backwards over a gap
// of the clock: midnight of 2026-09-06 in Santiago becomes 23:00 of the day before.
//
// Bank days are dated data (Hong Kong, England) or rules (TARGET, the Fed). Data
// ends; a Calendar says for which years it Covers the holidays, and beyond them
// knows weekends only. Operators add and open days; see With.
package calendar
