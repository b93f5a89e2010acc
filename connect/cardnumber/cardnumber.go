// Package cardnumber recognises primary account numbers, so that they are
// refused wherever they do not belong. Raw numbers enter Sluice only through
// POST /v1/tokens and, in test mode, payment_methods card[number].
package cardnumber

import (
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// Valid reports whether s, ignoring spaces and dashes, is 12 to 19 digits that pass the Luhn check.
func Valid(s string) bool {
	digits := strip(s)
	if len(digits) < 12 || len(digits) > 19 {
		return false
	}
	sum, double := 0, false
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
		d := int(digits[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return sum > 0 && sum%10 == 0
}

// Refuse fails with Invalid when value is a card number. The message never repeats it.
func Refuse(param, value string) error {
	if !Valid(value) {
		return nil
	}
	return fault.Invalidf("parameter_invalid_card_number", param,
		"A card number was sent in `%s`. Card numbers are accepted only by /v1/tokens; send a token or a payment method instead.", param)
}

// RefuseIn checks the values of a metadata-like hash.
func RefuseIn(param string, values map[string]string) error {
	for key, value := range values {
		if err := Refuse(param+"["+key+"]", value); err != nil {
			return err
		}
	}
	return nil
}

func strip(s string) string {
	if len(s) > 64 {
		return ""
	}
	return strings.NewReplacer(" ", "", "-", "").Replace(s)
}
