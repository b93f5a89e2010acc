package calendar

import "time"

// target is the closing days of TARGET, as the European Central Bank fixed them
// for 2002 and all years after. Nothing moves off a weekend.
// https://www.ecb.europa.eu/ecb/contacts/working-hours
func target(year int) []Holiday {
	easter := easterSunday(year)
	return []Holiday{
		{On(year, time.January, 1), "New Year's Day"},
		{easter.AddDays(-2), "Good Friday"},
		{easter.AddDays(1), "Easter Monday"},
		{On(year, time.May, 1), "Labour Day"},
		{On(year, time.December, 25), "Christmas Day"},
		{On(year, time.December, 26), "Christmas Holiday"},
	}
}

// fed is the holidays of the Federal Reserve Banks. One on a Sunday is kept on
// Monday; before one on a Saturday the banks are open on Friday, where lists of
// federal holidays have a day off.
// https://www.frbservices.org/about/holiday-schedules
func fed(year int) []Holiday {
	holidays := []Holiday{
		{On(year, time.January, 1), "New Year's Day"},
		{nth(3, time.Monday, year, time.January), "Martin Luther King, Jr. Day"},
		{nth(3, time.Monday, year, time.February), "Presidents Day"},
		{nth(0, time.Monday, year, time.June), "Memorial Day"},
		{On(year, time.July, 4), "Independence Day"},
		{nth(1, time.Monday, year, time.September), "Labor Day"},
		{nth(2, time.Monday, year, time.October), "Columbus Day"},
		{On(year, time.November, 11), "Veterans Day"},
		{nth(4, time.Thursday, year, time.November), "Thanksgiving Day"},
		{On(year, time.December, 25), "Christmas Day"},
	}
	if year >= juneteenth {
		holidays = append(holidays, Holiday{On(year, time.June, 19), "Juneteenth National Independence Day"})
	}
	for i, h := range holidays {
		if h.Date.Weekday() == time.Sunday {
			holidays[i] = Holiday{h.Date.AddDays(1), h.Name + " (observed)"}
		}
	}
	return holidays
}

// juneteenth is the first year in which the Federal Reserve Banks kept it: the law
// is of 17 June 2021, and that year's was a Saturday.
const juneteenth = 2022

// nth is the n-th such weekday of a month; 0 is the last one of the month before.
func nth(n int, weekday time.Weekday, year int, month time.Month) Date {
	first := On(year, month, 1)
	return first.AddDays((int(weekday-first.Weekday())+7)%7 + 7*(n-1))
}

// easterSunday follows Oudin's form of the Gregorian computus.
func easterSunday(year int) Date {
	century, golden := year/100, year%19
	moon := (century - century/4 - (century-(century-17)/25)/3 + 19*golden + 15) % 30
	moon -= moon / 28 * (1 - moon/28*(29/(moon+1))*((21-golden)/11))
	weekday := (year + year/4 + moon + 2 - century + century/4) % 7
	return On(year, time.March, 28+moon-weekday)
}
