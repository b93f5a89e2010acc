package telemetry

import (
	"regexp"
	"strings"
)

var (
	// keys are secret API keys and webhook secrets in any mode; what tells the kind is kept.
	keys = regexp.MustCompile(`\b((?:sk|rk)_(?:test_|live_)?|whsec_)[0-9A-Za-z_+/=-]{8,}`)
	// passwords stand in connection strings: postgres://user:password@host.
	passwords = regexp.MustCompile(`(://[^\s:/@]*:)[^\s@/]+@`)
	// digits are runs that may be a card number as people and forms write it.
	digits = regexp.MustCompile(`[0-9]+(?:[ -][0-9]+)*`)
	group  = regexp.MustCompile(`[0-9]+`)
)

// Redact blanks what looks like a key, a password in a URL or a card number.
// It may blank an innocent number; it never lets a well-formed key or card through.
func Redact(s string) string {
	if strings.Contains(s, "_") {
		s = keys.ReplaceAllString(s, "${1}[redacted]")
	}
	if strings.Contains(s, "://") {
		s = passwords.ReplaceAllString(s, "${1}[redacted]@")
	}
	if len(s) < minPAN {
		return s
	}
	return digits.ReplaceAllStringFunc(s, redactCards)
}

const (
	minPAN = 13
	maxPAN = 19
)

// redactCards blanks every stretch of whole digit groups that makes a card
// number: in "600 4242 4242 4242 4242" the amount before the card stays.
func redactCards(run string) string {
	groups := group.FindAllStringIndex(run, -1)
	var out strings.Builder
	kept := 0
	for i := 0; i < len(groups); i++ {
		number, end := "", -1
		for j := i; j < len(groups) && len(number) <= maxPAN; j++ {
			number += run[groups[j][0]:groups[j][1]]
			if isPAN(number) {
				end = j // the longest wins: the first three groups of a card may pass as a card too
			}
		}
		if end >= 0 {
			out.WriteString(run[kept:groups[i][0]] + "[card redacted]")
			kept, i = groups[end][1], end
		}
	}
	return out.String() + run[kept:]
}

// isPAN follows ISO/IEC 7812: 13 to 19 digits with a Luhn check digit, and a
// first digit that card networks use.
func isPAN(number string) bool {
	if len(number) < minPAN || len(number) > maxPAN || number[0] < '2' || number[0] > '6' {
		return false
	}
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
