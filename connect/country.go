package connect

import "strings"

// currencies is the currency that accounts of a country have by default, and so
// the list of countries we know.
var currencies = table(`AE aed AR ars AT eur AU aud BD bdt BE eur BG eur BH bhd BR brl CA cad CH chf CL clp CN cny CO cop
	CR crc CY eur CZ czk DE eur DK dkk EE eur EG egp ES eur FI eur FR eur GB gbp GH ghs GI gbp GR eur HK hkd HR eur
	HU huf ID idr IE eur IL ils IN inr IS isk IT eur JO jod JP jpy KE kes KR krw KW kwd LI chf LK lkr LT eur LU eur
	LV eur MO mop MT eur MX mxn MY myr NG ngn NL eur NO nok NP npr NZ nzd OM omr PE pen PH php PK pkr PL pln PT eur
	QA qar RO ron SA sar SE sek SG sgd SI eur SK eur TH thb TN tnd TR try TW twd TZ tzs UA uah UG ugx US usd UY uyu
	VN vnd ZA zar`)

func table(text string) map[string]string {
	words := strings.Fields(text)
	m := make(map[string]string, len(words)/2)
	for i := 0; i < len(words); i += 2 {
		m[words[i]] = words[i+1]
	}
	return m
}
