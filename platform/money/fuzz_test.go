package money

import (
	"math"
	"math/big"
	"strings"
	"testing"
)

// edges are where arithmetic breaks, if it does.
var edges = []int64{math.MinInt64, math.MinInt64 + 1, -MaxMinor - 1, -MaxMinor, -1, 0, 1, 2, MaxMinor - 1, MaxMinor, MaxMinor + 1, math.MaxInt64 - 1, math.MaxInt64}

// Over the whole of int64 an operation is exact or an error, and never wraps or panics.
func FuzzAmounts(f *testing.F) {
	for _, a := range edges {
		for _, b := range edges {
			f.Add(a, b, b, a)
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c, d int64) {
		exactly := func(what string, got int64, err error, want *big.Int) {
			t.Helper()
			switch fits := want.IsInt64() && inRange(want.Int64()); {
			case err == nil && (!fits || got != want.Int64()):
				t.Fatalf("%s of %d and %d is %d, exactly %s", what, a, b, got, want)
			case err != nil && fits && inRange(a) && inRange(b):
				t.Fatalf("%s of %d and %d, which is %s: %v", what, a, b, want, err)
			}
		}
		x, y := New(a, "hkd"), New(b, "hkd")
		sum, err := x.Add(y)
		exactly("the sum", sum.Minor, err, new(big.Int).Add(big.NewInt(a), big.NewInt(b)))
		difference, err := x.Sub(y)
		exactly("the difference", difference.Minor, err, new(big.Int).Sub(big.NewInt(a), big.NewInt(b)))
		all, err := Sum("hkd", x, y, New(c, "hkd"), New(d, "hkd"))
		whole := new(big.Int)
		for _, n := range []int64{a, b, c, d} {
			whole.Add(whole, big.NewInt(n))
		}
		if err == nil && (!whole.IsInt64() || all.Minor != whole.Int64()) {
			t.Fatalf("the sum of %d, %d, %d, %d is %d, exactly %s", a, b, c, d, all.Minor, whole)
		}
		portionIsExact(t, x, Rate(b))
		partIsExact(t, a, b, c, d)
		if text := x.Decimal(); strings.Replace(text, ".", "", 1) != padded(a) {
			t.Fatalf("%d is written as %s", a, text)
		}
		_, _ = x.Allocate(b, c, d)
		_ = x.Check()
		_ = Rate(a).String()
	})
}

// padded is a number with the three digits at least that two decimals need.
func padded(n int64) string {
	digits := new(big.Int).Abs(big.NewInt(n)).String()
	if missing := 3 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}

// portionIsExact holds a portion against the fraction: at most half a unit away.
func portionIsExact(t *testing.T, x Amount, r Rate) {
	t.Helper()
	got, err := Portion(x, r)
	if valid := inRange(x.Minor) && r >= 0 && r <= Whole; valid != (err == nil) {
		t.Fatalf("%d millionths of %d: %v", int64(r), x.Minor, err)
	}
	if err != nil {
		return
	}
	// 2 × |got × whole − minor × rate| ≤ whole
	off := new(big.Int).Mul(big.NewInt(got.Minor), big.NewInt(int64(Whole)))
	off.Sub(off, new(big.Int).Mul(big.NewInt(x.Minor), big.NewInt(int64(r))))
	if off.Mul(off, big.NewInt(2)).CmpAbs(big.NewInt(int64(Whole))) > 0 {
		t.Fatalf("%d millionths of %d are %d", int64(r), x.Minor, got.Minor)
	}
}

// partIsExact holds what a refund brings back against floor(part × refunded / whole).
func partIsExact(t *testing.T, part, whole, before, refund int64) {
	t.Helper()
	got, err := Cumulative(part, whole, before, refund)
	if err != nil {
		return
	}
	due := func(refunded ...int64) *big.Int {
		n := new(big.Int)
		for _, r := range refunded {
			n.Add(n, big.NewInt(r))
		}
		return n.Div(n.Mul(n, big.NewInt(part)), big.NewInt(whole))
	}
	want := due(before, refund)
	if want.Sub(want, due(before)); !want.IsInt64() || got != want.Int64() {
		t.Fatalf("of %d, a refund of %d after %d of %d brings %d, exactly %s", part, refund, before, whole, got, want)
	}
}

func FuzzParsing(f *testing.F) {
	for _, text := range []string{"", "12.5", "100.0000", "99999999999999999999", "-1", "0.0001", "hkd", "\u0661"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if rate, err := ParsePercent(text); err == nil && (rate < 0 || rate > Whole) {
			t.Fatalf("%q is %d millionths", text, int64(rate))
		}
		if c, err := ParseCurrency(text); err == nil && !c.Known() {
			t.Fatalf("%q is %q", text, string(c))
		}
	})
}
