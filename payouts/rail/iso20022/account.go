package iso20022

import (
	"regexp"
	"strings"
)

// clearing is a national clearing system: how it names a bank, and how a domestic account.
type clearing struct {
	routing *regexp.Regexp // what we have, without spaces and hyphens
	number  *regexp.Regexp
	member  func(routing string) string         // the bank as the system names it; nil: the routing number
	account func(routing, number string) string // the account as the bank names it; nil: the number
}

// clearings are by their ISO 20022 code (ExternalClearingSystemIdentification1Code).
var clearings = map[string]clearing{
	"AUBSB": {routing: digits(6, 6), number: digits(5, 10)},
	"CACPA": {routing: digits(8, 9), number: digits(5, 12), member: canadian},
	"GBDSC": {routing: digits(6, 6), number: digits(8, 8)},
	"HKNCC": {routing: digits(3, 6), number: digits(6, 12), member: hongKongBank, account: hongKongAccount},
	"JPZGN": {routing: digits(7, 7), number: digits(6, 8)},
	"SGIBG": {routing: digits(7, 7), number: digits(6, 12)},
	"USABA": {routing: digits(9, 9), number: regexp.MustCompile(`^[A-Z0-9]{1,17}$`)},
}

func digits(least, most int) *regexp.Regexp {
	return regexp.MustCompile(`^\d{` + string(rune('0'+least)) + `,` + map[bool]string{true: "1"}[most > 9] + string(rune('0'+most%10)) + `}$`)
}

// hongKongBank is the three-digit clearing code of a routing number "004-001".
func hongKongBank(routing string) string { return routing[:3] }

// hongKongAccount puts the branch before the account number: together they are what banks
// and FPS call the account. A number of more than nine digits has its branch in it already.
func hongKongAccount(routing, number string) string {
	if len(routing) == 6 && len(number) <= 9 {
		return routing[3:] + number
	}
	return number
}

// canadian is 0, institution and transit number, of "transit-institution".
func canadian(routing string) string {
	if len(routing) == 8 {
		return "0" + routing[5:] + routing[:5]
	}
	return routing
}

var (
	bic         = regexp.MustCompile(`^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?$`)
	ibanForm    = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$`)
	otherNumber = regexp.MustCompile(`^[A-Z0-9]{1,34}$`)
	mobile      = regexp.MustCompile(`^\+\d{1,3}-\d{4,15}$`)
	email       = regexp.MustCompile(`^[!-?A-~]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	fpsID       = regexp.MustCompile(`^(\d{7}|\d{9})$`)
)

// isIBAN checks form and check digits (ISO 13616: the number, its first four characters
// moved to the end and letters read as 10 to 35, is 1 modulo 97).
func isIBAN(number string) bool {
	if !ibanForm.MatchString(number) {
		return false
	}
	rest := 0
	for _, c := range number[4:] + number[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
			continue
		}
		rest = (rest*10 + int(c-'0')) % 97
	}
	return rest == 1
}

var spacing = strings.NewReplacer(" ", "", "-", "")

// compact is a number as machines write it.
func compact(s string) string { return strings.ToUpper(spacing.Replace(s)) }
