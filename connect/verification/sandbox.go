package verification

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/secret"
)

// Sandbox answers by magic values, the same for everybody, and keeps nothing: a
// check's reference carries what will become of it. Whatever is not in the table
// is verified at once.
//
//	where                               value                              outcome
//	dob                                 1901-01-01                         verified
//	dob                                 1902-01-01                         failed: verification_failed_keyed_identity
//	id_number                           000000000                          verified
//	id_number                           111111111                          failed: verification_failed_id_number_match
//	ssn_last_4                          0000 / 1111                        verified / failed like id_number
//	address[line1]                      address_full_match                 verified
//	address[line1]                      address_no_match                   failed: verification_failed_address_match
//	company[tax_id]                     000000000                          verified
//	company[tax_id]                     111111111                          failed: verification_failed_tax_id_match
//	any number but ssn_last_4           333333333                          pending, verified when asked again
//	any number but ssn_last_4           444444444                          pending until a callback
//	any number but ssn_last_4           555555555                          needs_document
//	any number but ssn_last_4           666666666                          the verifier cannot be asked
//	verification[document][front]       file_identity_document_success     verified; settles every failure and needs_document
//	verification[document][front]       file_identity_document_expired     failed: verification_document_expired
//	verification[document][front]       file_identity_document_unreadable  failed: verification_document_not_readable
//	verification[document][front]       file_identity_document_failed      failed: verification_document_failed_other
type Sandbox struct{ Key secret.Text } // Key signs callbacks

// The magic values. NumberGood and DocumentGood are what a form in the sandbox may
// fill in for people: everybody may use them.
const (
	NumberGood     = "000000000"
	numberBad      = "111111111"
	numberSlow     = "333333333"
	numberWaits    = "444444444"
	numberDocument = "555555555"
	numberUnknown  = "666666666"
	DocumentGood   = "file_identity_document_success"
	bornBad        = "1902-01-01"
	addressBad     = "address_no_match"
	sandboxVersion = "2026-01-01"
	sandboxTag     = "sbx_"
)

// Numbers lists the magic numbers.
func Numbers() []string {
	return []string{NumberGood, numberBad, numberSlow, numberWaits, numberDocument, numberUnknown}
}

// Magic reports whether a number is one of the magic ones.
func Magic(number string) bool { return slices.Contains(Numbers(), number) }

var fileCodes = map[string]string{
	"file_identity_document_expired":    "verification_document_expired",
	"file_identity_document_unreadable": "verification_document_not_readable",
	"file_identity_document_failed":     "verification_document_failed_other",
}

// ErrUnknown is what the sandbox fails with when it plays a verifier that cannot be asked.
var ErrUnknown = errors.New("verification: the sandbox's verifier cannot be asked")

// script is what will become of a check. It holds names of requirements and no values.
type script struct {
	Check string    `json:"c"`
	Waits bool      `json:"w,omitempty"` // pending until a callback
	Slow  bool      `json:"s,omitempty"` // pending at first
	Final []Outcome `json:"f"`
}

// Name is "sandbox".
func (Sandbox) Name() (name, version string) { return "sandbox", sandboxVersion }

// Start decides.
func (s Sandbox) Start(_ context.Context, subject Subject) (Answer, error) {
	script := script{Check: subject.Check}
	proven := subject.Files["document.front"] == DocumentGood
	for _, name := range subject.Names {
		o := Outcome{Requirement: name, State: Verified}
		number := plain(subject.Numbers[name])
		switch {
		case number == numberUnknown && name != "ssn_last_4":
			return Answer{}, ErrUnknown
		case number == numberSlow:
			script.Slow = true
		case number == numberWaits:
			script.Waits = true
		case proven: // a good document settles what could not be matched
		default:
			o = judge(o, subject, number)
		}
		script.Final = append(script.Final, o)
	}
	if len(script.Final) == 0 {
		return Answer{}, fmt.Errorf("verification: check %s asks for nothing", subject.Check)
	}
	return script.answer(script.Slow || script.Waits), nil
}

func judge(o Outcome, subject Subject, number string) Outcome {
	fail := func(code, message string) Outcome {
		o.State, o.Code, o.Message = Failed, code, message
		return o
	}
	switch {
	case strings.HasPrefix(o.Requirement, "dob.") && subject.Born == bornBad:
		return fail("verification_failed_keyed_identity", "The date of birth could not be verified.")
	case o.Requirement == "address.line1" && subject.Address.Line1 == addressBad:
		return fail("verification_failed_address_match", "The address could not be verified.")
	case o.Requirement == "verification.document" && fileCodes[subject.Files["document.front"]] != "":
		return fail(fileCodes[subject.Files["document.front"]], "The document could not be accepted.")
	case number == numberDocument:
		o.State = NeedsDocument
		return o
	case o.Requirement == "ssn_last_4" && number == numberBad[:4]:
		return fail("verification_failed_id_number_match", "The number could not be matched with the name and date of birth.")
	case number != numberBad:
		return o
	case subject.Kind == "company":
		return fail("verification_failed_tax_id_match", "The number could not be matched with the company's name.")
	}
	return fail("verification_failed_id_number_match", "The number could not be matched with the name and date of birth.")
}

// Get answers a second time: what was only slow is decided now.
func (s Sandbox) Get(_ context.Context, reference string) (Answer, error) {
	script, err := read(reference)
	if err != nil {
		return Answer{}, err
	}
	if script.Slow && !script.Waits {
		answer := script.answer(false)
		answer.Revision = 2
		return answer, nil
	}
	return script.answer(script.Waits), nil
}

// Expire has nothing to forget.
func (s Sandbox) Expire(_ context.Context, reference string) error {
	_, err := read(reference)
	return err
}

// Handle reads a callback made with Sign under the sandbox's key.
func (s Sandbox) Handle(signature string, body []byte) (Answer, error) {
	return handle(s.Key, signature, body, time.Now())
}

func (s script) answer(waiting bool) Answer {
	raw, err := json.Marshal(s)
	if err != nil {
		panic("verification: " + err.Error()) // strings and booleans
	}
	a := Answer{Check: s.Check, Reference: sandboxTag + base64.RawURLEncoding.EncodeToString(raw), Revision: 1, Outcomes: slices.Clone(s.Final)}
	for i := range a.Outcomes {
		if waiting {
			a.Outcomes[i] = Outcome{Requirement: a.Outcomes[i].Requirement, State: Pending}
		}
	}
	return a
}

func read(reference string) (script, error) {
	var s script
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(reference, sandboxTag))
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil || !strings.HasPrefix(reference, sandboxTag) || s.Check == "" {
		return s, fmt.Errorf("verification: no check of the sandbox has this reference")
	}
	return s, nil
}

func plain(number secret.Text) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(number.Reveal())
}
