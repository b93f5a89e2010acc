package connect

import (
	"maps"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the account as the API shows it.
func (a Account) Wire() wire.Account {
	s := a.Standing()
	w := wire.Account{
		ID: a.ID, Object: "account", BusinessProfile: a.BusinessProfile, BusinessType: wire.Nullable(a.BusinessType),
		Capabilities: map[string]string{}, ChargesEnabled: s.ChargesEnabled, Company: a.Company, Controller: a.controllerWire(),
		Country: a.Country, Created: wire.Unix(a.CreatedAt), DefaultCurrency: a.DefaultCurrency,
		DetailsSubmitted: s.DetailsSubmitted || a.IsPlatform(), Email: wire.Nullable(a.Email), ExternalAccounts: a.externalList(),
		FutureRequirements: requirementsWire(s.Future), Metadata: a.Metadata, PayoutsEnabled: s.PayoutsEnabled,
		Requirements: requirementsWire(s.Dues), Settings: a.Settings, TOSAcceptance: a.TOS, Type: a.Type,
	}
	if i := a.individual(); i != nil {
		shown := a.personWire(i, s)
		w.Individual = &shown
	}
	for name, c := range s.Capabilities {
		w.Capabilities[name] = c.status()
	}
	return w
}

func (a Account) controllerWire() wire.AccountController {
	if a.IsPlatform() || a.SelfControlled {
		return wire.AccountController{Type: selfControlled}
	}
	controls := true
	return wire.AccountController{
		Type: controlledByPlatform, IsController: &controls,
		Fees: &wire.ControllerFees{Payer: a.Controller.FeesPayer}, Losses: &wire.ControllerLosses{Payments: a.Controller.LossesPayments},
		RequirementCollection: &a.Controller.RequirementCollection, StripeDashboard: &wire.ControllerDashboard{Type: a.Controller.Dashboard},
	}
}

// externalListSize is how many external accounts an account object shows itself.
const externalListSize = 10

func (a Account) externalList() wire.List[wire.BankAccount] {
	shown := a.ExternalAccounts[:min(externalListSize, len(a.ExternalAccounts))]
	data := make([]wire.BankAccount, len(shown))
	for i, e := range shown {
		data[i] = e.Wire()
	}
	return wire.ListOf("/v1/accounts/"+a.ID+"/external_accounts", len(shown) < len(a.ExternalAccounts), data)
}

// status is pending while everything was given and a verifier or reviewer has the word.
func (c CapabilityStanding) status() string {
	switch {
	case c.Active:
		return "active"
	case c.Pending:
		return "pending"
	}
	return "inactive"
}

// CapabilityWire is one capability of the account as the API shows it.
func (a Account) CapabilityWire(c Capability) wire.Capability {
	return a.capabilityWire(c, a.Standing())
}

func (a Account) capabilityWire(c Capability, s Standing) wire.Capability {
	standing, requested := s.Capabilities[c.Name]
	w := wire.Capability{
		ID: c.Name, Object: "capability", Account: wire.To(a.ID), FutureRequirements: requirementsWire(standing.Future),
		Requested: c.Requested, RequestedAt: wire.NullableUnix(c.RequestedAt), Status: "unrequested",
		Requirements: requirementsWire(standing.Dues),
	}
	if requested {
		w.Status = standing.status()
	}
	return w
}

// CapabilitiesWire is every capability the account ever asked for, by name.
func (a Account) CapabilitiesWire() wire.List[wire.Capability] {
	data, standing := make([]wire.Capability, len(a.Capabilities)), a.Standing()
	for i, c := range a.Capabilities {
		data[i] = a.capabilityWire(c, standing)
	}
	return wire.ListOf("/v1/accounts/"+a.ID+"/capabilities", false, data)
}

func requirementsWire(d Dues) wire.Requirements {
	return wire.Requirements{
		Alternatives: alternativesWire(d.Alternatives), CurrentDeadline: wire.NullableUnix(d.Deadline), CurrentlyDue: shown(d.CurrentlyDue),
		DisabledReason: wire.Nullable(d.DisabledReason), Errors: errorsWire(d.Errors), EventuallyDue: shown(d.EventuallyDue),
		PastDue: shown(d.PastDue), PendingVerification: shown(d.PendingVerification),
	}
}

func alternativesWire(alternatives []Alternative) []wire.RequirementAlternative {
	out := make([]wire.RequirementAlternative, len(alternatives))
	for i, a := range alternatives {
		out[i] = wire.RequirementAlternative{OriginalFieldsDue: shown(a.Original), AlternativeFieldsDue: shown(a.Instead)}
	}
	return out
}

func errorsWire(errors []RequirementError) []wire.RequirementError {
	out := make([]wire.RequirementError, len(errors))
	for i, e := range errors {
		out[i] = wire.RequirementError{Code: e.Code, Reason: e.Reason, Requirement: e.Requirement}
	}
	return out
}

// shown is never null.
func shown(names []string) []string { return append([]string{}, names...) }

// Wire is the external account as the API shows it.
func (e ExternalAccount) Wire() wire.BankAccount {
	return wire.BankAccount{
		ID: e.ID, Object: "bank_account", Account: wire.To(e.Account), AccountHolderName: wire.Nullable(e.HolderName),
		AccountHolderType: wire.Nullable(e.HolderType), AccountType: wire.Nullable(e.AccountType),
		AvailablePayoutMethods: []string{"standard"}, BankName: wire.Nullable(e.BankName), Country: e.Country,
		Currency: e.Currency, DefaultForCurrency: &e.Default, Fingerprint: &e.Fingerprint,
		FutureRequirements: externalRequirements(nil), Last4: e.Last4, Metadata: maps.Clone(e.Metadata), Requirements: externalRequirements(e.errors()),
		RoutingNumber: wire.Nullable(e.RoutingNumber), Status: e.Status, Proxy: string(e.Proxy),
	}
}

func externalRequirements(errors []RequirementError) wire.ExternalAccountRequirements {
	return wire.ExternalAccountRequirements{CurrentlyDue: []string{}, Errors: errorsWire(errors), PastDue: []string{}, PendingVerification: []string{}}
}
