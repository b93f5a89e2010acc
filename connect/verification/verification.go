package verification

import (
	"context"
	"errors"

	"github.com/sluicepay/sluice/platform/secret"
)

// Verifier answers checks. Calls happen outside transactions.
type Verifier interface {
	// Name and version of the verifier, kept with its answers.
	Name() (name, version string)
	// Start begins a check. Repeated with the same Subject.Check it is the same check.
	Start(ctx context.Context, s Subject) (Answer, error)
	// Get is the present answer of a check, by the verifier's reference.
	Get(ctx context.Context, reference string) (Answer, error)
	// Expire tells the verifier that nobody waits for an answer any more.
	Expire(ctx context.Context, reference string) error
}

// Caller is a Verifier that sends answers by itself, signed.
type Caller interface {
	// Handle reads an answer it sent. It fails with ErrSignature unless the
	// signature shows that it is the sender, a short while ago.
	Handle(signature string, body []byte) (Answer, error)
}

// ErrSignature means that a callback is not from the verifier, or too old.
var ErrSignature = errors.New("verification: bad signature")

// Subject is the person or company to verify, as of the start of the check.
type Subject struct {
	Check    string   `json:"check"`   // our id of the check, chk_…; the key of idempotency
	Account  string   `json:"account"` // acct_…
	Kind     string   `json:"kind"`    // "person" or "company"
	ID       string   `json:"id"`      // person_… or "company"
	Livemode bool     `json:"livemode"`
	Country  string   `json:"country"`
	Names    []string `json:"requirements"`       // what to answer about: "id_number", "dob.day"
	Previous string   `json:"previous,omitempty"` // reference of the last good check, whose numbers we no longer have

	FirstName string            `json:"first_name,omitempty"`
	LastName  string            `json:"last_name,omitempty"`
	Name      string            `json:"name,omitempty"` // of a company
	Born      string            `json:"born,omitempty"` // YYYY-MM-DD
	Email     string            `json:"email,omitempty"`
	Phone     string            `json:"phone,omitempty"`
	Address   Address           `json:"address"`
	Files     map[string]string `json:"files,omitempty"` // "document.front" → file_…

	// Numbers are id_number, ssn_last_4, tax_id, registration_number and vat_id. They
	// print as secrets; an adapter that sends them reveals them itself.
	Numbers map[string]secret.Text `json:"-"`
}

// Address is where a person lives or a company sits.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// State is what is known about one requirement.
type State string

// The states of an outcome.
const (
	Verified      State = "verified"
	Failed        State = "failed"
	Pending       State = "pending"
	NeedsDocument State = "needs_document"
)

// Outcome is the answer about one requirement.
type Outcome struct {
	Requirement string `json:"requirement"` // one of Subject.Names
	State       State  `json:"state"`
	Code        string `json:"code,omitempty"`    // of a failure, from the API's list: "verification_failed_id_number_match"
	Message     string `json:"message,omitempty"` // for the person concerned
}

// Answer is what a verifier says about a check at one time.
type Answer struct {
	Check     string    `json:"check"`     // ours
	Reference string    `json:"reference"` // the verifier's
	Revision  int64     `json:"revision"`  // grows with every change of the answer, from 1
	Outcomes  []Outcome `json:"outcomes"`
}

// Waiting reports whether any requirement is still being looked at.
func (a Answer) Waiting() bool {
	for _, o := range a.Outcomes {
		if o.State == Pending {
			return true
		}
	}
	return len(a.Outcomes) == 0
}
