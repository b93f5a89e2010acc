package page

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/wire"
)

// Bounds of counting. What is longer says so, and costs no more than this.
const (
	totalReach  = 10_000 // rows that are added up
	statusReach = 1_000  // rows that are counted for each status
)

// Totals adds up the newest rows of a query whose table has id, amount and currency.
func Totals(ctx context.Context, idb bun.IDB, rows *bun.SelectQuery, livemode bool) (wire.ListTotals, error) {
	w := wire.ListTotals{Object: "list_totals", Amounts: []wire.ListTotal{}, CountedTo: totalReach, Livemode: livemode}
	newest := rows.ColumnExpr("?TableAlias.amount, ?TableAlias.currency").OrderExpr("?TableAlias.id DESC").Limit(totalReach)
	err := idb.NewSelect().TableExpr("(?) AS newest", newest).ColumnExpr("currency, count(*) AS count, sum(amount)::bigint AS amount").
		GroupExpr("currency").OrderExpr("currency").Scan(ctx, &w.Amounts)
	for _, a := range w.Amounts {
		w.Count += a.Count
	}
	return w, err
}

// CountStatuses counts, for each status, the rows that query makes of it.
func CountStatuses(ctx context.Context, idb bun.IDB, statuses []string, query func(status string) *bun.SelectQuery) ([]wire.StatusCount, error) {
	counts := make([]wire.StatusCount, len(statuses))
	for i, status := range statuses {
		some := query(status).ColumnExpr("1").Limit(statusReach + 1)
		n, err := idb.NewSelect().TableExpr("(?) AS counted", some).Count(ctx)
		if err != nil {
			return nil, err
		}
		counts[i] = wire.StatusCount{Status: status, Count: int64(min(n, statusReach)), HasMore: n > statusReach}
	}
	return counts, nil
}
