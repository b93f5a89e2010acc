package connect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// BankCorrection is what a bank says of one of its accounts. What is empty stays.
type BankCorrection struct {
	RoutingNumber string
	AccountNumber secret.Text
	HolderName    string
	AccountType   string
}

// CorrectExternalAccount lays a correction over an external account. Another number
// or bank makes it another external account, in the place of the old one and with
// its share of the payouts: the change is told, mailed and cools off as if somebody
// had made it by hand.
func (s *Accounts) CorrectExternalAccount(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, external string, c BankCorrection) (corrected ExternalAccount, err error) {
	if c.RoutingNumber+c.AccountNumber.Reveal()+c.HolderName+c.AccountType == "" {
		return corrected, fault.Invalidf("bank_change_unusable", "", "The bank says nothing that could be taken over. Change the bank account by hand.")
	}
	_, err = s.change(ctx, tx, at, scope, account, func(a *Account) error {
		i, err := a.external(external)
		if err != nil {
			return err
		}
		e := &a.ExternalAccounts[i]
		e.HolderName, e.AccountType = cmp.Or(c.HolderName, e.HolderName), cmp.Or(c.AccountType, e.AccountType)
		if e.Status == ExternalErrored {
			e.Status = ExternalNew
		}
		if c.RoutingNumber+c.AccountNumber.Reveal() != "" {
			if err := s.replace(a, i, c, at); err != nil {
				return err
			}
		}
		corrected = a.ExternalAccounts[i]
		return nil
	})
	return corrected, err
}

// replace puts another external account in the place of the i-th, in memory.
func (s *Accounts) replace(a *Account, i int, c BankCorrection, at time.Time) error {
	old := a.ExternalAccounts[i]
	bank := BankParams{
		AccountHolderName: old.HolderName, AccountHolderType: old.HolderType, AccountType: old.AccountType, Country: old.Country,
		Currency: old.Currency, RoutingNumber: cmp.Or(c.RoutingNumber, old.RoutingNumber), AccountNumber: c.AccountNumber,
	}
	if c.AccountNumber.Reveal() == "" {
		number, err := s.Number(old)
		if err != nil {
			return err
		}
		bank.AccountNumber, bank.Proxy = number, old.Proxy
	}
	bank, err := bank.Check("corrected")
	if err != nil {
		return err
	}
	e := old
	e.ID, e.RoutingNumber, e.Last4, e.Proxy = id.New("ba"), bank.RoutingNumber, bank.Last4(), bank.Proxy
	e.Fingerprint, e.Status, e.CreatedAt, e.Version = BankFingerprint(s.cfg.Pepper, bank), ExternalNew, at, 1
	if e.Default {
		e.defaultSince = at
	}
	if e.BankName, err = bankName(bank, a.Livemode); err != nil {
		return err
	}
	a.ExternalAccounts = slices.Delete(a.ExternalAccounts, i, i+1)
	if err := a.mustBeNew(e); err != nil {
		return err
	}
	if e.sealed, err = s.cfg.Keyring.Seal(bank.AccountNumber, sealedTable, e.ID); err != nil {
		return fmt.Errorf("seal account number: %w", err)
	}
	if share := a.shareOf(old.ID); share != nil {
		share.ID, share.Since = e.ID, at.Unix()
	}
	a.ExternalAccounts = slices.Insert(a.ExternalAccounts, i, e)
	return nil
}
