package session

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// Bounds of a password in characters (NIST SP 800-63B: length counts, rules about
// digits and signs do not).
const (
	MinPassword = 10
	MaxPassword = 1024
)

//go:embed common_passwords.txt
var commonText string

// common are passwords long enough for us that everybody tries first, in lower case.
var common = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(commonText) {
		words[word] = true
	}
	return words
}()

// normal makes the same characters the same bytes, whatever keyboard they came from.
func normal(password secret.Text) secret.Text { return secret.New(norm.NFKC.String(password.Reveal())) }

// checkPassword says what is wrong with a new password; param names its field.
func checkPassword(password secret.Text, email, param string) error {
	plain := normal(password).Reveal()
	length := utf8.RuneCountInString(plain)
	switch {
	case plain == "":
		return fault.Invalidf("password_missing", param, "Choose a password.")
	case length < MinPassword:
		return fault.Invalidf("password_short", param, "Use at least %d characters.", MinPassword)
	case length > MaxPassword || len(plain) > 4*MaxPassword || !utf8.ValidString(plain):
		return fault.Invalidf("password_long", param, "Use at most %d characters.", MaxPassword)
	}
	folded := strings.ToLower(plain)
	local, _, _ := strings.Cut(emailKey(email), "@")
	switch {
	case folded == emailKey(email), folded == local:
		return fault.Invalidf("password_email", param, "Do not use your e-mail address as your password.")
	case common[folded], fewRunes(folded):
		return fault.Invalidf("password_common", param, "This password is too easy to guess.")
	}
	return nil
}

// fewRunes is true of aaaaaaaaaa and 1212121212.
func fewRunes(s string) bool {
	seen := map[rune]bool{}
	for _, r := range s {
		if seen[r] = true; len(seen) > 3 {
			return false
		}
	}
	return true
}
