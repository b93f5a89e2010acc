// Package balance is what an account may know about its money: totals, the
// lines of its statement, what matures when, and which lines a payout took.
package balance

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Purse names the money of one account in one currency.
type Purse struct {
	Livemode bool
	Account  string
	Currency money.Currency
}

// Funds is how much a purse holds, in minor units; any of them may be negative.
type Funds struct {
	Currency  money.Currency
	Available int64
	Pending   int64
	Reserved  int64 // connect_reserved, platform accounts only
}

// Of lists the funds of scope.Account per currency, in order of currency. An
// account that never had any money has an empty list.
func Of(ctx context.Context, idb bun.IDB, scope tenant.Scope) ([]Funds, error) {
	return funds(ctx, idb, scope.Account, scope.Livemode, "")
}

// In is the funds of one purse.
func In(ctx context.Context, idb bun.IDB, p Purse) (Funds, error) {
	all, err := funds(ctx, idb, p.Account, p.Livemode, p.Currency)
	if err != nil || len(all) == 0 {
		return Funds{Currency: p.Currency}, err
	}
	return all[0], nil
}

// Holding lists purses of a mode with money available, in order of account and
// currency, those behind the given one, at most limit.
func Holding(ctx context.Context, idb bun.IDB, livemode bool, behind Purse, limit int) ([]Purse, error) {
	var rows []struct {
		Owner    string
		Currency money.Currency
	}
	err := idb.NewSelect().TableExpr("ledger.accounts").Column("owner", "currency").
		Where("livemode = ? AND kind = 'available' AND credits > debits", livemode).
		Where("(owner, currency) > (?, ?)", behind.Account, string(behind.Currency)).
		OrderExpr("owner, currency").Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list available money: %w", err)
	}
	purses := make([]Purse, len(rows))
	for i, row := range rows {
		purses[i] = Purse{Livemode: livemode, Account: row.Owner, Currency: row.Currency}
	}
	return purses, nil
}

// Settled reports whether an account has nothing left in any currency: neither
// pending, available or reserved, nor on its way to a bank, from where it may come back.
func Settled(ctx context.Context, idb bun.IDB, livemode bool, account string) (bool, error) {
	left, err := idb.NewSelect().TableExpr("ledger.accounts").
		Where("owner = ? AND livemode = ? AND credits <> debits", account, livemode).
		Where("kind IN ('pending', 'available', 'reserved', 'in_transit')").Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for money left: %w", err)
	}
	return !left, nil
}

// Lock holds the purses until the end of the transaction: what In says after it
// stays true, for somebody who pays out all that is there.
func Lock(ctx context.Context, tx bun.Tx, book *ledger.Book, purses ...Purse) error {
	places := make([]ledger.Place, 0, 2*len(purses))
	for _, p := range purses {
		places = append(places, p.place(ledger.Pending), p.place(ledger.Available))
	}
	return book.Lock(ctx, tx, places...)
}

func (p Purse) place(kind ledger.Kind) ledger.Place {
	return ledger.Place{
		Account:  ledger.Account{Livemode: p.Livemode, Owner: p.Account, Kind: kind},
		Currency: p.Currency,
	}
}

func funds(ctx context.Context, idb bun.IDB, owner string, livemode bool, only money.Currency) ([]Funds, error) {
	var rows []struct {
		Currency money.Currency
		Kind     ledger.Kind
		Balance  int64
	}
	q := idb.NewSelect().TableExpr("ledger.accounts").
		ColumnExpr("currency, kind, credits - debits AS balance").
		Where("owner = ? AND livemode = ?", owner, livemode).
		Where("kind IN ('pending', 'available', 'reserved')").
		OrderExpr("currency")
	if only != "" {
		q = q.Where("currency = ?", string(only))
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read funds: %w", err)
	}
	var all []Funds
	for _, r := range rows {
		if len(all) == 0 || all[len(all)-1].Currency != r.Currency {
			all = append(all, Funds{Currency: r.Currency})
		}
		f := &all[len(all)-1]
		switch r.Kind {
		case ledger.Pending:
			f.Pending = r.Balance
		case ledger.Available:
			f.Available = r.Balance
		case ledger.Reserved:
			f.Reserved = r.Balance
		}
	}
	return all, nil
}
