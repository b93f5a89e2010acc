package connect

import (
	"slices"
	"strings"
	"time"
)

// ExternalAccountDue is the requirement of a bank account to pay out to.
const ExternalAccountDue = "external_account"

// Facts is all that decides about an account's standing.
type Facts struct {
	Platform bool
	Enforced bool      // live mode, or an account that asked for the true rules
	At       time.Time // now
	Rules    *Rules    // nil: ours

	Country      string
	BusinessType string
	Requested    []string             // capabilities
	Since        map[string]time.Time // when each was requested
	Given        map[string]bool      // KYC facts that are there, by requirement name
	People       []PersonFacts
	Terms        string // version of the terms that was accepted, "" if none

	Verified    bool                  // somebody verifies identities here
	Checks      map[string]CheckFacts // by subject: "individual", "company" or a person's id
	UnderReview map[string]bool       // subjects a human being looks at; ExternalAccountDue holds payouts
	BankErrors  []RequirementError    // why external accounts were refused

	PayoutAccount bool // an external account that works
	Rejected      string
	PayoutsPaused bool
	Closed        bool
}

// PersonFacts is what a person is to a company.
type PersonFacts struct {
	ID                                         string
	Representative, Owner, Director, Executive bool
}

// CheckFacts is how the verification of a subject stands.
type CheckFacts struct {
	Good    bool               // the last conclusive answer was that it is who it says
	Pending bool               // an answer is due
	Names   []string           // what is being verified
	Errors  []RequirementError // what has to be given again
}

// RequirementError is why something given has to be given again.
type RequirementError struct{ Code, Reason, Requirement string }

// Alternative is another way to resolve what is due.
type Alternative struct{ Original, Instead []string }

// Dues is what is owed, by an account or for one capability.
type Dues struct {
	CurrentlyDue        []string  // sorted: needed now, or by the deadline
	EventuallyDue       []string  // sorted, includes CurrentlyDue
	PastDue             []string  // the part of CurrentlyDue that disables something
	PendingVerification []string  // sorted: given, an answer is awaited
	Deadline            time.Time // when the rest of CurrentlyDue becomes past due; zero if there is none
	Errors              []RequirementError
	Alternatives        []Alternative
	DisabledReason      string
}

// Standing is what an account may do and what it still owes.
type Standing struct {
	ChargesEnabled   bool
	PayoutsEnabled   bool
	DetailsSubmitted bool                          // all that was due at once has been given
	Capabilities     map[string]CapabilityStanding // the requested ones
	Dues                                           // requirements
	Future           Dues                          // future_requirements: what an announced change will add
	// ChangesAt is when the standing changes next although nobody does anything: a
	// deadline, or a rule that comes into force. Zero if it will not.
	ChangesAt time.Time
}

// CapabilityStanding is one requested capability's share of it. A capability
// that is neither active nor pending is inactive.
type CapabilityStanding struct {
	Active  bool
	Pending bool // everything was given; a verifier or a reviewer has the word
	Dues
	Future Dues
}

// Derive computes an account's standing. It is a pure function: nobody stores
// whether an account may charge or be paid out.
//
// Supplying exactly CurrentlyDue makes a capability active or pending (once the
// type of business is known, on which the list depends).
//
// Where the rules are not enforced (the sandbox), a requested capability is
// active at once and missing facts are only eventually due. A missing external
// account never touches a capability: it is currently due and disables payouts alone.
func Derive(f Facts) Standing {
	if f.Rules == nil {
		f.Rules = DefaultRules()
	}
	s := Standing{Capabilities: make(map[string]CapabilityStanding, len(f.Requested)), DetailsSubmitted: len(f.Requested) > 0}
	for _, name := range f.Requested {
		d := deriver{f: f, since: f.Since[name], changes: &s.ChangesAt}
		c := d.capability(name)
		s.Capabilities[name] = c
		s.DetailsSubmitted = s.DetailsSubmitted && d.submitted
		s.Dues.add(c.Dues)
		s.Future.add(c.Future)
	}
	s.settle(f)
	return s
}

func (s *Standing) settle(f Facts) {
	active, pending := false, false
	for name, c := range s.Capabilities {
		active, pending = active || c.Active, pending || c.Pending
		s.ChargesEnabled = s.ChargesEnabled || c.Active && strings.HasSuffix(name, "_payments")
	}
	held := f.UnderReview[ExternalAccountDue]
	s.PayoutsEnabled = active && f.PayoutAccount && !f.PayoutsPaused && !held
	if len(f.Requested) > 0 && !f.PayoutAccount {
		s.CurrentlyDue = append(s.CurrentlyDue, ExternalAccountDue)
	}
	if !f.PayoutAccount {
		s.Errors = append(s.Errors, f.BankErrors...)
	}
	if held && f.PayoutAccount {
		s.PendingVerification = append(s.PendingVerification, ExternalAccountDue)
	}
	s.Dues.tidy()
	s.Future.tidy()
	switch {
	case f.Rejected != "":
		s.DisabledReason = "rejected." + f.Rejected
	case len(s.PastDue) > 0:
		s.DisabledReason = "requirements.past_due"
	case len(f.UnderReview) > 0:
		s.DisabledReason = "under_review"
	case pending && !active:
		s.DisabledReason = "requirements.pending_verification"
	case f.PayoutsPaused:
		s.DisabledReason = "platform_paused"
	}
}

// deriver works out one capability.
type deriver struct {
	f         Facts
	since     time.Time // when the capability was requested
	changes   *time.Time
	dues      Dues
	future    Dues
	submitted bool
}

func (d *deriver) capability(name string) CapabilityStanding {
	d.submitted = true
	if d.f.Platform { // whoever runs the server vouches for platform accounts
		return d.result(name, false, false)
	}
	items, verify := d.version().pick(d.f.Country, d.f.BusinessType, name)
	for _, it := range d.expand(items) {
		d.item(name, it)
	}
	d.terms()
	if d.f.Enforced {
		d.announced(name)
	}
	reviewed, pending := d.verify(name, verify)
	return d.result(name, reviewed, pending)
}

func (d *deriver) version() RuleVersion { return d.f.Rules.Versions[d.f.Rules.in(d.f.At)] }

// result is the capability's state: past dues make it inactive, then whoever still looks at it makes it pending.
func (d *deriver) result(name string, reviewed, pending bool) CapabilityStanding {
	d.dues.tidy()
	d.future.tidy()
	c := CapabilityStanding{Dues: d.dues, Future: d.future}
	open := d.f.Rejected == "" && !d.f.Closed
	switch {
	case !open || len(c.PastDue) > 0:
	case reviewed || pending:
		c.Pending = true
	default:
		c.Active = true
	}
	switch {
	case d.f.Rejected != "":
		c.DisabledReason = "rejected.other"
	case len(c.PastDue) > 0 || !open:
		c.DisabledReason = "requirements.fields_needed"
	case reviewed:
		c.DisabledReason = "pending.review"
	}
	return c
}

// item notes one requirement, if it is not there.
func (d *deriver) item(capability string, it item) {
	if d.has(it) {
		return
	}
	name := it.names[0]
	if it.within == 0 {
		d.submitted = false
	}
	if !d.f.Enforced {
		d.dues.EventuallyDue = append(d.dues.EventuallyDue, name)
		return
	}
	for _, other := range it.names[1:] {
		d.dues.Alternatives = append(d.dues.Alternatives, Alternative{Original: []string{name}, Instead: []string{other}})
	}
	began, grace := d.began(capability, it)
	switch {
	case it.within > 0:
		d.due(name, later(began, d.since).Add(it.within))
	case began.After(d.since):
		d.due(name, began.Add(grace)) // the account is older than the rule
	default:
		d.due(name, time.Time{})
	}
}

// due notes a missing requirement. A zero deadline means at once.
func (d *deriver) due(name string, deadline time.Time) {
	d.dues.EventuallyDue = append(d.dues.EventuallyDue, name)
	switch {
	case deadline.IsZero() || !d.f.At.Before(deadline):
		d.dues.CurrentlyDue = append(d.dues.CurrentlyDue, name)
		d.dues.PastDue = append(d.dues.PastDue, name)
	case !d.f.At.Before(deadline.Add(-noticeBefore)):
		d.dues.CurrentlyDue = append(d.dues.CurrentlyDue, name)
		d.dues.Deadline = earlier(d.dues.Deadline, deadline)
		d.turns(deadline)
	default:
		d.turns(deadline.Add(-noticeBefore))
	}
}

// turns notes a moment at which the standing changes by itself.
func (d *deriver) turns(at time.Time) {
	if at.After(d.f.At) {
		*d.changes = earlier(*d.changes, at)
	}
}

// began is when an item became part of the rule, and the grace for accounts that were there
// before. What is in the first version was always there.
func (d *deriver) began(capability string, it item) (began time.Time, grace time.Duration) {
	for i := d.f.Rules.in(d.f.At); i > 0; i-- {
		v := d.f.Rules.Versions[i]
		began, grace = v.Effective, v.Grace
		if d.holds(d.f.Rules.Versions[i-1], capability, it) {
			began, grace = time.Time{}, 0
			continue
		}
		return began, grace
	}
	return time.Time{}, 0
}

// holds reports whether a version already asks for the item as strictly as this.
func (d *deriver) holds(v RuleVersion, capability string, it item) bool {
	items, _ := v.pick(d.f.Country, d.f.BusinessType, capability)
	for _, old := range d.expand(items) {
		if slices.Equal(old.names, it.names) && old.within == it.within {
			return true
		}
	}
	return false
}

// announced notes what the next version will ask for in addition.
func (d *deriver) announced(capability string) {
	rules := d.f.Rules
	if i := rules.in(d.f.At) + 1; i < len(rules.Versions) {
		d.turns(rules.Versions[i].Announced)
		d.turns(rules.Versions[i].Effective)
	}
	next, ok := rules.coming(d.f.At)
	if !ok {
		return
	}
	items, _ := next.pick(d.f.Country, d.f.BusinessType, capability)
	for _, it := range d.expand(items) {
		if d.has(it) || slices.Contains(d.dues.CurrentlyDue, it.names[0]) {
			continue
		}
		d.future.EventuallyDue = append(d.future.EventuallyDue, it.names[0])
		if it.within == 0 {
			d.future.CurrentlyDue = append(d.future.CurrentlyDue, it.names[0])
			d.future.Deadline = earlier(d.future.Deadline, next.Effective)
		}
		for _, other := range it.names[1:] {
			d.future.Alternatives = append(d.future.Alternatives, Alternative{Original: []string{it.names[0]}, Instead: []string{other}})
		}
	}
}

// terms notes newer terms than the accepted ones. Terms never accepted are an item of the table.
func (d *deriver) terms() {
	if !d.f.Enforced || d.f.Terms == "" {
		return
	}
	for _, t := range d.f.Rules.after(d.f.Terms) {
		d.turns(t.Published)
		d.turns(t.Required)
		switch names := []string{"tos_acceptance.date", "tos_acceptance.ip"}; {
		case d.f.At.Before(t.Published):
		case d.f.At.Before(t.Required):
			d.future.CurrentlyDue = append(d.future.CurrentlyDue, names...)
			d.future.Deadline = earlier(d.future.Deadline, t.Required)
		default:
			for _, name := range names {
				d.due(name, t.Required.Add(t.Grace))
			}
		}
	}
}

// verify looks at the people and the company that must be confirmed.
func (d *deriver) verify(capability string, who []string) (reviewed, pending bool) {
	if !d.f.Enforced {
		return false, false
	}
	for _, subject := range d.subjects(who) {
		reviewed = reviewed || d.f.UnderReview[subject]
		check := d.f.Checks[subject]
		if check.Pending {
			d.dues.PendingVerification = append(d.dues.PendingVerification, check.Names...)
		}
		for _, e := range check.Errors {
			d.fail(e)
		}
		d.documentInstead(subject, check.Errors)
		pending = pending || d.f.Verified && !check.Good && len(check.Errors) == 0
	}
	return reviewed, pending
}

// documentInstead notes that a document settles what a verifier could not match. It does not mend a number that cannot be.
func (d *deriver) documentInstead(subject string, errors []RequirementError) {
	document := subject + "." + documentName
	a := Alternative{Instead: []string{document}}
	for _, e := range errors {
		if e.Requirement == document || !strings.HasPrefix(e.Code, "verification_") {
			return
		}
		a.Original = append(a.Original, e.Requirement)
	}
	if len(a.Original) > 0 {
		d.dues.Alternatives = append(d.dues.Alternatives, a)
	}
}

// fail notes something that was given and was not good enough.
func (d *deriver) fail(e RequirementError) {
	d.dues.Errors = append(d.dues.Errors, e)
	d.due(e.Requirement, time.Time{})
}

// has reports whether any of an item's names was given.
func (d *deriver) has(it item) bool {
	return slices.ContainsFunc(it.names, func(name string) bool { return d.f.Given[name] })
}

// roles are the words of the table that stand for persons.
var roles = []string{"representative", "owners", "directors", "executives"}

func (p PersonFacts) plays(role string) bool {
	switch role {
	case "representative":
		return p.Representative
	case "owners":
		return p.Owner
	case "directors":
		return p.Director
	}
	return role == "executives" && p.Executive
}

// expand puts persons in the place of roles. A representative is asked for until
// there is one; of owners, directors and executives those are meant that there are.
func (d *deriver) expand(items []item) []item {
	var out []item
	for _, it := range items {
		role, _, _ := strings.Cut(it.names[0], ".")
		if !slices.Contains(roles, role) {
			out = append(out, it)
			continue
		}
		subjects := d.players(role)
		if len(subjects) == 0 && role == "representative" {
			subjects = []string{role}
		}
		for _, subject := range subjects {
			named := item{names: make([]string, len(it.names)), within: it.within}
			for i, name := range it.names {
				named.names[i] = subject + strings.TrimPrefix(name, role)
			}
			out = append(out, named)
		}
	}
	return out
}

func (d *deriver) players(role string) (ids []string) {
	for _, p := range d.f.People {
		if p.plays(role) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// subjects names whom "verify" lines mean.
func (d *deriver) subjects(who []string) []string {
	var out []string
	for _, role := range who {
		if slices.Contains(roles, role) {
			out = append(out, d.players(role)...)
		} else {
			out = append(out, role)
		}
	}
	return unique(out)
}

// Subject is whom a requirement is about: "individual", "company", a person's id; external_account is its own.
func Subject(requirement string) string {
	subject, _, _ := strings.Cut(requirement, ".")
	return subject
}

// add gathers a capability's dues into the account's.
func (d *Dues) add(c Dues) {
	d.CurrentlyDue = append(d.CurrentlyDue, c.CurrentlyDue...)
	d.EventuallyDue = append(d.EventuallyDue, c.EventuallyDue...)
	d.PastDue = append(d.PastDue, c.PastDue...)
	d.PendingVerification = append(d.PendingVerification, c.PendingVerification...)
	d.Errors = append(d.Errors, c.Errors...)
	d.Alternatives = append(d.Alternatives, c.Alternatives...)
	d.Deadline = earlier(d.Deadline, c.Deadline)
}

// tidy sorts and removes what is there twice.
func (d *Dues) tidy() {
	d.PastDue, d.CurrentlyDue = unique(d.PastDue), unique(d.CurrentlyDue)
	d.EventuallyDue = unique(append(d.EventuallyDue, d.CurrentlyDue...))
	d.PendingVerification = unique(d.PendingVerification)
	slices.SortFunc(d.Errors, func(a, b RequirementError) int {
		return strings.Compare(a.Requirement+" "+a.Code, b.Requirement+" "+b.Code)
	})
	d.Errors = slices.Compact(d.Errors)
	slices.SortFunc(d.Alternatives, func(a, b Alternative) int { return strings.Compare(a.key(), b.key()) })
	d.Alternatives = slices.CompactFunc(d.Alternatives, func(a, b Alternative) bool { return a.key() == b.key() })
	if len(d.CurrentlyDue) == len(d.PastDue) {
		d.Deadline = time.Time{}
	}
}

func (a Alternative) key() string {
	return strings.Join(a.Original, " ") + "|" + strings.Join(a.Instead, " ")
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// earlier is the earlier one; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
