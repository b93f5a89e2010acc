package connect

import (
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

// facts reads off an account what Derive wants to know.
func (a Account) facts() Facts {
	f := Facts{
		Platform: a.IsPlatform(), Enforced: a.enforced(), At: a.at, Rules: a.rules, Country: a.Country, BusinessType: a.BusinessType,
		Since: map[string]time.Time{}, Given: a.given(), Verified: a.verified, Checks: map[string]CheckFacts{}, UnderReview: map[string]bool{},
		Rejected: a.Rejected, PayoutsPaused: a.PayoutsPaused, Closed: !a.ClosedAt.IsZero(),
	}
	f.Terms = a.terms()
	for _, c := range a.Capabilities {
		if c.Requested {
			f.Requested = append(f.Requested, c.Name)
			f.Since[c.Name] = c.RequestedAt
		}
	}
	for _, p := range a.Persons {
		if !p.Individual {
			r := p.Relationship
			f.People = append(f.People, PersonFacts{ID: p.ID, Representative: is(r.Representative), Owner: is(r.Owner), Director: is(r.Director), Executive: is(r.Executive)})
		}
	}
	for subject, c := range a.checks {
		name := a.subjectName(subject)
		if c.Review != "" {
			f.UnderReview[name] = true
		}
		facts := CheckFacts{Good: c.Good, Pending: c.Pending}
		for _, n := range c.Names {
			facts.Names = append(facts.Names, name+"."+n)
		}
		for _, e := range c.Errors {
			e.Requirement = name + "." + e.Requirement
			facts.Errors = append(facts.Errors, e)
		}
		f.Checks[name] = facts
	}
	f.PayoutAccount = slices.ContainsFunc(a.ExternalAccounts, ExternalAccount.usable)
	for _, e := range a.ExternalAccounts {
		f.BankErrors = append(f.BankErrors, e.errors()...)
	}
	return f
}

// enforced reports whether the true rules hold for the account. Platform accounts owe nothing.
func (a Account) enforced() bool { return !a.IsPlatform() && (a.Livemode || a.StrictRequirements) }

// terms is the version of the terms the account has accepted.
func (a Account) terms() string {
	switch {
	case a.TOS.Date == nil:
		return ""
	case a.TOS.Version != nil:
		return *a.TOS.Version
	}
	rules := a.rules
	if rules == nil {
		rules = DefaultRules()
	}
	return rules.TermsAt(time.Unix(*a.TOS.Date, 0)).Version // accepted before versions were noted
}

// subjectName is how requirements call a subject: the account's individual has no id in them.
func (a Account) subjectName(subject string) string {
	if i := a.individual(); i != nil && i.ID == subject {
		return "individual"
	}
	return subject
}

// given is the KYC facts that are there, by requirement name.
func (a Account) given() map[string]bool {
	p := a.BusinessProfile
	given := map[string]bool{
		"business_type":       a.BusinessType != "",
		"tos_acceptance.date": a.TOS.Date != nil,
		"tos_acceptance.ip":   a.TOS.IP != nil,

		"business_profile.mcc":                 p.MCC != nil,
		"business_profile.url":                 p.URL != nil,
		"business_profile.product_description": p.ProductDescription != nil,
		"business_profile.support_phone":       p.SupportPhone != nil,
		"business_profile.support_email":       p.SupportEmail != nil,
	}
	if c := a.Company; c != nil {
		for name, there := range map[string]bool{
			"company.name": c.Name != nil || c.NameKana != nil, "company.phone": c.Phone != nil, "company.structure": c.Structure != nil,
			"company.tax_id": c.TaxIDProvided, "company.vat_id": c.VATIDProvided, "company.registration_number": c.RegistrationNumberProvided,
			"company.owners_provided": c.OwnersProvided, "company.directors_provided": c.DirectorsProvided,
			"company.executives_provided":   c.ExecutivesProvided,
			"company.verification.document": c.Verification != nil && c.Verification.Document.Front != nil,
		} {
			given[name] = there
		}
		givenAddress(given, "company", c.Address)
	}
	for _, p := range a.Persons {
		a.subjectGiven(given, p)
	}
	return given
}

func (a Account) subjectGiven(given map[string]bool, p *Person) {
	prefix := a.subjectName(p.ID)
	for name, there := range map[string]bool{
		"first_name": p.FirstName != nil || p.FirstNameKana != nil, "last_name": p.LastName != nil || p.LastNameKana != nil,
		"email": p.Email != nil, "phone": p.Phone != nil,
		"dob.day": p.DOB.Day != nil, "dob.month": p.DOB.Month != nil, "dob.year": p.DOB.Year != nil,
		"id_number": p.IDNumberProvided, "ssn_last_4": p.SSNLast4Provided,
		"nationality":                      p.Nationality != nil,
		"relationship.title":               p.Relationship.Title != nil,
		"relationship.percent_ownership":   p.Relationship.PercentOwnership != nil,
		"verification.document":            p.Verification.Document.Front != nil,
		"verification.additional_document": p.Verification.AdditionalDocument.Front != nil,
	} {
		given[prefix+"."+name] = there
	}
	givenAddress(given, prefix, p.Address)
}

func givenAddress(given map[string]bool, prefix string, a *wire.Address) {
	if a == nil {
		return
	}
	for name, there := range map[string]*string{"line1": a.Line1, "city": a.City, "state": a.State, "postal_code": a.PostalCode} {
		given[prefix+".address."+name] = there != nil
	}
}
