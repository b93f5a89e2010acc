package audit

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Row is one line of a trial balance: what stands on each side of the accounts
// of one kind. Totals are text because a sum over many accounts may be larger
// than any of them.
type Row struct {
	Livemode bool
	Currency money.Currency
	Kind     ledger.Kind
	Owner    string // "" in a trial balance over all owners
	Accounts int64
	Debits   string
	Credits  string
	Balance  string // credits − debits
}

// TrialBalance sums all accounts per mode, currency and kind. Per mode and
// currency the balances sum to zero, or the ledger is broken.
func TrialBalance(ctx context.Context, idb bun.IDB) ([]Row, error) {
	return trial(ctx, idb.NewSelect().TableExpr("ledger.accounts"), false)
}

// TrialBalanceOf is the trial balance of some owners in one mode.
func TrialBalanceOf(ctx context.Context, idb bun.IDB, livemode bool, owners []string) ([]Row, error) {
	return trial(ctx, idb.NewSelect().TableExpr("ledger.accounts").
		Where("livemode = ? AND owner = ANY(?)", livemode, pgdialect.Array(owners)), false)
}

// TrialBalanceAt lists every account as it was after the given entry, computed
// from postings. Entries of batches that were open at that time count by their
// number, whenever they were committed.
func TrialBalanceAt(ctx context.Context, idb bun.IDB, entry int64) ([]Row, error) {
	asOf := idb.NewSelect().TableExpr("ledger.postings AS p").
		Join("JOIN ledger.accounts AS a ON a.id = p.account_id").
		ColumnExpr("a.livemode, a.owner, a.kind, a.currency").
		ColumnExpr("coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debits").
		ColumnExpr("coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credits").
		Where("p.entry_id <= ?", entry).Group("a.id")
	return trial(ctx, idb.NewSelect().TableExpr("(?) AS accounts", asOf), true)
}

func trial(ctx context.Context, q *bun.SelectQuery, perOwner bool) ([]Row, error) {
	q = q.ColumnExpr("livemode, currency, kind, count(*) AS accounts").
		ColumnExpr("sum(debits)::text AS debits, sum(credits)::text AS credits, sum(credits - debits)::text AS balance").
		Group("livemode", "currency", "kind").OrderExpr("livemode, currency, kind")
	if perOwner {
		q = q.ColumnExpr("owner").Group("owner").OrderExpr("owner")
	}
	var rows []Row
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read trial balance: %w", err)
	}
	return rows, nil
}
