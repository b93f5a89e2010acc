package session

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/mail"
)

// User is a person who signs in.
type User struct {
	ID              string // usr_…
	Email           string // as it was typed
	Name            string
	Locale          string // "en" or "zh-Hant-HK": the language of mails
	CreatedAt       time.Time
	EmailVerifiedAt time.Time // zero: not proven
	DisabledAt      time.Time // zero: may sign in
	PasswordAt      time.Time // when the password was last chosen
	TOTP            bool      // signs in with an authenticator app too
}

// Verified reports whether the person has proven to read mail at the address.
func (u User) Verified() bool { return !u.EmailVerifiedAt.IsZero() }

// Disabled reports whether the person is kept out.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Locales that mails and pages speak; the first is the default.
const (
	English = "en"
	Chinese = "zh-Hant-HK"
)

func localeOf(s string) string {
	if s == Chinese {
		return Chinese
	}
	return English
}

const maxName = 100

// cleanEmail is the address as given, without the spaces around it.
func cleanEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", fault.Invalidf("email_missing", "email", "Enter your e-mail address.")
	}
	if !mail.Address(s) || !strings.Contains(s[strings.IndexByte(s, '@'):], ".") {
		return "", fault.Invalidf("email_invalid", "email", "Enter a full e-mail address, such as name@example.com.")
	}
	return s, nil
}

// emailKey is what two spellings of one address share. The local part is folded
// too: mail servers may tell Ada from ada, people do not.
func emailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func cleanName(s string) (string, error) {
	s = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	switch {
	case s == "":
		return "", fault.Invalidf("name_missing", "name", "Enter your name.")
	case utf8.RuneCountInString(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, unprintable):
		return "", fault.Invalidf("name_invalid", "name", "Enter a name of at most %d characters.", maxName)
	}
	return s, nil
}

// unprintable also refuses the marks that turn the direction of text around: a
// name stands in mails beside ours.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
