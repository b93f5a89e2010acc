package money

import (
	"strings"
	"testing"

	"golang.org/x/text/currency"
)

// The list as ISO publishes it, checked by hand where libraries disagree.
func TestExponentsFollowISO4217(t *testing.T) {
	for digits, codes := range map[int]string{
		0: "jpy krw vnd clp pyg rwf bif djf gnf kmf vuv xaf xof xpf isk ugx",
		2: "hkd usd eur gbp sgd cny twd huf mga mru zwg xcg sle ves ved mop cve",
		3: "bhd iqd jod kwd lyd omr tnd",
		4: "clf uyw",
	} {
		for code := range strings.FieldsSeq(codes) {
			c, err := ParseCurrency(code)
			if err != nil || c.Exponent() != digits {
				t.Errorf("%s: exponent %d, %v; want %d", code, c.Exponent(), err, digits)
			}
		}
	}
}

// x/text carries CLDR's digits, which follow use rather than ISO. Where both
// know a currency, any difference must be one we know of.
func TestExponentsDifferFromCLDROnlyWhereKnown(t *testing.T) {
	known := make(map[Currency]bool)
	for code := range strings.FieldsSeq(`afn all amd cop gyd idr iqd irr kpw lak lbp mga mmk mnt mur pkr rsd sos syp tzs uzs yer`) {
		known[Currency(code)] = true
	}
	for code, digits := range exponents {
		unit, err := currency.ParseISO(string(code))
		if err != nil {
			continue // newer than the library's data
		}
		if scale, _ := currency.Standard.Rounding(unit); scale != int(digits) && !known[code] {
			t.Errorf("%s: %d digits, CLDR says %d", code, digits, scale)
		}
	}
}

func TestTableHasOneEntryPerActiveCurrency(t *testing.T) {
	if got, want := len(exponents), 157; got != want {
		t.Errorf("the table of %s has %d currencies, want %d", TableDate, got, want)
	}
	for code := range exponents {
		if len(code) != 3 || strings.ToLower(string(code)) != string(code) {
			t.Errorf("%q is not a lower-case code", string(code))
		}
	}
}

func TestParseCurrencyIsStrict(t *testing.T) {
	for _, s := range []string{"hkd", "HKD"} {
		if c, err := ParseCurrency(s); err != nil || c != "hkd" {
			t.Errorf("%q: %q, %v", s, string(c), err)
		}
	}
	for _, s := range []string{"", "hk", "hkdd", "Hkd", " hkd", "hkd ", "zzz", "bgn", "ang", "zwl", "hrk", "xau", "xts", "xxx", "ﬀf", "K\u212Ad"} {
		if c, err := ParseCurrency(s); err == nil {
			t.Errorf("%q is accepted as %q", s, string(c))
		}
	}
}

func TestChargeBoundsAreInOrder(t *testing.T) {
	for c := range exponents {
		if lowest, highest := MinimumCharge(c), MaximumCharge(c); !lowest.Positive() || lowest.Minor >= highest.Minor {
			t.Errorf("%s: from %s to %s", c, lowest, highest)
		}
	}
	for c := range minimumCharges {
		if !c.Known() {
			t.Errorf("minimum for unknown currency %s", c)
		}
	}
}
