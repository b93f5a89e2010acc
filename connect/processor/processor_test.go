package processor

import (
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// octopus takes whole amounts in multiples of ten, captured at once.
var octopus = Capabilities{
	Currencies: []money.Currency{"hkd"}, Refunds: true,
	Steps: map[money.Currency]int64{"hkd": 10}, Maximums: map[money.Currency]int64{"hkd": 300_000},
}

func hkd(minor int64) money.Amount { return money.New(minor, "hkd") }

func TestWhatIsNotDeclaredIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		code, param string
	}{
		"fits":             {octopus.CheckCharge(hkd(5000), true), "", ""},
		"currency":         {octopus.CheckCharge(money.New(5000, "usd"), true), "currency_not_supported", "currency"},
		"nothing":          {octopus.CheckCharge(hkd(0), true), "parameter_invalid_integer", "amount"},
		"too small":        {octopus.CheckCharge(hkd(390), true), "amount_too_small", "amount"},
		"too large":        {octopus.CheckCharge(hkd(300_010), true), "amount_too_large", "amount"},
		"off step":         {octopus.CheckCharge(hkd(5005), true), "invalid_charge_amount", "amount"},
		"capture later":    {octopus.CheckCharge(hkd(5000), false), "parameter_invalid", "capture_method"},
		"whole capture":    {octopus.CheckCapture(hkd(5000), hkd(5000)), "", ""},
		"part capture":     {octopus.CheckCapture(hkd(5000), hkd(4000)), "parameter_invalid", "amount_to_capture"},
		"greater capture":  {octopus.CheckCapture(hkd(5000), hkd(5010)), "amount_too_large", "amount_to_capture"},
		"capture nothing":  {octopus.CheckCapture(hkd(5000), hkd(0)), "parameter_invalid_integer", "amount_to_capture"},
		"whole refund":     {octopus.CheckRefund(hkd(5000), hkd(5000)), "", ""},
		"part refund":      {octopus.CheckRefund(hkd(5000), hkd(4000)), "parameter_invalid", "amount"},
		"refund nothing":   {octopus.CheckRefund(hkd(5000), hkd(0)), "parameter_invalid_integer", "amount"},
		"no refunds":       {Capabilities{}.CheckRefund(hkd(5000), hkd(5000)), "charge_not_refundable", "charge"},
		"any currency":     {Capabilities{}.CheckCharge(money.New(5000, "usd"), true), "", ""},
		"unknown currency": {Capabilities{}.CheckCharge(money.New(5000, "zzz"), true), "currency_not_supported", "currency"},
	} {
		f := fault.As(c.err)
		if c.code == "" && c.err != nil || c.code != "" && (f == nil || f.Code != c.code || f.Param != c.param) {
			t.Errorf("%s: %v (%+v)", name, c.err, f)
		}
	}
}

func TestSandboxFeesArePercentagePlusFixed(t *testing.T) {
	for _, c := range []struct{ captured, fee money.Amount }{
		{hkd(60000), hkd(2275)},
		{hkd(400), hkd(249)},
		{hkd(0), hkd(0)},
		{hkd(100), hkd(100)}, // never more than the payment
		{money.New(1000, "jpy"), money.New(64, "jpy")},
		{money.New(10000, "kwd"), money.New(430, "kwd")},
		{money.New(10000, "usd"), money.New(370, "usd")},
		{money.New(10000, "xpf"), money.New(340, "xpf")}, // no fixed part
	} {
		if got, err := SandboxFees().Fee(c.captured); err != nil || got != c.fee {
			t.Errorf("fee on %s is %s, %v; want %s", c.captured, got, err, c.fee)
		}
	}
}

func TestEveryMinimumChargeCoversItsFee(t *testing.T) {
	for currency := range SandboxFees().Fixed {
		lowest := money.MinimumCharge(currency)
		if fee, err := SandboxFees().Fee(lowest); err != nil || fee.Minor >= lowest.Minor {
			t.Errorf("%s: fee %s on the smallest charge %s (%v)", currency, fee, lowest, err)
		}
	}
}
