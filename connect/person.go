package connect

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// maxPersons bounds how many persons an account may have.
const maxPersons = 50

// Person is a human being behind an account. The wire object inside is as it is
// stored: what the person still owes is derived when it is shown.
type Person struct {
	wire.Person
	Individual bool // the person of account.individual
	Version    int64

	recast bool // Individual is another now: to be written though nothing looks different
}

func newPerson(account string, at time.Time) *Person {
	return &Person{Person: wire.Person{
		ID: id.New("person"), Object: "person", Account: account, Created: wire.Unix(at), Metadata: map[string]string{},
		Verification: wire.PersonVerification{Status: "unverified"},
	}}
}

// CreatePerson adds a person to an account. On an account of an individual the
// representative is that individual.
func (s *Accounts) CreatePerson(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, p PersonParams) (a Account, person string, err error) {
	a, err = s.change(ctx, tx, at, scope, account, func(a *Account) error {
		if a.IsPlatform() {
			return fault.Invalidf("account_invalid", "account", "A platform account has no persons.")
		}
		if len(a.Persons) >= maxPersons {
			return fault.Invalidf("", "account", "An account can have at most %d persons.", maxPersons)
		}
		created := newPerson(a.ID, at)
		created.Individual = a.BusinessType == "individual" && a.individual() == nil && p.represents()
		a.Persons = slices.Insert(a.Persons, 0, created)
		person = created.ID
		return s.applyPerson(ctx, tx, at, a, created, p, "")
	})
	return a, person, err
}

// UpdatePerson changes a person.
func (s *Accounts) UpdatePerson(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, person string, p PersonParams) (Account, error) {
	return s.change(ctx, tx, at, scope, account, func(a *Account) error {
		found, err := a.Person(person)
		if err != nil {
			return err
		}
		return s.applyPerson(ctx, tx, at, a, found, p, "")
	})
}

// DeletePerson removes a person. The one who stands behind an account of an individual stays.
func (s *Accounts) DeletePerson(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, person string) error {
	_, err := s.change(ctx, tx, at, scope, account, func(a *Account) error {
		found, err := a.Person(person)
		if err != nil {
			return err
		}
		if found.Individual {
			return fault.Invalidf("", "person", "The individual of an account cannot be deleted.")
		}
		a.Persons = slices.DeleteFunc(a.Persons, func(p *Person) bool { return p.ID == person })
		return nil
	})
	return err
}

// Person is one of the account's persons. Fails with NotFound.
func (a Account) Person(person string) (*Person, error) {
	for _, p := range a.Persons {
		if p.ID == person {
			return p, nil
		}
	}
	return nil, fault.NoSuch("person", person)
}

// recast makes of whoever stands behind the account what its type of business has:
// the individual of an account that becomes a company is its representative, and
// the other way round. Nobody has to tell everything twice for a wrong first choice.
func (a *Account) recast() {
	for _, p := range a.Persons {
		if is(p.Relationship.Representative) && p.Individual != (a.BusinessType == "individual") {
			p.Individual, p.recast = !p.Individual, true
		}
	}
}

func (a Account) individual() *Person {
	for _, p := range a.Persons {
		if p.Individual {
			return p
		}
	}
	return nil
}

// ListPersons pages through an account's persons, newest first. An account has few, so they are cut in memory.
func (a Account) ListPersons(p page.Params, f PersonFilter) (page.Of[*Person], error) {
	size, err := p.Size()
	if err != nil {
		return page.Of[*Person]{}, err
	}
	var items []*Person
	for _, person := range a.Persons {
		if f.takes(person.Relationship) {
			items = append(items, person)
		}
	}
	cursor, param, backwards := p.Cursor()
	if cursor == "" {
		return page.Of[*Person]{Items: items[:min(size, len(items))], HasMore: len(items) > size}, nil
	}
	i := slices.IndexFunc(items, func(p *Person) bool { return p.ID == cursor })
	switch {
	case i < 0:
		return page.Of[*Person]{}, page.NoCursor(param, "person", cursor)
	case backwards:
		return page.Of[*Person]{Items: items[max(0, i-size):i], HasMore: i > size}, nil
	}
	items = items[i+1:]
	return page.Of[*Person]{Items: items[:min(size, len(items))], HasMore: len(items) > size}, nil
}

func (f PersonFilter) takes(r wire.Relationship) bool {
	for _, pair := range [][2]*bool{
		{f.Authorizer, r.Authorizer}, {f.Director, r.Director}, {f.Executive, r.Executive}, {f.LegalGuardian, r.LegalGuardian},
		{f.Owner, r.Owner}, {f.Representative, r.Representative},
	} {
		if pair[0] != nil && *pair[0] != is(pair[1]) {
			return false
		}
	}
	return true
}

func (p PersonParams) represents() bool {
	return p.Relationship != nil && is(p.Relationship.Representative)
}

func is(flag *bool) bool { return flag != nil && *flag }

// applyPerson lays params over a person, in memory. Faults name parameters below param ("" or "individual").
func (s *Accounts) applyPerson(ctx context.Context, tx bun.Tx, at time.Time, a *Account, person *Person, p PersonParams, param string) (err error) {
	name := func(inner ...string) string { return paramName(param, inner...) }
	if err := cardnumber.RefuseIn(name("metadata"), p.Metadata.Set); err != nil {
		return err
	}
	if p.represents() && slices.ContainsFunc(a.Persons, func(other *Person) bool {
		return other.ID != person.ID && is(other.Relationship.Representative)
	}) {
		return fault.Invalidf("", name("relationship", "representative"), "An account has only one representative, and this one already has another.")
	}
	if err := s.mustBeFiles(ctx, tx, a, p, name); err != nil {
		return err
	}
	kept := person.Metadata
	patch.Apply(&person.Person, p)
	if person.Metadata, err = p.Metadata.Apply(kept); err != nil {
		return err
	}
	if person.Individual {
		yes := true
		person.Relationship.Representative = &yes
	}
	if p.Relationship != nil && p.Relationship.Percent != nil {
		if person.Relationship.PercentOwnership, err = percent(*p.Relationship.Percent, name("relationship", "percent_ownership")); err != nil {
			return err
		}
	}
	if err := checkBirth(person.DOB, at, name("dob")); err != nil {
		return err
	}
	for _, number := range []struct {
		kind  string
		given *string
		flag  *bool
	}{
		{"id_number", p.IDNumber, &person.IDNumberProvided}, {"id_number_secondary", p.IDNumberSecondary, &person.IDNumberSecondaryProvided},
		{"ssn_last_4", p.SSNLast4, &person.SSNLast4Provided},
	} {
		if number.given == nil {
			continue
		}
		if number.kind == "ssn_last_4" && *number.given != "" && !ssnLast4.MatchString(*number.given) {
			return fault.Invalidf("", name("ssn_last_4"), "Invalid %s: must be the last four digits.", name("ssn_last_4"))
		}
		*number.flag = *number.given != ""
		if err := s.keepNumber(a, person.ID, number.kind, *number.given); err != nil {
			return err
		}
	}
	a.touch(person.ID, p)
	return nil
}

var (
	ssnLast4    = regexp.MustCompile(`^\d{4}$`)
	percentForm = regexp.MustCompile(`^(100(\.0+)?|[1-9]?\d(\.\d{1,4})?)$`)
)

func percent(text, param string) (*json.Number, error) {
	if text == "" {
		return nil, nil
	}
	if !percentForm.MatchString(text) {
		return nil, fault.Invalidf("", param, "Invalid %s: must be a number between 0 and 100.", param)
	}
	n := json.Number(text)
	return &n, nil
}

// checkBirth refuses dates that are none, once all three parts are there.
func checkBirth(d wire.DateOfBirth, at time.Time, param string) error {
	born, ok := birth(d)
	if !ok {
		return nil
	}
	if int64(born.Day()) != *d.Day || int64(born.Month()) != *d.Month || born.After(at) || *d.Year < 1850 {
		return fault.Invalidf("", param, "Invalid date of birth.")
	}
	return nil
}

func birth(d wire.DateOfBirth) (time.Time, bool) {
	if d.Day == nil || d.Month == nil || d.Year == nil || *d.Year < 0 || *d.Year > 9999 {
		return time.Time{}, false
	}
	return time.Date(int(*d.Year), time.Month(*d.Month), int(*d.Day), 0, 0, 0, 0, time.UTC), true
}

// paramName spells a parameter: ("individual", "dob") is individual[dob], ("", "dob") is dob.
func paramName(outer string, inner ...string) string {
	if outer == "" {
		outer, inner = inner[0], inner[1:]
	}
	for _, name := range inner {
		outer += "[" + name + "]"
	}
	return outer
}

func (s *Accounts) mustBeFiles(ctx context.Context, tx bun.Tx, a *Account, p PersonParams, name func(...string) string) error {
	if p.Verification == nil {
		return nil
	}
	if err := s.mustBeDocument(ctx, tx, a, p.Verification.Document, documentPurposes, func(side string) string { return name("verification", "document", side) }); err != nil {
		return err
	}
	return s.mustBeDocument(ctx, tx, a, p.Verification.AdditionalDocument, documentPurposes, func(side string) string { return name("verification", "additional_document", side) })
}

func (s *Accounts) mustBeDocument(ctx context.Context, tx bun.Tx, a *Account, d *DocumentParams, purposes []string, name func(side string) string) error {
	if d == nil {
		return nil
	}
	for side, file := range map[string]*string{"back": d.Back, "front": d.Front} {
		if file == nil || *file == "" {
			continue
		}
		known, err := s.isFile(ctx, tx, a, *file, purposes)
		if err != nil {
			return err
		}
		if !known {
			return fault.Invalidf("resource_missing", name(side), "No such file upload: '%s'", *file)
		}
	}
	return nil
}

func (s *Accounts) isFile(ctx context.Context, tx bun.Tx, a *Account, file string, purposes []string) (bool, error) {
	switch {
	case !strings.HasPrefix(file, "file_"):
		return false, nil
	case !a.Livemode && (s.cfg.Files == nil || magicFile(file)):
		return true, nil
	case s.cfg.Files == nil:
		return false, nil
	}
	for _, purpose := range purposes {
		if known, err := s.cfg.Files.Exists(ctx, tx, a.Scope(), file, purpose); known || err != nil {
			return known, err
		}
	}
	return false, nil
}

// documentPurposes are what the files of documents may have been uploaded for.
var documentPurposes = []string{"identity_document", "additional_verification"}

// magicFile names the files of the sandbox that nobody has to upload.
func magicFile(file string) bool { return strings.HasPrefix(file, "file_identity_document_") }
