package money

// maximumChargeMinor is the largest charge: eight digits of minor units, as on the wire we follow.
const maximumChargeMinor = 99_999_999

// minimumCharges is the smallest charge per currency in minor units: for
// settlement currencies what the Stripe API documents, about half a US dollar for the others.
var minimumCharges = map[Currency]int64{
	"usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
	"dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
	"myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
	"cny": 400, "krw": 700, "twd": 1600, "php": 3000, "idr": 800000, "vnd": 13000, "mop": 400,
	"isk": 70, "clp": 500, "pyg": 4000, "ugx": 2000, "rwf": 700, "bif": 1500, "djf": 90, "gnf": 4500, "kmf": 250, "vuv": 60,
	"xaf": 300, "xof": 300, "xpf": 60,
	"kwd": 150, "bhd": 200, "jod": 350, "omr": 200, "tnd": 1500,
}

// MinimumCharge is the smallest amount that can be charged: about 0.50 USD. A
// currency without an entry has a minimum of half its major unit, at least one.
func MinimumCharge(c Currency) Amount {
	if minor, ok := minimumCharges[c]; ok {
		return New(minor, c)
	}
	minor := int64(1)
	for range c.Exponent() {
		minor *= 10
	}
	return New(max(1, minor/2), c)
}

// MaximumCharge is the largest amount that can be charged: eight digits.
func MaximumCharge(c Currency) Amount { return New(maximumChargeMinor, c) }
