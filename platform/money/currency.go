package money

import (
	"fmt"
	"strings"
)

// Currency is a lower-case ISO 4217 code: "hkd".
type Currency string

// TableDate is the day whose ISO 4217 list one exponents follows: the day the
// Bulgarian lev (BGN) left it. ANG became XCG and ZWL became ZWG before.
const TableDate = "2026-01-01"

// exponents holds the active codes of ISO 4217 list one that have a minor unit,
// grouped by the number of its digits. Not in the table: precious metals, SDR
// and other units of account (XAU, XDR, XSU, XUA, XAD, XBA…), testing (XTS), none (XXX),
// and fund codes nobody is paid in (BOV, CHE, CHW, COU, MXV, USN, UYI).
// CLF and UYW are kept because they carry the only exponent above three.
var exponents = func() map[Currency]int8 {
	table := make(map[Currency]int8, 170)
	for digits, codes := range map[int8]string{
		0: `bif clp djf gnf isk jpy kmf krw pyg rwf ugx vnd vuv xaf xof xpf`,
		2: `aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd btn bwp byn bzd
			cad cdf chf cny cop crc cup cve czk dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gtq gyd
			hkd hnl htg huf idr ils inr irr jmd kes kgs khr kpw kyd kzt lak lbp lkr lrd lsl
			mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd
			pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl
			thb tjs tmt top try ttd twd tzs uah usd uyu uzs ved ves wst xcd xcg yer zar zmw zwg`,
		3: `bhd iqd jod kwd lyd omr tnd`,
		4: `clf uyw`,
	} {
		for _, code := range strings.Fields(codes) {
			table[Currency(code)] = digits
		}
	}
	return table
}()

// ParseCurrency accepts an active ISO 4217 code, all lower or all upper case,
// and fails on anything else.
func ParseCurrency(s string) (Currency, error) {
	c := Currency(strings.ToLower(s))
	if !c.Known() || (string(c) != s && strings.ToUpper(s) != s) {
		return "", fmt.Errorf("money: %q is not an ISO 4217 currency", s)
	}
	return c, nil
}

// Known reports whether the code is in the table, in lower case.
func (c Currency) Known() bool {
	_, ok := exponents[c]
	return ok
}

// Exponent is the number of digits after the point: 2 for hkd, 0 for jpy, 3 for
// kwd. An unknown currency has 0; amounts are parsed with ParseCurrency first.
func (c Currency) Exponent() int { return int(exponents[c]) }

// String is the code in lower case, as on the wire.
func (c Currency) String() string { return string(c) }
