package statement

import (
	"errors"
	"strings"

	"github.com/sluicepay/sluice/platform/money"
)

// Errors about amounts do not show them.
var (
	errNotAmount = errors.New("an amount is not a decimal number")
	errDecimals  = errors.New("an amount has more decimals than its currency")
	errRange     = errors.New("an amount is out of range")
)

// Minor reads an unsigned decimal number such as "1234.5" into minor units of a
// currency. Digits beyond the currency's exponent must be zeros.
func Minor(text string, point byte, currency money.Currency) (int64, error) {
	exponent := currency.Exponent()
	var minor int64
	digits, decimals, seen := 0, 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == point && !seen:
			seen = true
		case c < '0' || c > '9':
			return 0, errNotAmount
		case seen && decimals == exponent:
			if c != '0' {
				return 0, errDecimals
			}
		default:
			minor = minor*10 + int64(c-'0')
			if minor > money.MaxMinor {
				return 0, errRange
			}
			digits++
			if seen {
				decimals++
			}
		}
	}
	if digits == 0 {
		return 0, errNotAmount
	}
	for ; decimals < exponent; decimals++ {
		minor *= 10
		if minor > money.MaxMinor {
			return 0, errRange
		}
	}
	return minor, nil
}

// whole reads a number of minor units with an optional sign.
func whole(text string) (int64, error) {
	digits, negative := strings.CutPrefix(text, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	minor, err := Minor(digits, '.', "") // an unknown currency has no decimals
	if negative {
		minor = -minor
	}
	return minor, err
}

// add is a + b within the bounds of totals.
func add(a, b int64) (int64, error) {
	sum := a + b // both within ±10^17: no wrap
	if sum > maxTotal || sum < -maxTotal {
		return 0, errRange
	}
	return sum, nil
}

// maxTotal bounds sums over a statement.
const maxTotal = 100 * money.MaxMinor
