package balance

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/tenant"
)

// PayoutSum adds up the lines of one type in a payout, in minor units.
type PayoutSum struct {
	Type    string
	Carried bool // they were there when the payout before was made, and left
	Count   int64
	Amount  int64
	Fee     int64
	Net     int64
}

// PayoutSums adds up what a payout of the scope's account consists of, by type. before
// is when the payout before it was made: what was available then was left over
// for this one. Zero if there was none.
func PayoutSums(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string, before time.Time) ([]PayoutSum, error) {
	var sums []PayoutSum
	err := idb.NewRaw(`
		SELECT type, carried, count(*) AS count, sum(amount)::bigint AS amount, sum(fee)::bigint AS fee, sum(net)::bigint AS net
		FROM (
			SELECT type, amount, fee, net, created_at <= ?0 AND (NOT pending OR available_on <= ?0) AS carried
			FROM ledger.payout_lines WHERE payout = ?1 AND account = ?2 AND livemode = ?3
		) AS lines GROUP BY type, carried ORDER BY carried, type`,
		before, payout, scope.Account, scope.Livemode).Scan(ctx, &sums)
	if err != nil {
		return nil, fmt.Errorf("sum up the lines of payout %s: %w", payout, err)
	}
	return sums, nil
}

// InPayouts lists the lines of some payouts, in order of payout and line. Their
// availability is not looked up: what is in a payout was available.
func InPayouts(ctx context.Context, idb bun.IDB, payouts []string) ([]Transaction, error) {
	var rows []row
	err := idb.NewSelect().Model(&rows).ModelTableExpr("ledger.payout_lines AS t").
		ColumnExpr("t.id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details, t.source").
		ColumnExpr("t.description, t.payout, t.entry_id, t.available_on, t.created_at, true AS available").
		Where("t.payout = ANY(?)", pgdialect.Array(payouts)).OrderExpr("t.payout, t.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the lines of payouts: %w", err)
	}
	lines := make([]Transaction, len(rows))
	for i, r := range rows {
		lines[i] = r.Transaction
	}
	return lines, nil
}

// CountItems is how many lines payouts consist of, their own not counted.
func CountItems(ctx context.Context, idb bun.IDB, livemode bool, payouts []string) (map[string]int64, error) {
	var rows []struct {
		Payout string
		Count  int64
	}
	q := idb.NewSelect().TableExpr("ledger.payout_lines AS t").ColumnExpr("t.payout, count(*) AS count").
		Where("t.livemode = ? AND t.payout = ANY(?)", livemode, pgdialect.Array(payouts)).GroupExpr("t.payout")
	if err := (Filter{Items: true}).narrow(q).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("count the lines of payouts: %w", err)
	}
	found := make(map[string]int64, len(rows))
	for _, row := range rows {
		found[row.Payout] = row.Count
	}
	return found, nil
}
