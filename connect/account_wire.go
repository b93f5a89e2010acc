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
		FutureRequirements: requirementsWire(Standing{}), Individual: a.Individual, Metadata: a.Metadata, PayoutsEnabled: s.PayoutsEnabled,
		Requirements: requirementsWire(s), Settings: a.Settings, TOSAcceptance: a.TOS, Type: a.Type,
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

func (c CapabilityStanding) status() string {
	if c.Active {
		return "active"
	}
	return "inactive"
}

// CapabilityWire is one capability of the account as the API shows it.
func (a Account) CapabilityWire(c Capability) wire.Capability {
	standing, requested := a.Standing().Capabilities[c.Name]
	w := wire.Capability{
		ID: c.Name, Object: "capability", Account: wire.To(a.ID), FutureRequirements: requirementsWire(Standing{}),
		Requested: c.Requested, RequestedAt: wire.NullableUnix(c.RequestedAt), Status: "unrequested",
		Requirements: requirementsWire(Standing{
			CurrentlyDue: standing.CurrentlyDue, EventuallyDue: standing.EventuallyDue, PastDue: standing.CurrentlyDue,
			DisabledReason: standing.DisabledReason,
		}),
	}
	if requested {
		w.Status = standing.status()
	}
	return w
}

// CapabilitiesWire is every capability the account ever asked for, by name.
func (a Account) CapabilitiesWire() wire.List[wire.Capability] {
	data := make([]wire.Capability, len(a.Capabilities))
	for i, c := range a.Capabilities {
		data[i] = a.CapabilityWire(c)
	}
	return wire.ListOf("/v1/accounts/"+a.ID+"/capabilities", false, data)
}

func requirementsWire(s Standing) wire.Requirements {
	return wire.Requirements{
		Alternatives: []any{}, CurrentlyDue: shown(s.CurrentlyDue), DisabledReason: wire.Nullable(s.DisabledReason), Errors: []any{},
		EventuallyDue: shown(s.EventuallyDue), PastDue: shown(s.PastDue), PendingVerification: []string{},
	}
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
		FutureRequirements: externalRequirements(), Last4: e.Last4, Metadata: maps.Clone(e.Metadata), Requirements: externalRequirements(),
		RoutingNumber: wire.Nullable(e.RoutingNumber), Status: e.Status,
	}
}

func externalRequirements() wire.ExternalAccountRequirements {
	return wire.ExternalAccountRequirements{CurrentlyDue: []string{}, Errors: []any{}, PastDue: []string{}, PendingVerification: []string{}}
}
