package connect

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// PlatformParams describe a platform account.
type PlatformParams struct {
	Country         string // required
	DefaultCurrency string // default: the country's
	Email           string
	Name            string
}

// CreatePlatform makes the account of whoever runs a marketplace. It exists in
// both modes and is ready to charge; for payouts it needs an external account.
func (s *Accounts) CreatePlatform(ctx context.Context, tx bun.Tx, at time.Time, p PlatformParams) (Account, error) {
	currency, known := currencies[strings.ToUpper(p.Country)]
	if !known {
		return Account{}, unknownCountry(p.Country)
	}
	if p.DefaultCurrency != "" {
		currency = strings.ToLower(p.DefaultCurrency)
	}
	a := Account{
		ID: id.New("acct"), Type: "standard", Controller: controllers["standard"], Country: strings.ToUpper(p.Country),
		DefaultCurrency: currency, Email: p.Email, Metadata: map[string]string{}, CreatedAt: at,
		Access: tenant.ReadWrite,
	}
	a.Platform, a.Settings = a.ID, a.defaultSettings()
	a.BusinessProfile.Name, a.Settings.Dashboard.DisplayName = wire.Nullable(p.Name), wire.Nullable(p.Name)
	for _, name := range []string{CardPaymentsCapability, TransfersCapability} {
		if err := a.request(name, true, at); err != nil {
			return Account{}, err
		}
	}
	return a, s.insert(ctx, tx, at, &a)
}

// Create makes a connected account of scope's platform. A connected account may not create accounts.
func (s *Accounts) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, p CreateParams) (Account, error) {
	if scope.Connected() {
		return Account{}, fault.Invalidf("platform_account_required", "", "Only platform accounts can create connected accounts.")
	}
	platform, err := s.Get(ctx, tx, scope, scope.Platform)
	if err != nil {
		return Account{}, err
	}
	a := Account{
		ID: id.New("acct"), Platform: scope.Platform, Livemode: scope.Livemode, Country: platform.Country,
		Metadata: map[string]string{}, CreatedAt: at, Access: tenant.ReadWrite,
	}
	if p.Country != "" {
		a.Country = strings.ToUpper(p.Country)
	}
	a.DefaultCurrency = currencies[a.Country]
	if a.DefaultCurrency == "" {
		return Account{}, unknownCountry(p.Country)
	}
	if a.Type, a.Controller, err = controllerOf(p); err != nil {
		return Account{}, err
	}
	a.Settings = a.defaultSettings()
	if a.StrictRequirements, err = p.Sluice.strict(); err != nil {
		return Account{}, err
	}
	if err := s.apply(ctx, tx, at, &a, p.UpdateParams); err != nil {
		return Account{}, err
	}
	return a, s.insert(ctx, tx, at, &a)
}

func (p *SluiceParams) strict() (bool, error) {
	if p == nil || p.Requirements == "" {
		return false, nil
	}
	return true, oneOf("sluice[requirements]", p.Requirements, "enforced")
}

func unknownCountry(country string) error {
	return fault.Invalidf("country_unsupported", "country", "Country '%s' is unknown or not supported.", country)
}

// controllers is what the older account types mean.
var controllers = map[string]Controller{
	"standard": {FeesPayer: "account", LossesPayments: "stripe", RequirementCollection: "stripe", Dashboard: "full"},
	"express":  {FeesPayer: "application_express", LossesPayments: "application", RequirementCollection: "stripe", Dashboard: "express"},
	"custom":   {FeesPayer: "application_custom", LossesPayments: "application", RequirementCollection: "application", Dashboard: "none"},
}

func controllerOf(p CreateParams) (string, Controller, error) {
	c, known := controllers[p.Type]
	switch {
	case p.Type != "" && p.Controller != nil:
		return "", c, fault.Invalidf("parameters_exclusive", "controller", "You may only specify one of these parameters: type, controller.")
	case p.Type != "" && !known:
		return "", c, fault.Invalidf("", "type", "Invalid type: must be one of custom, express, or standard")
	case p.Type != "":
		return p.Type, c, nil
	}
	c = controllers["standard"]
	if err := c.apply(p.Controller); err != nil {
		return "", c, err
	}
	if c == controllers["standard"] {
		return "standard", c, nil
	}
	return "none", c, nil
}

func (c *Controller) apply(p *ControllerParams) error {
	if p == nil {
		return nil
	}
	for _, choice := range []struct {
		into    *string
		given   string
		param   string
		allowed string
	}{
		{&c.FeesPayer, p.payer(), "controller[fees][payer]", "account application"},
		{&c.LossesPayments, p.losses(), "controller[losses][payments]", "application stripe"},
		{&c.RequirementCollection, p.RequirementCollection, "controller[requirement_collection]", "application stripe"},
		{&c.Dashboard, p.dashboard(), "controller[stripe_dashboard][type]", "express full none"},
	} {
		if choice.given == "" {
			continue
		}
		if err := oneOf(choice.param, choice.given, choice.allowed); err != nil {
			return err
		}
		*choice.into = choice.given
	}
	return nil
}

func (p *ControllerParams) payer() string {
	if p.Fees == nil {
		return ""
	}
	return p.Fees.Payer
}

func (p *ControllerParams) losses() string {
	if p.Losses == nil {
		return ""
	}
	return p.Losses.Payments
}

func (p *ControllerParams) dashboard() string {
	if p.StripeDashboard == nil {
		return ""
	}
	return p.StripeDashboard.Type
}

// oneOf checks value against a space-separated list.
func oneOf(param, value, allowed string) error {
	words := strings.Fields(allowed)
	for _, word := range words {
		if word == value {
			return nil
		}
	}
	return fault.Invalidf("", param, "Invalid %s: must be one of %s", param, strings.Join(words, ", "))
}

// defaultSettings are those of a new account in its country, under its controller.
// Who collects what the account owes to tell also collects what it owes: where
// that is the platform, its bank account is left alone unless it says otherwise.
func (a *Account) defaultSettings() wire.AccountSettings {
	s := wire.AccountSettings{}
	s.Dashboard.Timezone = wire.Nullable(zoneOf(a.Country))
	s.Payouts.DebitNegativeBalances = a.Controller.RequirementCollection != "application"
	s.Payouts.Schedule = wire.PayoutSchedule{DelayDays: defaultDelayDays, Interval: "daily"}
	return s
}
