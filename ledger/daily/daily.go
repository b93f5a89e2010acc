// Package daily is what accounts earned and paid by UTC day: sums of statement
// lines, kept apart from them so that reading a quarter does not read its payments.
//
// The sums are made in the background, from the chain of sealed batches: a batch
// that commits late is sealed late, so none is passed over, and how far the chain
// is added up commits with the sums, so none is counted twice. The path of a
// payment knows nothing of it.
package daily

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// What a platform's processor took and gave back for it, whichever account the
// payment lives on. All other types are those of statement lines.
const (
	Processed       = "processed"
	ProcessedRefund = "processed_refund"
)

// Total is what one type of lines came to on one day, in minor units.
type Total struct {
	Day      time.Time // midnight UTC
	Currency money.Currency
	Type     string
	Count    int64
	Amount   int64
	Fee      int64
	Cost     int64 // the part of Fee that the processor keeps
	Net      int64
}

// Totals lists an account's sums from one day to another (both inclusive), in
// order of day, currency and type; of all currencies if only is "".
func Totals(ctx context.Context, idb bun.IDB, scope tenant.Scope, only money.Currency, from, to time.Time) ([]Total, error) {
	q := idb.NewSelect().TableExpr("ledger.daily_totals").Column("day", "currency", "type", "count", "amount", "fee", "cost", "net").
		Where("account = ? AND livemode = ?", scope.Account, scope.Livemode).
		Where("day BETWEEN ?::date AND ?::date", from.Format(time.DateOnly), to.Format(time.DateOnly)).
		OrderExpr("day, currency, type")
	if only != "" {
		q = q.Where("currency = ?", string(only))
	}
	var totals []Total
	if err := q.Scan(ctx, &totals); err != nil {
		return nil, fmt.Errorf("read daily totals: %w", err)
	}
	return totals, nil
}

// Volume is what came in for an account in one currency.
type Volume struct {
	Account  string
	Currency money.Currency
	Count    int64
	Amount   int64 // gross
}

// Volumes are what came in for accounts from a day on, in order of account and of the
// largest amount. They are read through the key of the sums: an account costs its days.
func Volumes(ctx context.Context, idb bun.IDB, livemode bool, accounts []string, from time.Time) ([]Volume, error) {
	var volumes []Volume
	err := idb.NewSelect().TableExpr("ledger.daily_totals").ColumnExpr("account, currency, sum(count)::bigint AS count, sum(amount)::bigint AS amount").
		Where("account IN (?) AND livemode = ? AND day >= ?::date", bun.List(accounts), livemode, from.Format(time.DateOnly)).
		Where("type IN ('charge', 'payment')").GroupExpr("account, currency").OrderExpr("account, amount DESC, currency").Scan(ctx, &volumes)
	if err != nil {
		return nil, fmt.Errorf("read volumes: %w", err)
	}
	return volumes, nil
}

// portion is how many batches one transaction adds up.
const portion = 500

// Add adds up every sealed batch that is not in the sums yet, in portions, and
// returns how many it added.
func Add(ctx context.Context, pool *bun.DB) (int, error) {
	added := 0
	for {
		n := 0
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) (err error) {
			n, err = addSome(ctx, tx)
			return err
		})
		if err != nil {
			return added, fmt.Errorf("add up days: %w", err)
		}
		if added += n; n < portion {
			return added, nil
		}
	}
}

func addSome(ctx context.Context, tx bun.Tx) (int, error) {
	var mark int64
	// The lock makes two processes add up one after the other, whatever becomes of the lease.
	if err := tx.NewRaw(`SELECT position FROM ledger.daily_mark FOR UPDATE`).Scan(ctx, &mark); err != nil {
		return 0, err
	}
	var batches []struct{ ID, Position, FirstEntry, LastEntry int64 }
	err := tx.NewRaw(`SELECT id, position, first_entry, last_entry FROM ledger.batches WHERE position > ? ORDER BY position LIMIT ?`,
		mark, portion).Scan(ctx, &batches)
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	ids, first, last := make([]int64, len(batches)), int64(math.MaxInt64), int64(0)
	for i, b := range batches {
		ids[i], first, last = b.ID, min(first, b.FirstEntry), max(last, b.LastEntry)
	}
	// Batches sealed together lie together: their bounds find the pages, their numbers the rows.
	if _, err := tx.NewRaw(addUp, first, last, pgdialect.Array(ids), ledger.MaxEntries).Exec(ctx); err != nil {
		return 0, err
	}
	_, err = tx.NewRaw(`UPDATE ledger.daily_mark SET position = ?`, batches[len(batches)-1].Position).Exec(ctx)
	return len(batches), err
}

// addUp sums the lines of batches and what their payments and refunds did to the
// processor's account. Sorted, so that its rows are locked in one order.
const addUp = `
WITH batch AS MATERIALIZED (SELECT unnest(?2::bigint[]) AS id), line AS (
	SELECT t.account, t.livemode, t.currency, (t.created_at AT TIME ZONE 'UTC')::date AS day, t.type, t.amount, t.fee,
		CASE WHEN t.fee <> 0 THEN (SELECT coalesce(sum((f ->> 'amount')::bigint), 0) FROM jsonb_array_elements(t.fee_details) f WHERE f ->> 'type' = 'stripe_fee') ELSE 0 END AS cost,
		t.net
	FROM ledger.balance_transactions t
	WHERE t.entry_id BETWEEN ?0 AND ?1 AND t.entry_id / ?3 IN (SELECT id FROM batch)
	UNION ALL
	SELECT a.owner, a.livemode, p.currency, (e.occurred_at AT TIME ZONE 'UTC')::date,
		CASE e.kind WHEN 'charge_succeeded' THEN 'processed' ELSE 'processed_refund' END, p.amount, 0, 0, p.amount
	FROM ledger.postings p
	JOIN ledger.entries e ON e.id = p.entry_id AND e.kind IN ('charge_succeeded', 'refunded', 'refund_failed')
	JOIN ledger.accounts a ON a.id = p.account_id AND a.kind = 'processor_clearing'
	WHERE p.entry_id BETWEEN ?0 AND ?1 AND p.entry_id / ?3 IN (SELECT id FROM batch)
		AND e.id BETWEEN ?0 AND ?1
)
INSERT INTO ledger.daily_totals AS d (account, livemode, currency, day, type, count, amount, fee, cost, net)
SELECT account, livemode, currency, day, type, count(*), sum(amount), sum(fee), sum(cost), sum(net)
FROM line GROUP BY account, livemode, currency, day, type ORDER BY account, livemode, day, currency, type
ON CONFLICT ON CONSTRAINT daily_totals_pkey DO UPDATE SET
	count = d.count + EXCLUDED.count, amount = d.amount + EXCLUDED.amount,
	fee = d.fee + EXCLUDED.fee, cost = d.cost + EXCLUDED.cost, net = d.net + EXCLUDED.net`
