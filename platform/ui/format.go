package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // accounts have time zones; a container may have none installed

	"github.com/sluicepay/sluice/platform/money"
)

// symbols stand before amounts. Of the many dollars each is named, so that nobody
// takes one for another. Currencies that are not here show their code.
var symbols = map[money.Currency]string{
	"aud": "A$", "cad": "CA$", "cny": "CN¥", "eur": "€", "gbp": "£", "hkd": "HK$", "inr": "₹", "jpy": "¥",
	"krw": "₩", "mop": "MOP$", "nzd": "NZ$", "php": "₱", "sgd": "S$", "thb": "฿", "twd": "NT$", "usd": "US$", "vnd": "₫",
}

// minus is the sign, not the hyphen: it has the width of a digit and never breaks the line.
const minus = "\u2212"

// noBreak keeps an amount on one line.
const noBreak = "\u00a0"

// FormatMoney shows an amount: HK$1,234.50, −¥300, KWD 1.250. Both languages write it alike.
func FormatMoney(a money.Amount) string {
	sign, minor := "", uint64(a.Minor)
	if a.Minor < 0 {
		sign, minor = minus, -minor // exact even for the smallest int64
	}
	symbol, ok := symbols[a.Currency]
	if !ok {
		symbol = code(a.Currency) + noBreak
	}
	digits := strconv.FormatUint(minor, 10)
	exponent := a.Currency.Exponent()
	if pad := exponent + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole, fraction := digits[:len(digits)-exponent], digits[len(digits)-exponent:]
	var b strings.Builder
	b.WriteString(sign + symbol)
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if exponent > 0 {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// FormatMoneyCode adds the code, for places where several currencies meet: HK$1,234.50 HKD.
func FormatMoneyCode(a money.Amount) string {
	if _, ok := symbols[a.Currency]; !ok {
		return FormatMoney(a) // it has the code already
	}
	return FormatMoney(a) + noBreak + code(a.Currency)
}

func code(c money.Currency) string { return strings.ToUpper(string(c)) }

// FormatDate shows the day that an instant has in a zone: 24 Nov 2026, 2026年11月24日.
func FormatDate(at time.Time, zone *time.Location, l Locale) string {
	at = at.In(zone)
	if l == Chinese {
		return fmt.Sprintf("%d年%d月%d日", at.Year(), at.Month(), at.Day())
	}
	return at.Format("2 Jan 2006")
}

// FormatTime shows day and minute: 24 Nov 2026, 14:05.
func FormatTime(at time.Time, zone *time.Location, l Locale) string {
	if l == Chinese {
		return FormatDate(at, zone, l) + " " + at.In(zone).Format("15:04")
	}
	return FormatDate(at, zone, l) + ", " + at.In(zone).Format("15:04")
}

var chineseWeekdays = [...]string{"日", "一", "二", "三", "四", "五", "六"}

// FormatDay shows the day with its weekday: Tue 24 Nov 2026, 2026年11月24日（星期二）.
func FormatDay(at time.Time, zone *time.Location, l Locale) string {
	day := at.In(zone).Weekday()
	if l == Chinese {
		return FormatDate(at, zone, l) + "（星期" + chineseWeekdays[day] + "）"
	}
	return day.String()[:3] + " " + FormatDate(at, zone, l)
}
