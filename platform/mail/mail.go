package mail

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Message is one mail to one person.
type Message struct {
	To      string // an address alone: ada@example.com
	Subject string
	Text    string
}

// Sender delivers one message or says why not.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrPermanent marks a failure that trying again cannot mend.
var ErrPermanent = errors.New("mail: will never be accepted")

const (
	maxSubject = 200
	maxText    = 64 << 10
)

// check refuses what could smuggle in a header, a second recipient or a command:
// the address must be one bare address, and no control character stands in a line of ours.
func (m Message) check() error {
	if !Address(m.To) || !utf8.ValidString(m.Subject) || !utf8.ValidString(m.Text) {
		return ErrPermanent
	}
	if len(m.Subject) > maxSubject || len(m.Text) > maxText || strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return ErrPermanent
	}
	return nil
}

// Address reports whether s is one plain ASCII address, such as ada@example.com:
// no display name, no quoted local part, no comment, no address literal. Those are
// legal somewhere and a door for tricks everywhere.
func Address(s string) bool {
	if len(s) < 3 || len(s) > 254 || strings.ContainsAny(s, " \t\r\n\"(),:;<>[\\]") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || len(local) > 64 || domain == "" || strings.Contains(domain, "@") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	parsed, err := netmail.ParseAddress(s)
	return err == nil && parsed.Address == s
}
