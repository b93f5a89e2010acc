package ui

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/money"
)

func TestMoneyHasTheDigitsOfItsCurrency(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency money.Currency
		want     string
		code     string
	}{
		{123450, "hkd", "HK$1,234.50", "HK$1,234.50\u00a0HKD"},
		{-123450, "hkd", "\u2212HK$1,234.50", "\u2212HK$1,234.50\u00a0HKD"},
		{0, "hkd", "HK$0.00", "HK$0.00\u00a0HKD"},
		{5, "usd", "US$0.05", "US$0.05\u00a0USD"},
		{99, "gbp", "£0.99", "£0.99\u00a0GBP"},
		{100, "eur", "€1.00", "€1.00\u00a0EUR"},
		{300, "jpy", "¥300", "¥300\u00a0JPY"},
		{1234567, "jpy", "¥1,234,567", "¥1,234,567\u00a0JPY"},
		{1250, "kwd", "KWD\u00a01.250", "KWD\u00a01.250"},
		{-1, "kwd", "\u2212KWD\u00a00.001", "\u2212KWD\u00a00.001"},
		{100000, "twd", "NT$1,000.00", "NT$1,000.00\u00a0TWD"},
		{99999999, "usd", "US$999,999.99", "US$999,999.99\u00a0USD"},
		{-9223372036854775808, "usd", "\u2212US$92,233,720,368,547,758.08", "\u2212US$92,233,720,368,547,758.08\u00a0USD"},
	} {
		a := money.New(c.minor, c.currency)
		if got := FormatMoney(a); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.minor, c.currency, got, c.want)
		}
		if got := FormatMoneyCode(a); got != c.code {
			t.Errorf("%d %s with code is %q, want %q", c.minor, c.currency, got, c.code)
		}
	}
}

func TestMoneyKeepsEveryDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.New(rapid.Int64Range(-money.MaxMinor, money.MaxMinor).Draw(t, "minor"), rapid.SampledFrom([]money.Currency{"hkd", "jpy", "kwd", "usd"}).Draw(t, "currency"))
		plain := strings.NewReplacer(",", "", "HK$", "", "US$", "", "¥", "", "KWD\u00a0", "", "\u2212", "-").Replace(FormatMoney(a))
		if plain != a.Decimal() {
			t.Errorf("%s is shown as %s", a.Decimal(), plain)
		}
	})
}

func TestDatesAreInTheAccountsZone(t *testing.T) {
	at := time.Date(2026, 11, 24, 16, 30, 0, 0, time.UTC) // the next day in Hong Kong
	hongKong, err := time.LoadLocation("Asia/Hong_Kong")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		format func(time.Time, *time.Location, Locale) string
		locale Locale
		zone   *time.Location
		want   string
	}{
		{FormatDate, English, hongKong, "25 Nov 2026"},
		{FormatDate, English, time.UTC, "24 Nov 2026"},
		{FormatDate, Chinese, hongKong, "2026年11月25日"},
		{FormatTime, English, hongKong, "25 Nov 2026, 00:30"},
		{FormatTime, Chinese, hongKong, "2026年11月25日 00:30"},
		{FormatDay, English, hongKong, "Wed 25 Nov 2026"},
		{FormatDay, Chinese, hongKong, "2026年11月25日（星期三）"},
	} {
		if got := c.format(at.In(time.UTC), c.zone, c.locale); got != c.want {
			t.Errorf("%s: %q, want %q", c.locale, got, c.want)
		}
	}
}
