package connect

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// AmountsParam is an amount for some currencies: "" unsets all of them, and "" or
// null under a currency unsets that one. The zero value changes nothing.
type AmountsParam struct {
	Clear bool
	Set   map[string]*int64 // nil unsets
}

// DecodeParam reads minimum_balance_by_currency[hkd]=1000.
func (p *AmountsParam) DecodeParam(name string, v any) error {
	if text, ok := v.(string); v == nil || ok && text == "" {
		p.Clear = true
		return nil
	}
	given, ok := v.(map[string]any)
	if !ok {
		return fault.Invalidf("", name, "Invalid hash: %s must be a set of amounts by currency.", name)
	}
	p.Set = make(map[string]*int64, len(given))
	for _, currency := range slices.Sorted(maps.Keys(given)) {
		param := name + "[" + currency + "]"
		amount, err := amountOf(given[currency], param)
		if err != nil {
			return err
		}
		code := strings.ToLower(currency)
		if !money.Currency(code).Known() {
			return fault.Invalidf("currency_not_supported", param, "Invalid currency: %s", currency)
		}
		p.Set[code] = amount
	}
	return nil
}

func amountOf(v any, param string) (*int64, error) {
	text, ok := v.(string)
	if v == nil || ok && text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || text[0] == '+' {
		return nil, fault.Invalidf("parameter_invalid_integer", param, "Invalid integer: %s", text)
	}
	if n < 0 || n > money.MaxMinor {
		return nil, fault.Invalidf("parameter_invalid_integer", param, "Invalid amount: must be between 0 and %d", int64(money.MaxMinor))
	}
	return &n, nil
}

// apply lays the parameter over current and returns the result, nil if nothing is left.
func (p AmountsParam) apply(current map[string]int64) map[string]int64 {
	merged := map[string]int64{}
	if !p.Clear {
		maps.Copy(merged, current)
	}
	for currency, amount := range p.Set {
		if amount == nil {
			delete(merged, currency)
			continue
		}
		merged[currency] = *amount
	}
	if len(merged) == 0 {
		return nil
	}
	return merged
}
