package dashboard

import (
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// retyped is the field of {{template "retype"}}.
const retyped = "amount_again"

// MustRetype reports whether an amount is above the installation's limit: then it is
// typed a second time before it moves.
func (v *Visit) MustRetype(minor int64, currency string) bool {
	limit, known := v.desk.cfg.ConfirmOver[money.Currency(strings.ToLower(currency))]
	return known && minor > limit
}

// Retyped reports whether money may move as the form asks. If not, the form says at
// its field why; the page shows the field with {{template "retype"}}. minor is what
// would move, read the same way as what was typed.
func (v *Visit) Retyped(form *ui.Form, minor int64, currency string) bool {
	if !v.MustRetype(minor, currency) {
		return true
	}
	c := money.Currency(strings.ToLower(currency))
	if again, ok := ReadAmount(form.Value(retyped), c); ok && again == minor {
		return true
	}
	form.Fail(retyped, "desk.retype.wrong", "amount", ui.Text(ui.FormatMoney(money.New(minor, c))))
	return false
}

// ReadAmount reads an amount as people type it, "510" or "HK$1,510.50", in minor units.
func ReadAmount(text string, c money.Currency) (int64, bool) {
	if _, err := money.ParseCurrency(string(c)); err != nil {
		return 0, false
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, text)
	whole, part, dotted := strings.Cut(digits, ".")
	if whole+part == "" || dotted && len(part) > c.Exponent() || strings.ContainsAny(part, ".-") {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", c.Exponent()-len(part)), 10, 64)
	return n, err == nil && n >= 0
}
