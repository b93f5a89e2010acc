package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Amount is a number of minor units of a currency; it may be negative.
type Amount struct {
	Minor    int64
	Currency Currency
}

// MaxMinor bounds one amount: 10^15 minor units. Totals over many amounts may
// be larger and are kept elsewhere.
const MaxMinor = 1_000_000_000_000_000

// ErrRange is in every error about an amount beyond MaxMinor.
var ErrRange = errors.New("amount is out of range")

// ErrCurrency is in every error about mixing currencies.
var ErrCurrency = errors.New("currencies differ")

// New is an amount of minor units: New(60000, "hkd") is HK$600.00.
func New(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// Zero is nothing of a currency.
func Zero(c Currency) Amount { return Amount{Currency: c} }

// Neg is the amount with the other sign. The smallest int64 has no opposite
// and never occurs: amounts are bounded by MaxMinor.
func (a Amount) Neg() Amount { return Amount{Minor: -a.Minor, Currency: a.Currency} }

// IsZero reports whether nothing is there.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// Positive reports whether the amount is more than nothing.
func (a Amount) Positive() bool { return a.Minor > 0 }

// Check fails unless the currency is known and the amount is within MaxMinor.
func (a Amount) Check() error {
	if !a.Currency.Known() {
		return fmt.Errorf("money: %q is not an ISO 4217 currency", string(a.Currency))
	}
	if !inRange(a.Minor) {
		return fmt.Errorf("money: %d %s: %w", a.Minor, a.Currency, ErrRange)
	}
	return nil
}

// Add is a + b; it fails on different currencies and beyond MaxMinor.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("money: %s and %s: %w", a.Currency, b.Currency, ErrCurrency)
	}
	// Operands in range cannot wrap int64 (2·10^15), so the sum is exact.
	if !inRange(a.Minor) || !inRange(b.Minor) || !inRange(a.Minor+b.Minor) {
		return Amount{}, fmt.Errorf("money: %d plus %d %s: %w", a.Minor, b.Minor, a.Currency, ErrRange)
	}
	return Amount{Minor: a.Minor + b.Minor, Currency: a.Currency}, nil
}

// Sub is a − b; it fails on different currencies and beyond MaxMinor.
func (a Amount) Sub(b Amount) (Amount, error) {
	if !inRange(b.Minor) {
		return Amount{}, fmt.Errorf("money: minus %d %s: %w", b.Minor, b.Currency, ErrRange)
	}
	return a.Add(b.Neg())
}

// Sum adds amounts of one currency; the sum of none is zero of that currency.
func Sum(c Currency, amounts ...Amount) (Amount, error) {
	total := Zero(c)
	for _, a := range amounts {
		next, err := total.Add(a)
		if err != nil {
			return Amount{}, err
		}
		total = next
	}
	return total, nil
}

// String writes the amount in major units with the exponent of its currency:
// "600.00 HKD", "-1200 JPY". Currencies without a known exponent show plain minor units.
func (a Amount) String() string {
	return a.Decimal() + " " + strings.ToUpper(string(a.Currency))
}

// Decimal is the number part of String: "600.00".
func (a Amount) Decimal() string {
	sign, digits := "", strconv.FormatInt(a.Minor, 10)
	if a.Minor < 0 {
		sign, digits = "-", digits[1:]
	}
	exponent := a.Currency.Exponent()
	if exponent == 0 {
		return sign + digits
	}
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - exponent
	return sign + digits[:point] + "." + digits[point:]
}

func inRange(minor int64) bool { return -MaxMinor <= minor && minor <= MaxMinor }
