package connect

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// numbersTable names the place of sealed identity numbers.
const numbersTable = "connect.identity_numbers"

// maxNumber bounds an identity number; the longest real ones have about twenty characters.
const maxNumber = 64

// CompanySubject is the subject of a company's checks and numbers; a person's is its id.
const CompanySubject = "company"

// identityNumber is a number that identifies a person or a company. Nobody sees
// it again but the verifier: sealed is erased once it was verified, and mark, a
// keyed hash, finds the same number on other accounts.
type identityNumber struct {
	Subject string
	Kind    string // id_number, tax_id, …
	Mark    string
	sealed  string
	changed bool // to be written
}

func (n identityNumber) place(account string) string {
	return account + "/" + n.Subject + "/" + n.Kind
}

// keepNumber seals a number that was given, in memory; an empty one removes it.
func (s *Accounts) keepNumber(a *Account, subject, kind, number string) error {
	a.numbers = slices.DeleteFunc(a.numbers, func(n identityNumber) bool { return n.Subject == subject && n.Kind == kind })
	if number == "" {
		a.numbers = append(a.numbers, identityNumber{Subject: subject, Kind: kind, changed: true})
		return nil
	}
	if len(number) > maxNumber {
		return fault.Invalidf("", kind, "Invalid %s: at most %d characters.", kind, maxNumber)
	}
	n := identityNumber{Subject: subject, Kind: kind, Mark: s.mark(a.Country, kind, number), changed: true}
	var err error
	if n.sealed, err = s.cfg.Keyring.Seal(secret.New(number), numbersTable, n.place(a.ID)); err != nil {
		return fmt.Errorf("seal %s: %w", kind, err)
	}
	a.numbers = append(a.numbers, n)
	return nil
}

// mark is equal for the same number of the same country, however it is written.
func (s *Accounts) mark(country, kind, number string) string {
	sum := s.cfg.Pepper.Sum(secret.New("identity|" + country + "|" + kind + "|" + plainNumber(number)))
	return hex.EncodeToString(sum[:16])
}

// plainNumber is a number without what people put between its parts.
func plainNumber(number string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "", "/", "", "(", "", ")", "").Replace(number))
}

// openNumbers are the sealed numbers of a subject, for its verifier alone.
func (s *Accounts) openNumbers(a *Account, subject string) (map[string]secret.Text, error) {
	open := map[string]secret.Text{}
	for _, n := range a.numbers {
		if n.Subject != subject || n.sealed == "" {
			continue
		}
		plain, err := s.cfg.Keyring.Open(n.sealed, numbersTable, n.place(a.ID))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", n.Kind, err)
		}
		open[n.Kind] = plain
	}
	return open, nil
}

// forgetNumbers erases what is sealed of a subject; the marks stay.
func (a *Account) forgetNumbers(subject string) {
	for i := range a.numbers {
		if n := &a.numbers[i]; n.Subject == subject && n.sealed != "" {
			n.sealed, n.changed = "", true
		}
	}
}

// touch remembers which requirements a request gave anew, so that what failed is looked at again.
func (a *Account) touch(subject string, params any) {
	if a.touched == nil {
		a.touched = map[string]bool{}
	}
	for _, name := range given(reflect.Indirect(reflect.ValueOf(params)), "") {
		a.touched[subject+"."+name] = true
	}
}

// given is the names of the parameters that are there, dotted: "address.line1".
func given(v reflect.Value, prefix string) (names []string) {
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Tag.Get("form"), v.Field(i)
		if name == "" || field.Kind() != reflect.Pointer || field.IsNil() {
			continue
		}
		if field.Elem().Kind() == reflect.Struct {
			// A document counts as one, whichever side was given.
			names = append(names, prefix+name)
			names = append(names, given(field.Elem(), prefix+name+".")...)
			continue
		}
		names = append(names, prefix+name)
	}
	return names
}

// forget erases all that is sealed, once the account is closed.
func (a *Account) forget() {
	for i := range a.numbers {
		a.forgetNumbers(a.numbers[i].Subject)
	}
}
