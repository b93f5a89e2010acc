package onboarding

import (
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/wire"
)

// The steps of the wizard, in order. A visit has those that it is asked something on.
const (
	stepType           = "business-type"
	stepPersonal       = "personal"
	stepAddress        = "address"
	stepCompany        = "company"
	stepRepresentative = "representative"
	stepIdentity       = "identity"
	stepPeople         = "people"
	stepBusiness       = "business"
	stepBank           = "bank"
	stepDetails        = "details"
	stepReview         = "review"
)

var stepOrder = []string{
	stepType, stepPersonal, stepAddress, stepCompany, stepRepresentative, stepIdentity, stepPeople, stepBusiness, stepBank, stepDetails, stepReview,
}

// The subjects that requirements begin with, beside persons' ids.
const (
	individual     = "individual"
	company        = "company"
	representative = "representative" // the person with that relationship, there or to come
	profile        = "business_profile"
	terms          = "tos_acceptance"
	personPrefix   = "person_"
)

// ask is one requirement: its name, and the names that do instead of it.
type ask struct {
	name string
	or   []string
}

const askSeparator = " or "

func (a ask) String() string { return strings.Join(append([]string{a.name}, a.or...), askSeparator) }

func parseAsk(s string) ask {
	names := strings.Split(s, askSeparator)
	return ask{name: names[0], or: names[1:]}
}

// plan is what a visit has asked for up to now, and what of it is still due.
type plan struct {
	asks []ask
	due  map[string]bool
}

// planOf lays what the account owes over what the visit has asked before.
func planOf(a connect.Account, v Visit) plan {
	p := plan{due: map[string]bool{}}
	for _, name := range v.Asked {
		p.asks = append(p.asks, parseAsk(name))
	}
	for _, now := range owed(a, v.Eventually, v.Future) {
		p.due[now.name] = true
		p.add(now)
	}
	switch {
	case v.Kind != Onboarding: // everything can be changed, not only what is missing
		p.addAll(everything(a, true))
	case p.open(stepReview):
		// Whoever is to agree to the terms sees what was said before on their behalf.
		p.addAll(everything(a, v.Eventually))
	}
	return p
}

func (p *plan) addAll(asks []ask) {
	for _, one := range asks {
		p.add(one)
	}
}

// add takes an ask in, once; of two with the same name the later one knows the alternatives.
func (p *plan) add(one ask) {
	i := slices.IndexFunc(p.asks, func(known ask) bool { return known.name == one.name })
	switch {
	case i < 0:
		p.asks = append(p.asks, one)
	case len(one.or) > 0:
		p.asks[i].or = one.or
	}
}

// asked is the plan for the next request of the visit.
func (p plan) asked() []string {
	names := make([]string, len(p.asks))
	for i, one := range p.asks {
		names[i] = one.String()
	}
	return names
}

// owed is what the account has to give now.
func owed(a connect.Account, eventually, future bool) []ask {
	s := a.Standing()
	names, alternatives := slices.Clone(s.CurrentlyDue), s.Alternatives
	if eventually {
		names = append(names, s.EventuallyDue...)
	}
	if future {
		names, alternatives = append(names, s.Future.CurrentlyDue...), append(slices.Clone(alternatives), s.Future.Alternatives...)
		if eventually {
			names = append(names, s.Future.EventuallyDue...)
		}
	}
	return asksFor(a, names, alternatives)
}

// everything is what an account of this kind is asked for before it has told
// anything: at once, or with what may come later.
func everything(a connect.Account, eventually bool) []ask {
	a.BusinessProfile, a.Company, a.Persons = wire.BusinessProfile{}, nil, nil
	a.TOS, a.ExternalAccounts = wire.AccountTOSAcceptance{}, nil
	s := a.Standing()
	names := s.CurrentlyDue
	if eventually {
		names = s.EventuallyDue
	}
	return asksFor(a, names, s.Alternatives)
}

func asksFor(a connect.Account, names []string, alternatives []connect.Alternative) (asks []ask) {
	speaker := representativeOf(a)
	general := func(name string) string {
		if speaker != nil && strings.HasPrefix(name, speaker.ID+".") {
			return representative + strings.TrimPrefix(name, speaker.ID)
		}
		return name
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		one := ask{name: general(name)}
		for _, alternative := range alternatives {
			if slices.Contains(alternative.Original, name) && len(alternative.Instead) == 1 {
				one.or = append(one.or, general(alternative.Instead[0]))
			}
		}
		asks = append(asks, one)
	}
	return asks
}

// representativeOf is who speaks for a company; nil for individuals and before there is one.
func representativeOf(a connect.Account) *connect.Person {
	for _, p := range a.Persons {
		if r := p.Relationship.Representative; r != nil && *r && !p.Individual {
			return p
		}
	}
	return nil
}

// stepOf is the step that a requirement belongs to. What no step knows goes to the
// details, so that nothing that is asked for is lost.
func stepOf(name string) string {
	subject, tail, _ := strings.Cut(name, ".")
	switch {
	case name == "business_type":
		return stepType
	case subject == connect.ExternalAccountDue:
		return stepBank
	case subject == terms:
		return stepReview
	case strings.HasPrefix(subject, personPrefix):
		return stepPeople
	case subject == company && strings.HasSuffix(tail, "s_provided"): // owners, directors, executives
		return stepPeople
	}
	spec, known := specs[groupOf(subject)+"."+general(tail)]
	switch {
	case !known:
		return stepDetails
	case subject == company && !spec.proof:
		return stepCompany
	case subject == profile:
		return stepBusiness
	case spec.proof:
		return stepIdentity
	case subject == representative:
		return stepRepresentative
	case strings.HasPrefix(tail, "address."):
		return stepAddress
	}
	return stepPersonal
}

// groupOf is which fields a subject has.
func groupOf(subject string) string {
	if subject == individual || subject == representative || strings.HasPrefix(subject, personPrefix) {
		return "person"
	}
	return subject
}

// general is the field that a requirement is part of: a date has three.
func general(tail string) string {
	if strings.HasPrefix(tail, "dob.") {
		return "dob"
	}
	return tail
}

// steps are the visit's, in order. The review ends every visit.
func (p plan) steps() []string {
	var steps []string
	for _, step := range stepOrder {
		if step == stepReview || slices.ContainsFunc(p.asks, func(one ask) bool { return stepOf(one.name) == step && (step != stepDetails || assignable(one.name)) }) {
			steps = append(steps, step)
		}
	}
	return steps
}

// open reports whether something of a step is due.
func (p plan) open(step string) bool {
	for name := range p.due {
		if stepOf(name) == step && (step != stepDetails || assignable(name)) {
			return true
		}
	}
	return false
}

// first is the first step with something due; the review if there is none.
func (p plan) first() string {
	for _, step := range p.steps() {
		if p.open(step) {
			return step
		}
	}
	return stepReview
}

// on are the asks of a step, of one subject if that is not "".
func (p plan) on(step, subject string) (asks []ask) {
	for _, one := range p.asks {
		if stepOf(one.name) == step && (subject == "" || strings.HasPrefix(one.name, subject+".")) {
			asks = append(asks, one)
		}
	}
	return asks
}

// asks reports whether the visit asks for a requirement.
func (p plan) has(name string) bool {
	return slices.ContainsFunc(p.asks, func(one ask) bool { return one.name == name })
}
