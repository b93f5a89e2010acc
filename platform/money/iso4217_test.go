package money

import (
	"encoding/csv"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// listed is the dated copy of ISO 4217's list one: the digits of each active code, -1 where
// it has no minor unit. Where it is from is told in testdata/README.md.
func listed(t *testing.T) map[Currency]int {
	t.Helper()
	file, err := os.Open("testdata/iso4217-2026-02-01.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	list := map[Currency]int{}
	for _, row := range rows[1:] {
		digits, err := strconv.Atoi(row[2])
		if err != nil {
			digits = -1
		}
		list[Currency(strings.ToLower(row[0]))] = digits
	}
	return list
}

func TestTheTableIsTheDatedListOfISO4217(t *testing.T) {
	// Fund codes and a unit of account that nobody is paid in; see exponents.
	left := map[Currency]bool{"bov": true, "che": true, "chw": true, "cou": true, "mxv": true, "usn": true, "uyi": true, "xad": true}
	list := listed(t)
	for _, code := range slices.Sorted(maps.Keys(list)) {
		digits := list[code]
		if wanted := digits >= 0 && !left[code]; code.Known() != wanted {
			t.Errorf("%s, with %d digits on the list, is in the table: %v", code, digits, code.Known())
		} else if wanted && code.Exponent() != digits {
			t.Errorf("%s has %d digits, the list says %d", code, code.Exponent(), digits)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(exponents)) {
		if _, ok := list[code]; !ok {
			t.Errorf("%s is not on the list", code)
		}
	}
	for code := range left {
		if _, ok := list[code]; !ok {
			t.Errorf("%s is left out, and not on the list any more", code)
		}
	}
}

// Those on which tables of others differ: what as many
// minor units on our wire are. HUF and TWD have two digits and are paid out in whole units, which is a bank's
// step (payouts/rail), no exponent.
func TestMinorUnitsOnTheWireAreThoseOfISO(t *testing.T) {
	for code, want := range map[Currency]string{
		"isk": "1234567", "ugx": "1234567", "jpy": "1234567",
		"mga": "12345.67", "huf": "12345.67", "twd": "12345.67", "hkd": "12345.67",
		"kwd": "1234.567", "clf": "123.4567",
	} {
		if got := New(1_234_567, code).Decimal(); got != want {
			t.Errorf("1234567 minor units of %s are %s, want %s", code, got, want)
		}
	}
}
