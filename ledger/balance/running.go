package balance

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// RunningLine is a line of a statement and what the account had after it.
type RunningLine struct {
	Transaction
	Balance int64 // pending and available together, in minor units
}

// Running is one page of the account's lines in one currency, newest first, each with
// the balance after it. Lines and balances are of one snapshot: the newest line's
// balance is what the account has, and each balance is the one below it plus its line.
//
// The balance at the top of a page is what the account has now less all lines above
// the page: nothing for the first page, and for a later one a sum over an index range
// of this account alone, whatever others have.
func Running(ctx context.Context, pool *bun.DB, purse Purse, created page.Range, p page.Params) (page.Of[RunningLine], error) {
	found := page.Of[RunningLine]{}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return found, fmt.Errorf("list running balances: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // read only: nothing to lose
	scope := tenant.Scope{Account: purse.Account, Livemode: purse.Livemode}
	lines, err := List(ctx, tx, scope, Filter{Currency: purse.Currency, Created: created}, p)
	if err != nil || len(lines.Items) == 0 {
		return found, err
	}
	running, err := after(ctx, tx, purse, lines.Items[0].ID)
	if err != nil {
		return found, err
	}
	found.HasMore = lines.HasMore
	for _, line := range lines.Items {
		found.Items = append(found.Items, RunningLine{Transaction: line, Balance: running})
		running -= line.Net
	}
	return found, nil
}

// after is what a purse had after one of its lines.
func after(ctx context.Context, tx bun.Tx, purse Purse, line string) (int64, error) {
	funds, err := In(ctx, tx, purse)
	if err != nil {
		return 0, err
	}
	var since int64
	err = tx.NewRaw(`
		SELECT coalesce(sum(net), 0)::bigint FROM ledger.balance_transactions
		WHERE account = ? AND livemode = ? AND id > ? AND currency = ?`,
		purse.Account, purse.Livemode, line, string(purse.Currency)).Scan(ctx, &since)
	if err != nil {
		return 0, fmt.Errorf("sum up what came after %s: %w", line, err)
	}
	return funds.Available + funds.Pending - since, nil
}

// RunningCurrency is the currency of a statement that names none: the account's only
// one, or its default.
func RunningCurrency(funds []Funds, standard money.Currency) money.Currency {
	for _, f := range funds {
		if f.Currency == standard {
			return standard
		}
	}
	if len(funds) > 0 {
		return funds[0].Currency
	}
	return standard
}
