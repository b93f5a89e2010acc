package connect

import (
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/wire"
)

// PersonWire is one of the account's persons as the API shows it.
func (a Account) PersonWire(p *Person) wire.Person { return a.personWire(p, a.Standing()) }

func (a Account) personWire(p *Person, s Standing) wire.Person {
	w, prefix := p.Person, a.subjectName(p.ID)+"."
	requirements, future := s.Dues.of(prefix), s.Future.of(prefix)
	w.Requirements, w.FutureRequirements = &requirements, &future
	if c := a.checks[p.ID]; c != nil {
		switch {
		case len(c.Errors) > 0:
			w.Verification.Details, w.Verification.DetailsCode = &c.Errors[0].Reason, wire.Nullable(strings.TrimPrefix(c.Errors[0].Code, "verification_"))
		case c.Pending:
			w.Verification.Status = "pending"
		case c.Good:
			w.Verification.Status = "verified"
		}
	}
	return w
}

// of is the part of the dues that is about one person, without the person's name.
func (d Dues) of(prefix string) wire.PersonRequirements {
	w := wire.PersonRequirements{
		Alternatives: []wire.RequirementAlternative{}, Errors: []wire.RequirementError{},
		CurrentlyDue: trimmed(d.CurrentlyDue, prefix), EventuallyDue: trimmed(d.EventuallyDue, prefix),
		PastDue: trimmed(d.PastDue, prefix), PendingVerification: trimmed(d.PendingVerification, prefix),
	}
	for _, e := range d.Errors {
		if name, ok := strings.CutPrefix(e.Requirement, prefix); ok {
			w.Errors = append(w.Errors, wire.RequirementError{Code: e.Code, Reason: e.Reason, Requirement: name})
		}
	}
	for _, a := range d.Alternatives {
		if slices.ContainsFunc(a.Original, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			w.Alternatives = append(w.Alternatives, wire.RequirementAlternative{
				OriginalFieldsDue: trimmed(a.Original, prefix), AlternativeFieldsDue: trimmed(a.Instead, prefix),
			})
		}
	}
	return w
}

func trimmed(names []string, prefix string) []string {
	out := []string{}
	for _, name := range names {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			out = append(out, name)
		}
	}
	return out
}
