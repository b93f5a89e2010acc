package money

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePercentReadsUpToFourDecimals(t *testing.T) {
	for s, want := range map[string]Rate{
		"15": 150_000, "12.5": 125_000, "0.0001": 1, "100": Whole, "100.0000": Whole, "0": 0, "3.4": 34_000, "007": 70_000,
	} {
		if got, err := ParsePercent(s); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", s, int64(got), err, int64(want))
		}
	}
	for _, s := range []string{"", ".", ".5", "5.", "1e1", "+5", "-5", "5%", " 5", "1,5", "0.00001", "100.0001", "101", "1000", "٥", "0x10", "1.2.3", "9223372036854775808"} {
		if got, err := ParsePercent(s); err == nil {
			t.Errorf("%q is accepted as %d", s, int64(got))
		}
	}
}

func TestRateSurvivesTextAndJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate(rapid.Int64Range(0, int64(Whole)).Draw(t, "rate"))
		if got, err := ParsePercent(rate.String()); err != nil || got != rate {
			t.Fatalf("%d reads back as %d, %v", int64(rate), int64(got), err)
		}
		text, err := json.Marshal(rate)
		if err != nil || string(text) != `"`+rate.String()+`"` {
			t.Fatalf("JSON is %s, %v", text, err)
		}
		var back Rate
		if err := json.Unmarshal(text, &back); err != nil || back != rate {
			t.Fatalf("%s reads back as %d, %v", text, int64(back), err)
		}
	})
}

func TestRateStringHasNoTrailingZeros(t *testing.T) {
	for rate, want := range map[Rate]string{125_000: "12.5", 1: "0.0001", 0: "0", Whole: "100", 10: "0.001", -125_000: "-12.5"} {
		if got := rate.String(); got != want {
			t.Errorf("%d = %q, want %q", int64(rate), got, want)
		}
	}
}

func TestPortionRoundsHalfToEven(t *testing.T) {
	for _, c := range []struct {
		minor int64
		rate  Rate
		want  int64
	}{
		{60000, 34_000, 2040}, {25, 100_000, 2}, {35, 100_000, 4}, {-25, 100_000, -2}, {-35, 100_000, -4},
		{26, 100_000, 3}, {1, 499_999, 0}, {1, 500_000, 0}, {3, 500_000, 2}, {1, 500_001, 1}, {MaxMinor, Whole, MaxMinor}, {99, 0, 0},
	} {
		if got, err := Portion(New(c.minor, "hkd"), c.rate); err != nil || got.Minor != c.want {
			t.Errorf("%s %% of %d = %d, %v; want %d", c.rate, c.minor, got.Minor, err, c.want)
		}
	}
	for _, rate := range []Rate{-1, Whole + 1} {
		if got, err := Portion(New(1, "hkd"), rate); err == nil {
			t.Errorf("rate %d gives %v", int64(rate), got)
		}
	}
}

func TestPortionIsWithinHalfAUnitAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := New(rapid.Int64Range(-MaxMinor, MaxMinor).Draw(t, "amount"), "hkd")
		rate := Rate(rapid.Int64Range(0, int64(Whole)).Draw(t, "rate"))
		part, err := Portion(a, rate)
		if err != nil {
			t.Fatal(err)
		}
		// |2 × (part × 10^6 − amount × rate)| ≤ 10^6
		exact := new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(int64(rate)))
		off := new(big.Int).Mul(big.NewInt(part.Minor), big.NewInt(int64(Whole)))
		off.Sub(off, exact).Lsh(off, 1)
		if off.CmpAbs(big.NewInt(int64(Whole))) > 0 {
			t.Fatalf("%s %% of %v = %v", rate, a, part)
		}
		if opposite, err := Portion(a.Neg(), rate); err != nil || opposite != part.Neg() {
			t.Fatalf("%v and %v are not opposites (%v)", part, opposite, err)
		}
	})
}

func FuzzParsePercent(f *testing.F) {
	for _, s := range []string{"15", "12.5", "0.0001", "100", "1e3", "-1", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rate, err := ParsePercent(s)
		if err != nil {
			return
		}
		if rate < 0 || rate > Whole {
			t.Fatalf("%q gives %d", s, int64(rate))
		}
		if back, err := ParsePercent(rate.String()); err != nil || back != rate {
			t.Fatalf("%q: %s reads back as %s, %v", s, rate, back, err)
		}
	})
}
