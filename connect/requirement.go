package connect

import (
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/wire"
)

// ExternalAccountDue is the requirement of a bank account to pay out to.
const ExternalAccountDue = "external_account"

// Facts is all that decides about an account's standing.
type Facts struct {
	Platform      bool
	Livemode      bool
	Requested     []string // capabilities
	BusinessType  string
	Given         map[string]bool // KYC facts that are there, by requirement name
	PayoutAccount bool            // an external account that works
	Rejected      string
	PayoutsPaused bool
	Closed        bool
}

// Standing is what an account may do and what it still owes.
type Standing struct {
	ChargesEnabled   bool
	PayoutsEnabled   bool
	DetailsSubmitted bool
	Capabilities     map[string]CapabilityStanding // the requested ones
	CurrentlyDue     []string                      // sorted
	EventuallyDue    []string                      // sorted, includes CurrentlyDue
	PastDue          []string                      // the part of CurrentlyDue that disables something
	DisabledReason   string
}

// CapabilityStanding is one requested capability's share of it.
type CapabilityStanding struct {
	Active         bool
	CurrentlyDue   []string
	EventuallyDue  []string
	DisabledReason string
}

// Derive computes an account's standing.
//
// In test mode a requested capability is active at once and missing KYC facts
// are only eventually due. In live mode missing facts are currently due and keep
// the capability inactive. A missing external account never touches a
// capability: it is currently due and disables payouts alone.
func Derive(f Facts) Standing {
	s := Standing{Capabilities: make(map[string]CapabilityStanding, len(f.Requested)), DetailsSubmitted: true}
	for _, name := range f.Requested {
		missing := f.missing(name)
		c := CapabilityStanding{EventuallyDue: missing}
		if f.Livemode {
			c.CurrentlyDue = missing
		}
		c.Active = len(c.CurrentlyDue) == 0 && f.Rejected == "" && !f.Closed
		switch {
		case f.Rejected != "":
			c.DisabledReason = "rejected.other"
		case !c.Active:
			c.DisabledReason = "requirements.fields_needed"
		}
		s.Capabilities[name] = c
		s.add(c)
	}
	s.settle(f)
	return s
}

// add gathers the capability's dues into the account's.
func (s *Standing) add(c CapabilityStanding) {
	s.EventuallyDue = append(s.EventuallyDue, c.EventuallyDue...)
	s.CurrentlyDue = append(s.CurrentlyDue, c.CurrentlyDue...)
	s.DetailsSubmitted = s.DetailsSubmitted && len(c.EventuallyDue) == 0
}

func (s *Standing) settle(f Facts) {
	active := false
	for name, c := range s.Capabilities {
		active = active || c.Active
		s.ChargesEnabled = s.ChargesEnabled || c.Active && strings.HasSuffix(name, "_payments")
	}
	s.DetailsSubmitted = s.DetailsSubmitted && len(f.Requested) > 0
	s.PayoutsEnabled = active && f.PayoutAccount && !f.PayoutsPaused
	s.PastDue = unique(s.CurrentlyDue)
	if len(f.Requested) > 0 && !f.PayoutAccount {
		s.CurrentlyDue = append(s.CurrentlyDue, ExternalAccountDue)
	}
	s.CurrentlyDue = unique(s.CurrentlyDue)
	s.EventuallyDue = unique(append(s.EventuallyDue, s.CurrentlyDue...))
	switch {
	case f.Rejected != "":
		s.DisabledReason = "rejected." + f.Rejected
	case len(s.PastDue) > 0:
		s.DisabledReason = "requirements.past_due"
	case f.PayoutsPaused:
		s.DisabledReason = "platform_paused"
	}
}

// missing is the KYC facts that a capability needs and the account has not given.
func (f Facts) missing(capability string) []string {
	if f.Platform {
		return nil // whoever runs the server vouches for platform accounts
	}
	var missing []string
	for _, fact := range f.needed(capability) {
		if !f.Given[fact] {
			missing = append(missing, fact)
		}
	}
	return unique(missing)
}

func (f Facts) needed(capability string) []string {
	needed := []string{"business_type", "tos_acceptance.date", "tos_acceptance.ip"}
	switch f.BusinessType {
	case "individual":
		needed = append(needed, "individual.first_name", "individual.last_name", "individual.email",
			"individual.dob.day", "individual.dob.month", "individual.dob.year")
	case "company", "non_profit", "government_entity":
		needed = append(needed, "company.name", "company.tax_id")
	}
	if capability == TransfersCapability {
		return needed
	}
	needed = append(needed, "business_profile.mcc", "business_profile.url")
	switch f.BusinessType {
	case "individual":
		needed = append(needed, "individual.address.line1", "individual.phone")
	case "company", "non_profit", "government_entity":
		needed = append(needed, "company.address.line1", "company.phone")
	}
	return needed
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (a Account) facts() Facts {
	f := Facts{
		Platform: a.IsPlatform(), Livemode: a.Livemode, BusinessType: a.BusinessType, Given: a.given(),
		Rejected: a.Rejected, PayoutsPaused: a.PayoutsPaused, Closed: !a.ClosedAt.IsZero(),
	}
	for _, c := range a.Capabilities {
		if c.Requested {
			f.Requested = append(f.Requested, c.Name)
		}
	}
	f.PayoutAccount = slices.ContainsFunc(a.ExternalAccounts, ExternalAccount.usable)
	return f
}

func (a Account) given() map[string]bool {
	p := a.BusinessProfile
	given := map[string]bool{
		"business_type":       a.BusinessType != "",
		"tos_acceptance.date": a.TOS.Date != nil,
		"tos_acceptance.ip":   a.TOS.IP != nil,

		"business_profile.mcc": p.MCC != nil,
		"business_profile.url": p.URL != nil || p.ProductDescription != nil, // one of both tells what is sold
	}
	if c := a.Company; c != nil {
		given["company.name"] = c.Name != nil
		given["company.tax_id"] = c.TaxIDProvided
		given["company.phone"] = c.Phone != nil
		given["company.address.line1"] = hasLine1(c.Address)
	}
	if i := a.Individual; i != nil {
		given["individual.first_name"] = i.FirstName != nil || i.FirstNameKana != nil
		given["individual.last_name"] = i.LastName != nil || i.LastNameKana != nil
		given["individual.email"] = i.Email != nil
		given["individual.phone"] = i.Phone != nil
		given["individual.address.line1"] = hasLine1(i.Address)
		given["individual.dob.day"] = i.DOB.Day != nil
		given["individual.dob.month"] = i.DOB.Month != nil
		given["individual.dob.year"] = i.DOB.Year != nil
	}
	return given
}

func hasLine1(a *wire.Address) bool { return a != nil && a.Line1 != nil }
