package payouts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// What an account owes is recovered from its next sales, which fill its balance.
// Until then the platform's reserve covers it. What neither has settled by the
// next day is taken from the bank account, where the account agreed to that and a
// rail can: by an automatic payout with a negative amount, one a day at most.

// debitPause is how long a bank account without enough money is left alone.
const debitPause = 3 * 24 * time.Hour

// leastDebit is what is worth a debit: one unit of the currency, in minor units.
func leastDebit(c money.Currency) int64 {
	least := int64(1)
	for range c.Exponent() {
		least *= 10
	}
	return least
}

// RunDebits takes what accounts of a mode owe from their bank accounts and returns
// how many debits it made. Any number of processes may do it at once: a purse is
// debited once a UTC day. A debit that the bank refuses leaves the debt; then the
// bank account is not debited again until it changes or, if it only had too
// little money, for three days. Payouts to it go on.
func (s *Service) RunDebits(ctx context.Context, livemode bool, now time.Time) (made int, err error) {
	if s.cfg.PlatformOf == nil || !slices.ContainsFunc(s.cfg.Rails.For(livemode), func(r rail.Rail) bool { return r.Capabilities().Debits }) {
		return 0, nil
	}
	debts, err := balance.Debts(ctx, s.pool, livemode)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, debt := range debts {
		if !dayOf(debt.Since).Before(dayOf(now)) {
			continue // today's sales go first
		}
		ok, err := s.debit(ctx, debt.Purse, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("debit %s of %s: %w", debt.Currency, debt.Account, err))
		}
		if ok {
			made++
		}
		if ctx.Err() != nil {
			break
		}
	}
	return made, errors.Join(errs...)
}

// debit takes what one purse owes, in a transaction of its own; false if it is not to be debited now.
func (s *Service) debit(ctx context.Context, purse balance.Purse, now time.Time) (made bool, err error) {
	platform, err := s.cfg.PlatformOf(ctx, purse.Account, purse.Livemode)
	if err != nil {
		return false, err
	}
	scope := tenant.Scope{Platform: platform, Account: purse.Account, Livemode: purse.Livemode}
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		made = false
		payable, err := s.cfg.Accounts.Payable(ctx, tx, scope)
		if gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		from, ok := payable.standard(purse.Currency)
		if !ok || !payable.DebitNegative {
			return nil
		}
		found, ok := s.cfg.Rails.For(purse.Livemode).Find(rail.Use{Currency: purse.Currency, Country: from.Country, Debit: true})
		if !ok {
			return nil
		}
		if err := balance.Lock(ctx, tx, s.cfg.Book, purse); err != nil {
			return err
		}
		amount, err := s.collectable(ctx, tx, purse, found.Capabilities())
		if err != nil || amount < leastDebit(purse.Currency) {
			return err
		}
		if ok, err := mayDebit(ctx, tx, purse, from, now); err != nil || !ok {
			return err
		}
		p := newPayout(scope, money.New(-amount, purse.Currency), from, found.Capabilities(), payable, now)
		p.Automatic = true
		c, err := s.controlsFor(ctx, tx, p.Livemode, []string{p.Platform}, []string{p.Account})
		if err != nil {
			return err
		}
		verdict := c.judge(p, from, now)
		if verdict.Skip != "" {
			return nil // the account is on hold: nothing moves
		}
		if verdict.Approval {
			p.Approval = ApprovalRequired
		}
		first, err := claimDebit(ctx, tx, p, now)
		if err != nil || !first {
			return err
		}
		made = true
		return s.open(ctx, tx, p)
	})
	return made && err == nil, err
}

// collectable is what a locked purse owes beyond what its pending sales will bring,
// in whole steps of the rail.
func (s *Service) collectable(ctx context.Context, tx bun.Tx, purse balance.Purse, way rail.Capabilities) (int64, error) {
	funds, err := balance.In(ctx, tx, purse)
	if err != nil {
		return 0, err
	}
	owed := min(-funds.Available-max(0, funds.Pending), money.MaxMinor)
	if most := way.Most[purse.Currency]; most > 0 {
		owed = min(owed, most)
	}
	return owed - owed%way.Step(purse.Currency), nil
}

// mayDebit looks at what became of the last debit of a bank account.
func mayDebit(ctx context.Context, tx bun.Tx, purse balance.Purse, from Destination, now time.Time) (bool, error) {
	var last []payoutRow
	err := tx.NewSelect().Model(&last).
		Where("p.account = ? AND p.livemode = ? AND p.currency = ?", purse.Account, purse.Livemode, string(purse.Currency)).
		Where("p.destination = ? AND p.amount < 0 AND p.original_payout = '' AND p.status <> 'canceled'", from.ID).
		OrderExpr("p.id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return false, fmt.Errorf("find the last debit: %w", err)
	}
	if len(last) == 0 {
		return true, nil
	}
	switch p := last[0]; {
	case p.Status == Pending || p.Status == InTransit:
		return false, nil // its money is on the way
	case p.Status != Failed:
		return true, nil
	case blamesDestination(p.FailureCode):
		return from.ChangedAt.After(p.CreatedAt), nil
	default:
		return !now.Before(p.CreatedAt.Add(debitPause)), nil
	}
}

// claimDebit takes the day's one debit of a purse; first is false if it is taken.
func claimDebit(ctx context.Context, tx bun.Tx, p *Payout, now time.Time) (first bool, err error) {
	res, err := tx.NewRaw(`
		INSERT INTO payouts.debits (account, livemode, currency, day, payout)
		VALUES (?, ?, ?, ?::date, ?) ON CONFLICT DO NOTHING`,
		p.Account, p.Livemode, string(p.Currency), dayOf(now).Format(time.DateOnly), p.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim debit: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
