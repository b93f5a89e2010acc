package connect

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// The states of an external account. Errored means that a payout came back;
// automatic payouts stop until the account is changed.
const (
	ExternalNew     = "new"
	ExternalErrored = "errored"
	ExternalRefused = "verification_failed" // a review refused it; another one has to be given
)

// maxExternalAccounts bounds how many an account may have.
const maxExternalAccounts = 50

// ExternalAccount is a bank account that payouts go to.
type ExternalAccount struct {
	ID            string // ba_…
	Account       string
	Livemode      bool
	Country       string
	Currency      string
	HolderName    string
	HolderType    string
	AccountType   string
	BankName      string
	RoutingNumber string
	Last4         string
	Fingerprint   string // keyed hash: equal for the same bank account
	Status        string
	Default       bool // where payouts in its currency go unless told otherwise
	Metadata      map[string]string
	CreatedAt     time.Time
	Version       int64
	Proxy         Proxy // what is sealed instead of an account number, or NoProxy

	sealed       string    // the number, for the keyring
	defaultSince time.Time // zero unless Default
}

// ChangedAt is when it was last decided that payouts go to this account: when its
// number was given (a number is never edited), or when it became the default.
func (e ExternalAccount) ChangedAt() time.Time { return later(e.CreatedAt, e.defaultSince) }

func (e ExternalAccount) usable() bool {
	return e.Status != ExternalErrored && e.Status != ExternalRefused
}

// errors says why another external account has to be given.
func (e ExternalAccount) errors() []RequirementError {
	if e.Status != ExternalRefused {
		return nil
	}
	return []RequirementError{{Code: "verification_failed_other", Requirement: ExternalAccountDue,
		Reason: "This bank account could not be accepted. Provide another one."}}
}

// ExternalAccountParam is a token (btok_…) or the details themselves.
type ExternalAccountParam struct {
	Token string
	Bank  *BankParams
}

// Given reports whether the request has the parameter.
func (p ExternalAccountParam) Given() bool { return p.Token != "" || p.Bank != nil }

// DecodeParam reads a token or a hash.
func (p *ExternalAccountParam) DecodeParam(name string, v any) error {
	if text, ok := v.(string); ok {
		p.Token = text
		return cardnumber.Refuse(name, text)
	}
	p.Bank = &BankParams{}
	return p.Bank.DecodeParam(name, v)
}

// ExternalAccountParams are the parameters of a new external account.
type ExternalAccountParams struct {
	ExternalAccount    ExternalAccountParam `form:"external_account"`
	DefaultForCurrency *bool                `form:"default_for_currency"`
	Metadata           metadata.Patch       `form:"metadata"`
}

// ExternalAccountUpdate are the parameters an external account can be changed by.
type ExternalAccountUpdate struct {
	AccountHolderName  *string        `form:"account_holder_name"`
	AccountHolderType  *string        `form:"account_holder_type"`
	AccountType        *string        `form:"account_type"`
	DefaultForCurrency *bool          `form:"default_for_currency"`
	Metadata           metadata.Patch `form:"metadata"`
	Documents          ignored        `form:"documents"`
}

// AddExternalAccount gives an account somewhere to be paid. The first of a
// currency becomes that currency's default.
func (s *Accounts) AddExternalAccount(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, p ExternalAccountParams) (added ExternalAccount, err error) {
	if !p.ExternalAccount.Given() {
		return added, fault.Missing("external_account")
	}
	_, err = s.change(ctx, tx, at, scope, account, func(a *Account) error {
		added, err = s.attach(ctx, tx, at, a, p)
		return err
	})
	return added, err
}

// UpdateExternalAccount changes an external account; one that had errored is tried again.
func (s *Accounts) UpdateExternalAccount(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, external string, p ExternalAccountUpdate) (ExternalAccount, error) {
	a, err := s.change(ctx, tx, at, scope, account, func(a *Account) error {
		i, err := a.external(external)
		if err != nil {
			return err
		}
		return a.updateExternal(i, p, at)
	})
	if err != nil {
		return ExternalAccount{}, err
	}
	return a.ExternalAccount(external)
}

// DeleteExternalAccount forgets an external account. A default can go only when
// it is the last of its currency.
func (s *Accounts) DeleteExternalAccount(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, external string) (removed ExternalAccount, err error) {
	_, err = s.change(ctx, tx, at, scope, account, func(a *Account) error {
		i, err := a.external(external)
		if err != nil {
			return err
		}
		removed = a.ExternalAccounts[i]
		if removed.Default && a.count(removed.Currency) > 1 {
			return fault.Invalidf("", "id", "You cannot delete the default external account for %s. "+
				"Make another external account the default for the currency first.", removed.Currency)
		}
		if a.shareOf(removed.ID) != nil {
			return fault.Invalidf("", "id", "You cannot delete an external account that has a share of the payouts. "+
				"Change payouts[destinations] first.")
		}
		a.ExternalAccounts = slices.Delete(a.ExternalAccounts, i, i+1)
		return nil
	})
	return removed, err
}

// MarkErrored stops automatic payouts to an external account after a payout to it failed.
func (s *Accounts) MarkErrored(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, external string) error {
	_, err := s.amend(ctx, tx, at, scope, scope.Account, func(a *Account) error {
		i, err := a.external(external)
		if err == nil {
			a.ExternalAccounts[i].Status = ExternalErrored
		}
		return err
	})
	return err
}

// Number opens the account number of an external account, for the payout rail alone.
func (s *Accounts) Number(e ExternalAccount) (secret.Text, error) {
	return s.cfg.Keyring.Open(e.sealed, sealedTable, e.ID)
}

// sealedTable names the place of sealed numbers; a number sealed for one row opens only there.
const sealedTable = "connect.external_accounts"

// ExternalAccount is one of the account's external accounts. Fails with NotFound.
func (a Account) ExternalAccount(external string) (ExternalAccount, error) {
	i, err := a.external(external)
	if err != nil {
		return ExternalAccount{}, err
	}
	return a.ExternalAccounts[i], nil
}

// PayoutAccount is the default external account of a currency that works, if there is one.
func (a Account) PayoutAccount(currency money.Currency) (ExternalAccount, bool) {
	for _, e := range a.ExternalAccounts {
		if e.Default && e.usable() && e.Currency == string(currency) {
			return e, true
		}
	}
	return ExternalAccount{}, false
}

func (a Account) external(external string) (int, error) {
	i := slices.IndexFunc(a.ExternalAccounts, func(e ExternalAccount) bool { return e.ID == external })
	if i < 0 {
		return 0, fault.NoSuch("external account", external)
	}
	return i, nil
}

func (a Account) count(currency string) (n int) {
	for _, e := range a.ExternalAccounts {
		if e.Currency == currency {
			n++
		}
	}
	return n
}

// attach adds an external account to a, in memory; change writes it.
func (s *Accounts) attach(ctx context.Context, tx bun.Tx, at time.Time, a *Account, p ExternalAccountParams) (ExternalAccount, error) {
	bank, err := s.bank(ctx, tx, at, a, p.ExternalAccount)
	if err != nil {
		return ExternalAccount{}, err
	}
	e := ExternalAccount{
		ID: id.New("ba"), Account: a.ID, Livemode: a.Livemode, Country: bank.Country, Currency: bank.Currency,
		HolderName: bank.AccountHolderName, HolderType: bank.AccountHolderType, AccountType: bank.AccountType,
		RoutingNumber: bank.RoutingNumber, Last4: bank.Last4(), Fingerprint: BankFingerprint(s.cfg.Pepper, bank), Status: ExternalNew,
		CreatedAt: at, Version: 1, Proxy: bank.Proxy,
	}
	if e.BankName, err = bankName(bank, a.Livemode); err != nil {
		return ExternalAccount{}, err
	}
	if err := a.mustBeNew(e); err != nil {
		return ExternalAccount{}, err
	}
	if e.sealed, err = s.cfg.Keyring.Seal(bank.AccountNumber, sealedTable, e.ID); err != nil {
		return ExternalAccount{}, fmt.Errorf("seal account number: %w", err)
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return ExternalAccount{}, err
	}
	if e.Metadata, err = p.Metadata.Apply(nil); err != nil {
		return ExternalAccount{}, err
	}
	_, paid := a.PayoutAccount(money.Currency(e.Currency))
	a.ExternalAccounts = slices.Insert(a.ExternalAccounts, 0, e)
	// It replaces a default that no longer works, or that there was not yet.
	if !paid || p.DefaultForCurrency != nil && *p.DefaultForCurrency {
		a.makeDefault(0, at)
	}
	return a.ExternalAccounts[0], nil
}

func (s *Accounts) bank(ctx context.Context, tx bun.Tx, at time.Time, a *Account, p ExternalAccountParam) (BankParams, error) {
	if p.Bank != nil {
		return p.Bank.Check("external_account")
	}
	if sample, ok := sandboxBank(p.Token); ok && !a.Livemode {
		return sample.Check("external_account")
	}
	if s.cfg.Tokens == nil {
		return BankParams{}, fault.Invalidf("resource_missing", "external_account", "No such token: '%s'", p.Token)
	}
	bank, err := s.cfg.Tokens.RedeemBank(ctx, tx, at, a.Scope(), p.Token)
	if err != nil {
		return BankParams{}, err
	}
	return bank.Check("external_account")
}

func (a Account) mustBeNew(e ExternalAccount) error {
	if len(a.ExternalAccounts) >= maxExternalAccounts {
		return fault.Invalidf("", "external_account", "An account can have at most %d external accounts.", maxExternalAccounts)
	}
	for _, other := range a.ExternalAccounts {
		if other.Fingerprint == e.Fingerprint && other.Currency == e.Currency {
			return fault.Invalidf("bank_account_exists", "external_account", "A bank account with that routing number and account number already exists for this account.")
		}
	}
	return nil
}

// makeDefault makes one external account the only default of its currency.
func (a *Account) makeDefault(i int, at time.Time) {
	if a.ExternalAccounts[i].Default {
		return
	}
	for j := range a.ExternalAccounts {
		if e := &a.ExternalAccounts[j]; e.Currency == a.ExternalAccounts[i].Currency {
			e.Default, e.defaultSince = false, time.Time{}
		}
	}
	a.ExternalAccounts[i].Default, a.ExternalAccounts[i].defaultSince = true, at
}

func (a *Account) updateExternal(i int, p ExternalAccountUpdate, at time.Time) (err error) {
	e := &a.ExternalAccounts[i]
	if p.AccountHolderType != nil && *p.AccountHolderType != "" {
		if err := oneOf("account_holder_type", *p.AccountHolderType, "individual company"); err != nil {
			return err
		}
	}
	for into, given := range map[*string]*string{&e.HolderName: p.AccountHolderName, &e.HolderType: p.AccountHolderType, &e.AccountType: p.AccountType} {
		if given != nil {
			*into = *given
		}
	}
	if p.DefaultForCurrency != nil {
		if !*p.DefaultForCurrency && e.Default {
			return fault.Invalidf("", "default_for_currency", "Make another external account the default for %s instead.", e.Currency)
		}
		if *p.DefaultForCurrency {
			a.makeDefault(i, at)
		}
	}
	if e.Status == ExternalErrored { // a change is another try; what a review refused stays refused
		e.Status = ExternalNew
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return err
	}
	e.Metadata, err = p.Metadata.Apply(e.Metadata)
	return err
}

// BankFingerprint is a keyed hash that is equal for the same bank account.
func BankFingerprint(pepper secret.Pepper, b BankParams) string {
	sum := pepper.Sum(secret.New(b.Country + "|" + compact(b.RoutingNumber) + "|" + b.AccountNumber.Reveal()))
	return hex.EncodeToString(sum[:8])
}
