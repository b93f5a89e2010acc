package iso20022

import (
	"strings"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/terms"
	"github.com/sluicepay/sluice/platform/money"
)

// sepa are the countries of the geographical scope of the SEPA schemes in November 2026.
var sepa = strings.Fields(`AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK SM VA`)

// euroArea are the countries whose banks must take instant credit transfers in euro.
var euroArea = strings.Fields(`AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK`)

// Profiles are the starting points by name, made anew for each call. What banks decide
// each for themselves (limits, cut-offs, codes of their own) is a careful guess here.
func Profiles() map[string]Profile {
	all := map[string]Profile{}
	for _, p := range []Profile{sepaCredit(), sepaInstant(), hongKongFPS(), hongKongACH(), hongKongCHATS(), britishFPS(), americanACH(), generic()} {
		all[p.Name] = p
	}
	return all
}

func sepaCredit() Profile {
	return Profile{
		Name: "sepa-sct",
		Terms: terms.Terms{
			Currencies: []money.Currency{"eur"}, Countries: sepa, Most: map[money.Currency]int64{"eur": 99_999_999_999}, // the scheme's
			Calendar: "target", CutOff: "15:00", Zone: "Europe/Brussels",
		},
		Version: V09, Characters: letters.Latin, NameMost: 70, RemittanceMost: 140, Address: Hybrid,
		ServiceLevel: Code{ISO: "SEPA"}, ChargeBearer: "SLEV", BatchBooking: true, IBAN: true,
	}
}

func sepaInstant() Profile {
	p := sepaCredit()
	p.Name = "sepa-inst"
	p.Countries = euroArea
	p.Instant, p.Calendar, p.CutOff = true, "every_day", ""
	p.LocalInstrument = Code{ISO: "INST"}
	return p
}

func hongKong(name string) Profile {
	return Profile{
		Name: name,
		Terms: terms.Terms{
			Currencies: []money.Currency{"hkd", "cny"}, Countries: []string{"HK"}, Zone: "Asia/Hong_Kong",
		},
		Version: V09, Characters: letters.Unicode, NameMost: 140, RemittanceMost: 140, Address: Hybrid,
		ChargeBearer: "SHAR", Clearings: map[string]string{"HK": "HKNCC"}, AccountScheme: Code{ISO: "BBAN"},
	}
}

func hongKongFPS() Profile {
	p := hongKong("hk-fps")
	p.Instant, p.Calendar = true, "every_day"
	p.Most = map[money.Currency]int64{"hkd": 100_000_000, "cny": 100_000_000} // banks set between 1 and 10 million
	p.LocalInstrument = Code{Own: "FPS"}
	// The names of FPS's own messages, which banks in Hong Kong pass on.
	p.Proxies = map[rail.ProxyKind]Code{rail.FPSID: {Own: "SVID"}, rail.Mobile: {Own: "MOBN"}, rail.Email: {Own: "EMAL"}}
	p.Placeholder = "NOTPROVIDED"
	return p
}

func hongKongACH() Profile {
	p := hongKong("hk-ach")
	p.Calendar, p.CutOff, p.BatchBooking = "hong_kong", "16:00", true
	p.ServiceLevel = Code{ISO: "NURG"}
	return p
}

func hongKongCHATS() Profile {
	p := hongKong("hk-chats")
	p.Calendar, p.CutOff = "hong_kong", "16:00"
	p.Currencies = []money.Currency{"hkd", "cny", "usd", "eur"}
	p.ServiceLevel = Code{ISO: "URGP"}
	return p
}

func britishFPS() Profile {
	return Profile{
		Name: "gb-fps",
		Terms: terms.Terms{
			Currencies: []money.Currency{"gbp"}, Countries: []string{"GB"}, Most: map[money.Currency]int64{"gbp": 100_000_000}, // the scheme's
			Instant: true, Calendar: "every_day", Zone: "Europe/London",
		},
		Version: V09, Characters: letters.Latin, NameMost: 40, RemittanceMost: 18, Address: Hybrid,
		ServiceLevel: Code{ISO: "URNS"}, ChargeBearer: "SHAR",
		IBAN: true, Clearings: map[string]string{"GB": "GBDSC"}, AccountScheme: Code{ISO: "BBAN"},
	}
}

func americanACH() Profile {
	return Profile{
		Name: "us-ach",
		Terms: terms.Terms{
			Currencies: []money.Currency{"usd"}, Countries: []string{"US"}, Most: map[money.Currency]int64{"usd": 9_999_999_999}, // ten digits
			Calendar: "fed_ach", CutOff: "17:00", Zone: "America/New_York",
		},
		Version: V09, Characters: letters.Latin, NameMost: 22, RemittanceMost: 80, Address: Hybrid,
		ServiceLevel: Code{ISO: "NURG"}, ByHolder: map[string]Code{"individual": {ISO: "PPD"}, "company": {ISO: "CCD"}, "": {ISO: "PPD"}},
		ChargeBearer: "SHAR", BatchBooking: true, Clearings: map[string]string{"US": "USABA"}, AccountType: true,
	}
}

// generic is for a bank with no profile of its own: any currency, any country whose
// accounts are named by an IBAN, by a BIC, or by a clearing code we know.
func generic() Profile {
	return Profile{
		Name:    "generic",
		Terms:   terms.Terms{Steps: map[money.Currency]int64{"huf": 100, "twd": 100}, Calendar: "every_day", CutOff: "15:00"},
		Version: V09, Characters: letters.Latin, NameMost: 70, RemittanceMost: 140, Address: Hybrid,
		ChargeBearer: "SHAR", IBAN: true, AccountScheme: Code{ISO: "BBAN"},
		Clearings: map[string]string{
			"AU": "AUBSB", "CA": "CACPA", "GB": "GBDSC", "HK": "HKNCC", "JP": "JPZGN", "SG": "SGIBG", "US": "USABA",
		},
	}
}
