// Package money is amounts in minor units with their currency, never apart,
// every operation checked for overflow, and no floats.
package money

import (
	"fmt"
	"strings"
)

// Currency is a lower-case ISO 4217 code: "hkd".
type Currency string

// Amount is a number of minor units of a currency; it may be negative.
type Amount struct {
	Minor    int64
	Currency Currency
}

// New is an amount of minor units: New(60000, "hkd") is HK$600.00.
func New(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// Neg is the amount with the other sign. The smallest int64 has no opposite and never occurs: amounts are bounded by MaxMinor.
func (a Amount) Neg() Amount { return Amount{Minor: -a.Minor, Currency: a.Currency} }

// IsZero reports whether nothing is there.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// MaxMinor bounds one amount: 10^15 minor units.
const MaxMinor = 1_000_000_000_000_000

// Add is a + b; it fails on different currencies and beyond MaxMinor.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("money: %s plus %s", a.Currency, b.Currency)
	}
	sum := a.Minor + b.Minor
	if sum > MaxMinor || sum < -MaxMinor || (b.Minor > 0) != (sum > a.Minor) && b.Minor != 0 {
		return Amount{}, fmt.Errorf("money: %d plus %d %s is out of range", a.Minor, b.Minor, a.Currency)
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

// Sub is a − b.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// ParseCurrency accepts an ISO 4217 code in any case.
func ParseCurrency(s string) (Currency, error) {
	c := Currency(strings.ToLower(s))
	if len(c) != 3 {
		return "", fmt.Errorf("money: %q is not an ISO 4217 currency", s)
	}
	return c, nil
}
