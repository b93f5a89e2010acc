package processor

import "github.com/sluicepay/sluice/platform/money"

// FeeSchedule is what a processor keeps of each captured payment: a percentage,
// rounded half to even, plus a fixed part in minor units of the currency.
// Currencies without a fixed part pay the percentage alone.
type FeeSchedule struct {
	Percent money.Rate
	Fixed   map[money.Currency]int64
}

// SandboxFees is the sandbox's schedule: 3.4 % and 2.35 HKD, or about as much.
func SandboxFees() FeeSchedule {
	return FeeSchedule{Percent: 34_000, Fixed: map[money.Currency]int64{
		"hkd": 235, "usd": 30, "eur": 25, "gbp": 20, "sgd": 30, "jpy": 30, "kwd": 90, "cny": 210, "twd": 950,
		"aud": 30, "cad": 30, "nzd": 30, "chf": 30, "myr": 100, "thb": 500, "krw": 400, "php": 1500, "idr": 400000,
		"inr": 30, "mop": 235, "aed": 100, "bhd": 110, "jod": 200, "omr": 110, "tnd": 900, "vnd": 7000,
		"sek": 180, "nok": 200, "dkk": 180, "pln": 100, "czk": 650, "huf": 8500, "ron": 100, "brl": 39, "mxn": 300,
	}}
}

// Fee is the fee on a captured amount, at most the amount itself.
func (s FeeSchedule) Fee(captured money.Amount) (money.Amount, error) {
	if !captured.Positive() {
		return money.Zero(captured.Currency), nil
	}
	fee, err := money.Portion(captured, s.Percent)
	if err != nil {
		return money.Amount{}, err
	}
	fee, err = fee.Add(money.New(s.Fixed[captured.Currency], captured.Currency))
	if err != nil {
		return money.Amount{}, err
	}
	fee.Minor = min(fee.Minor, captured.Minor)
	return fee, nil
}
