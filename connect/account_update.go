package connect

import (
	"context"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Update changes an account that scope reaches.
func (s *Accounts) Update(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, p UpdateParams) (Account, error) {
	change := s.change
	if reflect.DeepEqual(p, UpdateParams{Metadata: p.Metadata}) {
		change = s.annotate
	}
	return change(ctx, tx, at, scope, account, func(a *Account) error { return s.apply(ctx, tx, at, a, p) })
}

// annotate is change for the platform's own notes about an account, which it may
// keep about self-controlled accounts too.
func (s *Accounts) annotate(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, edit func(*Account) error) (Account, error) {
	return s.amend(ctx, tx, at, scope, account, func(a *Account) error {
		if err := s.mayChange(a); err != nil && !(a.SelfControlled && a.Access.Writes()) {
			return err
		}
		return edit(a)
	})
}

// RequestCapability sets whether an account asks for a capability.
func (s *Accounts) RequestCapability(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, name string, requested bool) (Account, error) {
	return s.change(ctx, tx, at, scope, account, func(a *Account) error { return a.request(name, requested, at) })
}

// Reject ends what a connected account may do, for reason fraud,
// terms_of_service or other. Payouts stop too unless payoutsAction is "none".
func (s *Accounts) Reject(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, reason, payoutsAction string) (Account, error) {
	if reason == "" {
		return Account{}, fault.Missing("reason")
	}
	if err := oneOf("reason", reason, "fraud terms_of_service other"); err != nil {
		return Account{}, err
	}
	return s.change(ctx, tx, at, scope, account, func(a *Account) error {
		if a.IsPlatform() || scope.Connected() {
			return fault.Invalidf("account_invalid", "account", "A platform can reject its connected accounts, and nobody else's.")
		}
		a.Rejected, a.PayoutsPaused = reason, payoutsAction != "none"
		return nil
	})
}

// Unreject takes a rejection back. Payouts that the rejection stopped go on.
func (s *Accounts) Unreject(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string) (Account, error) {
	return s.change(ctx, tx, at, scope, account, func(a *Account) error {
		if a.Rejected == "" || scope.Connected() {
			return fault.Invalidf("account_invalid", "account", "Only accounts that the platform has rejected can be unrejected.")
		}
		a.Rejected, a.PayoutsPaused = "", false
		return nil
	})
}

// Close deletes a connected account. In live mode its balances must be zero.
func (s *Accounts) Close(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string) error {
	_, err := s.change(ctx, tx, at, scope, account, func(a *Account) error {
		if a.IsPlatform() || scope.Connected() {
			return fault.Invalidf("account_invalid", "account", "Only a platform can delete its connected accounts.")
		}
		if a.Livemode {
			if err := s.mustBeSettled(ctx, tx, a); err != nil {
				return err
			}
		}
		a.ClosedAt = at
		a.forget()
		return nil
	})
	return err
}

func (s *Accounts) mustBeSettled(ctx context.Context, tx bun.Tx, a *Account) error {
	settled, err := false, error(nil)
	if s.cfg.Balances != nil {
		settled, err = s.cfg.Balances.Settled(ctx, tx, a.Livemode, a.ID)
	}
	if err != nil {
		return err
	}
	if !settled {
		return fault.Invalidf("account_invalid", "account", "This account still has a balance; only accounts with zero balances can be deleted.")
	}
	return nil
}

// apply lays params over a, in memory.
func (s *Accounts) apply(ctx context.Context, tx bun.Tx, at time.Time, a *Account, p UpdateParams) error {
	if err := a.applyBasics(p); err != nil {
		return err
	}
	if err := s.applyCompany(ctx, tx, a, p.Company); err != nil {
		return err
	}
	if err := s.applyIndividual(ctx, tx, at, a, p.Individual); err != nil {
		return err
	}
	if err := s.checkBranding(ctx, tx, a, p.Settings); err != nil {
		return err
	}
	if err := a.applySettings(p.Settings); err != nil {
		return err
	}
	s.applyTerms(a, at, p.TOSAcceptance)
	for _, name := range p.Capabilities.sorted() {
		if err := a.request(name, p.Capabilities[name], at); err != nil {
			return err
		}
	}
	if !p.ExternalAccount.Given() {
		return nil
	}
	asDefault := true
	_, err := s.attach(ctx, tx, at, a, ExternalAccountParams{ExternalAccount: p.ExternalAccount, DefaultForCurrency: &asDefault})
	return err
}

func (a *Account) applyBasics(p UpdateParams) (err error) {
	if p.BusinessType != nil {
		if err := oneOf("business_type", *p.BusinessType, "company government_entity individual non_profit"); err != nil {
			return err
		}
		a.BusinessType = *p.BusinessType
		a.recast()
	}
	if p.DefaultCurrency != nil {
		currency := money.Currency(strings.ToLower(*p.DefaultCurrency))
		if !currency.Known() {
			return fault.Invalidf("currency_not_supported", "default_currency", "Invalid currency: %s", *p.DefaultCurrency)
		}
		a.DefaultCurrency = string(currency)
	}
	if p.Email != nil {
		if *p.Email != "" && !strings.Contains(*p.Email, "@") {
			return fault.Invalidf("email_invalid", "email", "Invalid email address: %s", *p.Email)
		}
		a.Email = *p.Email
	}
	if p.BusinessProfile != nil {
		patch.Apply(&a.BusinessProfile, p.BusinessProfile)
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return err
	}
	a.Metadata, err = p.Metadata.Apply(a.Metadata)
	return err
}

func (s *Accounts) applyCompany(ctx context.Context, tx bun.Tx, a *Account, p *CompanyParams) error {
	if p == nil {
		return nil
	}
	if a.Company == nil {
		a.Company = &wire.Company{}
	}
	if p.Verification != nil {
		side := func(side string) string { return paramName("company", "verification", "document", side) }
		if err := s.mustBeDocument(ctx, tx, a, p.Verification.Document, documentPurposes, side); err != nil {
			return err
		}
	}
	patch.Apply(a.Company, p)
	for _, number := range []struct {
		kind  string
		given *string
		flag  *bool
	}{
		{"tax_id", p.TaxID, &a.Company.TaxIDProvided}, {"vat_id", p.VATID, &a.Company.VATIDProvided},
		{"registration_number", p.RegistrationNumber, &a.Company.RegistrationNumberProvided},
	} {
		if number.given == nil {
			continue
		}
		*number.flag = *number.given != ""
		if err := s.keepNumber(a, CompanySubject, number.kind, *number.given); err != nil {
			return err
		}
	}
	a.touch(CompanySubject, p)
	return nil
}

func (s *Accounts) applyIndividual(ctx context.Context, tx bun.Tx, at time.Time, a *Account, p *IndividualParams) error {
	if p == nil {
		return nil
	}
	person := a.individual()
	if person == nil {
		person = newPerson(a.ID, at)
		person.Individual = true
		a.Persons = append([]*Person{person}, a.Persons...)
	}
	return s.applyPerson(ctx, tx, at, a, person, *p, "individual")
}

// applyTerms notes who accepted the terms, and which version that was: the one in
// force at the date given, or now if the date lies ahead.
func (s *Accounts) applyTerms(a *Account, at time.Time, p *TOSParams) {
	if p == nil {
		return
	}
	patch.Apply(&a.TOS, p)
	if p.Date == nil {
		return
	}
	accepted := time.Unix(*p.Date, 0)
	if accepted.After(at) {
		accepted = at
	}
	a.TOS.Version = wire.Nullable(s.rules().TermsAt(accepted).Version)
}

func (a *Account) applySettings(p *SettingsParams) error {
	if p == nil {
		return nil
	}
	if p.Payouts != nil {
		if err := a.applyPayouts(*p.Payouts, "settings[payouts]"); err != nil {
			return err
		}
	}
	if p.Dashboard != nil && p.Dashboard.Timezone != nil {
		if err := a.applyZone(*p.Dashboard.Timezone); err != nil {
			return err
		}
	}
	rest := *p
	rest.Payouts = nil
	zone := a.Settings.Dashboard.Timezone
	patch.Apply(&a.Settings, rest)
	a.Settings.Dashboard.Timezone = zone
	return nil
}

// applyPayouts sets when and how the account is paid out; faults name parameters below param.
func (a *Account) applyPayouts(p PayoutSettingsParams, param string) error {
	now := &a.Settings.Payouts
	schedule, err := applySchedule(now.Schedule, p.Schedule, param+"[schedule]")
	if err != nil {
		return err
	}
	if p.StatementDescriptor != nil && utf8.RuneCountInString(*p.StatementDescriptor) > maxPayoutDescriptor {
		return fault.Invalidf("", param+"[statement_descriptor]", "The statement descriptor must be at most %d characters.", maxPayoutDescriptor)
	}
	for currency, amount := range p.TriggerBalance.Set {
		if amount != nil && *amount == 0 {
			return fault.Invalidf("parameter_invalid_integer", param+"[trigger_balance_by_currency]["+currency+"]", "This value must be greater than or equal to 1.")
		}
	}
	shares, err := a.payoutShares(p.Destinations, param+"[destinations]")
	if err != nil {
		return err
	}
	now.Schedule, now.Destinations = schedule, shares
	now.MinimumBalance, now.TriggerBalance = p.MinimumBalance.apply(now.MinimumBalance), p.TriggerBalance.apply(now.TriggerBalance)
	if p.DebitNegativeBalances != nil {
		now.DebitNegativeBalances = *p.DebitNegativeBalances
	}
	if p.StatementDescriptor != nil {
		now.StatementDescriptor = wire.Nullable(*p.StatementDescriptor)
	}
	return nil
}

// maxPayoutDescriptor is what bank statements have room for, in characters.
const maxPayoutDescriptor = 22

// applyZone says where the account's days begin; "" is the default of its country.
func (a *Account) applyZone(name string) error {
	if name == "" {
		name = zoneOf(a.Country)
	}
	if err := mustBeZone(name, "settings[dashboard][timezone]"); err != nil {
		return err
	}
	a.Settings.Dashboard.Timezone = &name
	return nil
}
