// Package verificationtest is the contract of verifiers as tests. An adapter
// passes it when everything package connect relies on holds: a check started twice
// is one check, answers are about what was asked, revisions grow, callbacks are
// signed, and no number comes back.
package verificationtest

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/secret"
)

// Harness is a verifier with the magic values of the sandbox behind it.
type Harness struct {
	Verifier verification.Verifier
	Key      secret.Text // signs its callbacks
}

// Person is somebody whom nothing is wrong with; edit changes that.
func Person(check string, edit func(*verification.Subject)) verification.Subject {
	s := verification.Subject{
		Check: check, Account: "acct_1", Kind: "person", ID: "person_1", Country: "HK", FirstName: "Siu Ming", LastName: "Chan", Born: "1980-02-01",
		Names:   []string{"first_name", "last_name", "dob.day", "dob.month", "dob.year", "address.line1", "id_number"},
		Address: verification.Address{Line1: "1 Nathan Road"}, Files: map[string]string{},
		Numbers: map[string]secret.Text{"id_number": secret.New("A123456(3)")},
	}
	if edit != nil {
		edit(&s)
	}
	return s
}

// Company is a company whom nothing is wrong with.
func Company(check string, edit func(*verification.Subject)) verification.Subject {
	s := verification.Subject{
		Check: check, Account: "acct_1", Kind: "company", ID: "company", Country: "HK", Name: "Chan Tutors Limited",
		Names:   []string{"name", "address.line1", "tax_id"},
		Address: verification.Address{Line1: "1 Nathan Road"}, Files: map[string]string{},
		Numbers: map[string]secret.Text{"tax_id": secret.New("12345678")},
	}
	if edit != nil {
		edit(&s)
	}
	return s
}

func number(kind, value string) func(*verification.Subject) {
	return func(s *verification.Subject) { s.Numbers[kind] = secret.New(value) }
}

func document(file string) func(*verification.Subject) {
	return func(s *verification.Subject) {
		s.Files["document.front"] = file
		s.Names = append(s.Names, "verification.document")
	}
}

// Run is the contract.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Run("every magic value has its answer", func(t *testing.T) { answers(t, open(t)) })
	t.Run("a check started twice is one check", func(t *testing.T) { twice(t, open(t)) })
	t.Run("what was pending is decided later, under a higher revision", func(t *testing.T) { slow(t, open(t)) })
	t.Run("what waits for a callback stays pending", func(t *testing.T) { waits(t, open(t)) })
	t.Run("no answer is an error", func(t *testing.T) { unknown(t, open(t)) })
	t.Run("a check can be over", func(t *testing.T) { expire(t, open(t)) })
	t.Run("callbacks are signed", func(t *testing.T) { callbacks(t, open(t)) })
	t.Run("no number comes back", func(t *testing.T) { secrecy(t, open(t)) })
}

func start(t *testing.T, h Harness, s verification.Subject) verification.Answer {
	t.Helper()
	a, err := h.Verifier.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if a.Check != s.Check || a.Reference == "" || a.Revision < 1 {
		t.Fatalf("answer to %s: %+v", s.Check, a)
	}
	var about []string
	for _, o := range a.Outcomes {
		about = append(about, o.Requirement)
		if (o.State == verification.Failed) != (o.Code != "") {
			t.Fatalf("failures have codes, and nothing else has: %+v", o)
		}
	}
	if !slices.Equal(about, s.Names) {
		t.Fatalf("asked about %v, answered about %v", s.Names, about)
	}
	return a
}

func answers(t *testing.T, h Harness) {
	person, company := Person, Company
	for i, tc := range []struct {
		name  string
		of    func(string, func(*verification.Subject)) verification.Subject
		edit  func(*verification.Subject)
		state verification.State
		code  string
		about []string // who is not simply verified
	}{
		{"anybody", person, nil, "", "", nil},
		{"a good birthday", person, func(s *verification.Subject) { s.Born = "1901-01-01" }, "", "", nil},
		{"a bad birthday", person, func(s *verification.Subject) { s.Born = "1902-01-01" }, verification.Failed, "verification_failed_keyed_identity", []string{"dob.day", "dob.month", "dob.year"}},
		{"a good number", person, number("id_number", "000000000"), "", "", nil},
		{"a bad number", person, number("id_number", "111-111-111"), verification.Failed, "verification_failed_id_number_match", []string{"id_number"}},
		{"a good address", person, func(s *verification.Subject) { s.Address.Line1 = "address_full_match" }, "", "", nil},
		{"a bad address", person, func(s *verification.Subject) { s.Address.Line1 = "address_no_match" }, verification.Failed, "verification_failed_address_match", []string{"address.line1"}},
		{"a doubtful number", person, number("id_number", "555555555"), verification.NeedsDocument, "", []string{"id_number"}},
		{"a good document", person, document("file_identity_document_success"), "", "", nil},
		{"a bad document", person, document("file_identity_document_failed"), verification.Failed, "verification_document_failed_other", []string{"verification.document"}},
		{"an old document", person, document("file_identity_document_expired"), verification.Failed, "verification_document_expired", []string{"verification.document"}},
		{"a dark document", person, document("file_identity_document_unreadable"), verification.Failed, "verification_document_not_readable", []string{"verification.document"}},
		{"a good document settles a bad number", person, func(s *verification.Subject) {
			document("file_identity_document_success")(s)
			number("id_number", "111111111")(s)
		}, "", "", nil},
		{"four good digits", person, func(s *verification.Subject) {
			s.Names = []string{"ssn_last_4"}
			s.Numbers = map[string]secret.Text{"ssn_last_4": secret.New("0000")}
		}, "", "", nil},
		{"four bad digits", person, func(s *verification.Subject) {
			s.Names = []string{"ssn_last_4"}
			s.Numbers = map[string]secret.Text{"ssn_last_4": secret.New("1111")}
		}, verification.Failed, "verification_failed_id_number_match", []string{"ssn_last_4"}},
		{"any company", company, nil, "", "", nil},
		{"a good tax number", company, number("tax_id", "000000000"), "", "", nil},
		{"a bad tax number", company, number("tax_id", "111111111"), verification.Failed, "verification_failed_tax_id_match", []string{"tax_id"}},
		{"a doubtful tax number", company, number("tax_id", "555555555"), verification.NeedsDocument, "", []string{"tax_id"}},
		{"numbers that we no longer have", person, func(s *verification.Subject) { s.Numbers, s.Previous = nil, "earlier" }, "", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := start(t, h, tc.of("chk_answer_"+string(rune('a'+i)), tc.edit))
			if a.Waiting() {
				t.Fatalf("still waiting: %+v", a)
			}
			for _, o := range a.Outcomes {
				want, code := verification.Verified, ""
				if slices.Contains(tc.about, o.Requirement) {
					want, code = tc.state, tc.code
				}
				if o.State != want || o.Code != code {
					t.Errorf("%+v, want %s %s", o, want, code)
				}
			}
		})
	}
}

func twice(t *testing.T, h Harness) {
	first := start(t, h, Person("chk_twice", nil))
	second := start(t, h, Person("chk_twice", nil))
	again, err := h.Verifier.Get(t.Context(), first.Reference)
	if err != nil || !reflect.DeepEqual(first, second) || !reflect.DeepEqual(first, again) {
		t.Fatalf("%+v\n%+v\n%+v, %v", first, second, again, err)
	}
}

func slow(t *testing.T, h Harness) {
	first := start(t, h, Person("chk_slow", number("id_number", "333333333")))
	if !first.Waiting() {
		t.Fatalf("decided at once: %+v", first)
	}
	later, err := h.Verifier.Get(t.Context(), first.Reference)
	if err != nil || later.Waiting() || later.Revision <= first.Revision || later.Reference != first.Reference || later.Check != first.Check {
		t.Fatalf("later: %+v, %v", later, err)
	}
}

func waits(t *testing.T, h Harness) {
	first := start(t, h, Company("chk_waits", number("tax_id", "444444444")))
	again, err := h.Verifier.Get(t.Context(), first.Reference)
	if err != nil || !first.Waiting() || !reflect.DeepEqual(first, again) {
		t.Fatalf("%+v\n%+v, %v", first, again, err)
	}
}

func unknown(t *testing.T, h Harness) {
	if a, err := h.Verifier.Start(t.Context(), Person("chk_unknown", number("id_number", "666666666"))); err == nil {
		t.Fatalf("an answer: %+v", a)
	}
	if a, err := h.Verifier.Get(t.Context(), "no-such-reference"); err == nil {
		t.Fatalf("an answer: %+v", a)
	}
}

func expire(t *testing.T, h Harness) {
	a := start(t, h, Person("chk_expire", number("id_number", "444444444")))
	for range 2 {
		if err := h.Verifier.Expire(t.Context(), a.Reference); err != nil {
			t.Fatal(err)
		}
	}
}

func callbacks(t *testing.T, h Harness) {
	caller, ok := h.Verifier.(verification.Caller)
	if !ok {
		t.Fatalf("%T sends no answers by itself: a check that waits would be asked for until it expires", h.Verifier)
	}
	sent := verification.Answer{Check: "chk_1", Reference: "ref_1", Revision: 7, Outcomes: []verification.Outcome{
		{Requirement: "id_number", State: verification.Failed, Code: "verification_failed_other", Message: "No."},
	}}
	body, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := verification.Sign(h.Key, body, now)
	if got, err := caller.Handle(good, body); err != nil || !reflect.DeepEqual(got, sent) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, call := range map[string]struct{ signature, body string }{
		"no signature":  {"", string(body)},
		"another key":   {verification.Sign(secret.New(strings.Repeat("x", 40)), body, now), string(body)},
		"another body":  {good, strings.Replace(string(body), "failed", "verified", 1)},
		"an hour old":   {verification.Sign(h.Key, body, now.Add(-time.Hour)), string(body)},
		"an hour early": {verification.Sign(h.Key, body, now.Add(time.Hour)), string(body)},
		"no time":       {good[strings.Index(good, "v1="):], string(body)},
	} {
		if _, err := caller.Handle(call.signature, []byte(call.body)); !errors.Is(err, verification.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, garbage := range []string{"", "[]", "{}", `{"check":"chk_1","reference":"r","revision":0}`, `{"check":"chk_1","reference":"r","revision":1,"outcomes":[{"state":"maybe"}]}`} {
		if _, err := caller.Handle(verification.Sign(h.Key, []byte(garbage), now), []byte(garbage)); err == nil || errors.Is(err, verification.ErrSignature) {
			t.Errorf("%q: %v", garbage, err)
		}
	}
}

func secrecy(t *testing.T, h Harness) {
	const canary = "Z9876543"
	a := start(t, h, Person("chk_secret", number("id_number", canary)))
	if raw, err := json.Marshal(a); err != nil || strings.Contains(string(raw), canary) {
		t.Fatalf("%s, %v", raw, err)
	}
}
