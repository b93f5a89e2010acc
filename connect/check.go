package connect

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// check is how the verification of one subject stands. It is part of the account's row.
//
//	                 facts complete                  a verifier says
//	unknown ───────────────────────────▶ pending ───────────────────▶ good
//	                                        ▲  │                        │ a later answer says no
//	                    given anew          │  ▼                        ▼
//	                    errors ◀────────────┴─ errors ◀─────────────────┘
//
// Errors make the requirements they name due again. Facts that change after a
// good answer are asked about again; until then the old answer counts.
type check struct {
	Digest  string             `json:"digest,omitempty"`  // keyed hash of what was looked at
	ID      string             `json:"id,omitempty"`      // the newest check, chk_…; answers of others are void
	Good    bool               `json:"good,omitempty"`    // the last conclusive answer was yes
	Pending bool               `json:"pending,omitempty"` // an answer is due
	Names   []string           `json:"names,omitempty"`   // what is being verified, without the subject
	Errors  []RequirementError `json:"errors,omitempty"`  // what has to be given again; names without the subject
	Passed  string             `json:"passed,omitempty"`  // the verifier's reference of the last good check
	Review  string             `json:"review,omitempty"`  // the open review, rev_…
}

// VerifierModes holds the verifier of each mode; nil verifies nothing.
type VerifierModes struct {
	Live verification.Verifier
	Test verification.Verifier
}

// For is the verifier of a mode.
func (m VerifierModes) For(livemode bool) verification.Verifier {
	if livemode {
		return m.Live
	}
	return m.Test
}

// documentName is the requirement that answers every doubt about a person or company.
const documentName = "verification.document"

// reconcile is done at every change, in its transaction: subjects whose facts
// are complete and new are queued for the verifier, and what is known of another
// account too is put before a human being.
func (r *recorder) reconcile(before snapshot) error {
	a := r.account
	if err := r.reconcileGone(); err != nil || !a.ClosedAt.IsZero() || !a.enforced() {
		return err
	}
	for _, subject := range a.complete() {
		if err := r.reconcileSubject(subject); err != nil {
			return err
		}
	}
	return r.reconcileBanks(before)
}

func (r *recorder) reconcileSubject(subject string) error {
	a, c := r.account, r.account.checks[subject]
	if c == nil {
		c = &check{}
		a.checks[subject] = c
	}
	digest, err := r.svc.digest(a, subject)
	if err != nil {
		return err
	}
	again := len(c.Errors) > 0 && slices.ContainsFunc(append([]RequirementError{{Requirement: documentName}}, c.Errors...),
		func(e RequirementError) bool { return a.touched[subject+"."+e.Requirement] })
	unasked := a.verified && c.ID == "" && len(c.Errors) == 0 // from before there was a verifier
	if digest == c.Digest && !again && !unasked {
		return nil
	}
	if err := r.cancelDuplicate(subject); err != nil {
		return err
	}
	if err := supersede(r.ctx, r.tx, r.at, a.ID, subject); err != nil {
		return err
	}
	c.Digest, c.ID, c.Pending, c.Errors, c.Names = digest, "", false, nil, a.verifiable(subject)
	if c.Errors, err = r.svc.mistakes(a, subject, r.at); err != nil {
		return err
	}
	if len(c.Errors) > 0 {
		c.Good = false
		return nil
	}
	if err := r.reviewDuplicates(subject); err != nil || !a.verified {
		return err
	}
	c.ID, c.Pending = id.New("chk"), true
	return insertCheck(r.ctx, r.tx, checkRow{
		ID: c.ID, Account: a.ID, Platform: a.Platform, Livemode: a.Livemode, Subject: subject, Digest: digest,
		Status: checkQueued, NextAt: r.at, CreatedAt: r.at,
	})
}

// reconcileGone drops what was going on about persons that are no more, and about everybody once the account is closed.
func (r *recorder) reconcileGone() error {
	a := r.account
	for subject := range a.checks {
		_, err := a.Person(subject)
		there := err == nil || subject == CompanySubject || subject == ExternalAccountDue
		if there && a.ClosedAt.IsZero() {
			continue
		}
		if err := r.cancelReview(subject); err != nil {
			return err
		}
		if err := supersede(r.ctx, r.tx, r.at, a.ID, subject); err != nil {
			return err
		}
		delete(a.checks, subject)
	}
	return nil
}

// complete lists the subjects that must be verified and about whom at least one
// requested capability misses nothing.
func (a Account) complete() []string {
	f := a.facts()
	if f.Rules == nil {
		f.Rules = DefaultRules()
	}
	var out []string
	for _, capability := range f.Requested {
		d := deriver{f: f, since: f.Since[capability]}
		items, verify := d.version().pick(f.Country, f.BusinessType, capability)
		items = d.expand(items)
		for _, name := range d.subjects(verify) {
			missing := slices.ContainsFunc(items, func(it item) bool {
				return it.within == 0 && Subject(it.names[0]) == name && !d.has(it)
			})
			if subject, ok := a.subjectOf(name); ok && !missing {
				out = append(out, subject)
			}
		}
	}
	return unique(out)
}

// subjectOf is the subject that requirements call name.
func (a Account) subjectOf(name string) (string, bool) {
	if name == "individual" {
		i := a.individual()
		if i == nil {
			return "", false
		}
		return i.ID, true
	}
	if name == CompanySubject {
		return name, a.Company != nil
	}
	_, err := a.Person(name)
	return name, err == nil
}

// The facts that verifiers are asked about.
var (
	personVerifiable  = strings.Fields("first_name last_name dob.day dob.month dob.year address.line1 id_number ssn_last_4 verification.document")
	companyVerifiable = strings.Fields("name address.line1 tax_id registration_number vat_id verification.document")
)

// verifiable is what there is to verify about a subject.
func (a Account) verifiable(subject string) (names []string) {
	given, all := a.given(), personVerifiable
	if subject == CompanySubject {
		all = companyVerifiable
	}
	for _, name := range all {
		if given[a.subjectName(subject)+"."+name] {
			names = append(names, name)
		}
	}
	return names
}

// digest is equal as long as nothing changes that a verifier looks at.
func (s *Accounts) digest(a *Account, subject string) (string, error) {
	about, err := a.subject(subject)
	if err != nil {
		return "", err
	}
	about.Email, about.Phone, about.Names, about.Previous = "", "", nil, ""
	raw, err := json.Marshal(about)
	if err != nil {
		return "", fmt.Errorf("encode subject: %w", err)
	}
	text := string(raw)
	for _, n := range a.numbers { // loaded sorted, given anew at the end: the order is part of no meaning
		if n.Subject == subject {
			text += "\x00" + n.Kind + "=" + n.Mark
		}
	}
	parts := strings.Split(text, "\x00")
	slices.Sort(parts[1:])
	sum := s.cfg.Pepper.Sum(secret.New("subject|" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16]), nil
}

// subject is the picture of a subject for a verifier, without numbers.
func (a *Account) subject(subject string) (verification.Subject, error) {
	v := verification.Subject{
		Account: a.ID, Kind: "person", ID: subject, Livemode: a.Livemode, Country: a.Country,
		Names: a.verifiable(subject), Files: map[string]string{},
	}
	if c := a.checks[subject]; c != nil {
		v.Previous = c.Passed
	}
	if subject == CompanySubject {
		v.Kind = "company"
		if c := a.Company; c != nil {
			v.Name, v.Phone = text(c.Name), text(c.Phone)
			v.Address = addressOf(c.Address)
			if c.Verification != nil {
				fileOf(v.Files, "document", c.Verification.Document)
			}
		}
		return v, nil
	}
	p, err := a.Person(subject)
	if err != nil {
		return v, err
	}
	v.FirstName, v.LastName, v.Email, v.Phone = text(p.FirstName, p.FirstNameKana), text(p.LastName, p.LastNameKana), text(p.Email), text(p.Phone)
	v.Address = addressOf(p.Address)
	if born, ok := birth(p.DOB); ok {
		v.Born = born.Format("2006-01-02")
	}
	fileOf(v.Files, "document", p.Verification.Document)
	fileOf(v.Files, "additional_document", p.Verification.AdditionalDocument)
	return v, nil
}

// absorb lays a verifier's answer over the state of a subject: the new state is a
// function of the answer alone, so that the highest revision decides.
func (c *check) absorb(kind string, answer verification.Answer) {
	c.Errors, c.Pending = nil, answer.Waiting()
	known := personVerifiable
	if kind == CompanySubject {
		known = companyVerifiable
	}
	for _, o := range answer.Outcomes {
		switch {
		case o.State == verification.NeedsDocument:
			c.Errors = append(c.Errors, needsDocument(kind, o.Message))
		case o.State == verification.Failed && !slices.Contains(known, o.Requirement):
			// About something that nobody can be asked for: a document can settle it.
			c.Errors = append(c.Errors, needsDocument(kind, o.Message))
		case o.State == verification.Failed:
			c.Errors = append(c.Errors, RequirementError{Requirement: o.Requirement, Code: errorCode(o.Code), Reason: reason(o.Message)})
		}
	}
	slices.SortFunc(c.Errors, func(a, b RequirementError) int { return strings.Compare(a.Requirement, b.Requirement) })
	c.Errors = slices.CompactFunc(c.Errors, func(a, b RequirementError) bool { return a.Requirement == b.Requirement })
	switch {
	case len(c.Errors) > 0:
		c.Good = false
	case !c.Pending:
		c.Good, c.Passed = true, answer.Reference
	}
}

func needsDocument(kind, message string) RequirementError {
	code := "verification_failed_keyed_identity"
	if kind == CompanySubject {
		code = "verification_failed_keyed_match"
	}
	if message == "" {
		message = "What was typed in could not be verified. Upload a document that proves it."
	}
	return RequirementError{Requirement: documentName, Code: code, Reason: message}
}

// errorCode passes the codes of the API and calls everything else "other".
func errorCode(code string) string {
	if slices.Contains(errorCodes, code) {
		return code
	}
	return "verification_failed_other"
}

// errorCodes are the codes of the API that verification can have.
var errorCodes = strings.Fields(`invalid_dob_age_over_maximum invalid_dob_age_under_18 invalid_dob_age_under_minimum
	invalid_street_address invalid_tax_id invalid_tax_id_format invalid_value_other
	verification_directors_mismatch verification_document_address_mismatch verification_document_address_missing
	verification_document_corrupt verification_document_country_not_supported verification_document_dob_mismatch
	verification_document_expired verification_document_failed_copy verification_document_failed_greyscale
	verification_document_failed_other verification_document_failed_test_mode verification_document_fraudulent
	verification_document_id_number_mismatch verification_document_id_number_missing verification_document_incomplete
	verification_document_invalid verification_document_manipulated verification_document_missing_back
	verification_document_missing_front verification_document_name_mismatch verification_document_name_missing
	verification_document_nationality_mismatch verification_document_not_readable verification_document_not_signed
	verification_document_not_uploaded verification_document_photo_mismatch verification_document_too_large
	verification_document_type_not_supported verification_failed_address_match verification_failed_document_match
	verification_failed_id_number_match verification_failed_keyed_identity verification_failed_keyed_match
	verification_failed_name_match verification_failed_other verification_failed_residential_address
	verification_failed_tax_id_match verification_failed_tax_id_not_issued`)

// maxReason bounds what a verifier may say to people.
const maxReason = 500

func reason(message string) string {
	if message == "" {
		return "This could not be verified. Check it and give it again."
	}
	if len(message) > maxReason {
		message = strings.ToValidUTF8(message[:maxReason], "")
	}
	return message
}
