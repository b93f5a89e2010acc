package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func anyCurrency(t *rapid.T) Currency {
	return rapid.SampledFrom([]Currency{"hkd", "jpy", "kwd", "clf", "usd"}).Draw(t, "currency")
}

func TestAddEqualsExactSumOrFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t)
		a, b := New(rapid.Int64().Draw(t, "a"), c), New(rapid.Int64().Draw(t, "b"), c)
		exact := new(big.Int).Add(big.NewInt(a.Minor), big.NewInt(b.Minor))
		inside := inRange(a.Minor) && inRange(b.Minor) && exact.IsInt64() && inRange(exact.Int64())
		sum, err := a.Add(b)
		switch {
		case !inside && !errors.Is(err, ErrRange):
			t.Fatalf("%d + %d gave %v, %v; want a range error", a.Minor, b.Minor, sum, err)
		case inside && (err != nil || sum.Minor != exact.Int64()):
			t.Fatalf("%d + %d = %v, %v", a.Minor, b.Minor, sum, err)
		}
		if back, err := sum.Sub(b); inside && (err != nil || back != a) {
			t.Fatalf("%v − %v = %v, %v", sum, b, back, err)
		}
	})
}

func TestSubOfTheSmallestInt64IsARangeError(t *testing.T) {
	if got, err := New(0, "usd").Sub(New(math.MinInt64, "usd")); !errors.Is(err, ErrRange) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAmountsOfDifferentCurrenciesNeverMix(t *testing.T) {
	if _, err := New(1, "hkd").Add(New(1, "usd")); !errors.Is(err, ErrCurrency) {
		t.Fatalf("add: %v", err)
	}
	if _, err := New(1, "hkd").Sub(New(1, "usd")); !errors.Is(err, ErrCurrency) {
		t.Fatalf("sub: %v", err)
	}
	if _, err := Sum("hkd", New(1, "hkd"), New(1, "usd")); !errors.Is(err, ErrCurrency) {
		t.Fatalf("sum: %v", err)
	}
}

func TestSumOfNoneIsZeroOfTheCurrency(t *testing.T) {
	if got, err := Sum("jpy"); err != nil || got != Zero("jpy") {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestStringHasTheDigitsOfTheCurrency(t *testing.T) {
	for _, c := range []struct {
		amount Amount
		want   string
	}{
		{New(60000, "hkd"), "600.00 HKD"},
		{New(5, "hkd"), "0.05 HKD"},
		{New(-5, "hkd"), "-0.05 HKD"},
		{New(0, "usd"), "0.00 USD"},
		{New(1200, "jpy"), "1200 JPY"},
		{New(-1, "jpy"), "-1 JPY"},
		{New(1, "kwd"), "0.001 KWD"},
		{New(123456, "clf"), "12.3456 CLF"},
		{New(math.MinInt64, "usd"), "-92233720368547758.08 USD"},
	} {
		if got := c.amount.String(); got != c.want {
			t.Errorf("%d %s = %q, want %q", c.amount.Minor, c.amount.Currency, got, c.want)
		}
	}
}

func TestCheckRefusesUnknownCurrencyAndHugeAmounts(t *testing.T) {
	for _, a := range []Amount{New(1, ""), New(1, "HKD"), New(1, "zzz"), New(MaxMinor+1, "hkd"), New(math.MinInt64, "hkd")} {
		if a.Check() == nil {
			t.Errorf("%d %q passes", a.Minor, string(a.Currency))
		}
	}
	if err := New(-MaxMinor, "hkd").Check(); err != nil {
		t.Error(err)
	}
}
