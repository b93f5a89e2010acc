package balance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Transaction is one line of an account's statement (balance transaction).
// Amounts are minor units, credit positive; Net = Amount − Fee.
type Transaction struct {
	ID          string
	Account     string
	Livemode    bool
	Type        string
	Currency    money.Currency
	Amount      int64
	Fee         int64
	Net         int64
	FeeDetails  []ledger.Fee `bun:"type:jsonb"`
	Source      string
	Description string
	Payout      string // the payout it belongs to, or ""
	EntryID     int64
	AvailableOn time.Time
	Available   bool // booked as available, or its day has matured
	CreatedAt   time.Time
}

// Filter narrows a list of transactions; zero fields do not.
type Filter struct {
	Payout, Source, Type string
	Currency             money.Currency
	CreatedFrom          time.Time // inclusive
	CreatedBefore        time.Time // exclusive
}

// Page is a window on a list, newest first.
type Page struct {
	After, Before string // ids; at most one is set
	Limit         int
}

// List is one page of the account's transactions and whether more follow.
func List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f Filter, p Page) ([]Transaction, bool, error) {
	q := f.narrow(transactions(idb, scope)).Limit(int64(p.Limit) + 1)
	switch {
	case p.Before != "":
		q = q.Where("t.id > ?", p.Before).OrderExpr("t.id ASC")
	case p.After != "":
		q = q.Where("t.id < ?", p.After).OrderExpr("t.id DESC")
	default:
		q = q.OrderExpr("t.id DESC")
	}
	var found []Transaction
	if err := q.Scan(ctx, &found); err != nil {
		return nil, false, fmt.Errorf("list balance transactions: %w", err)
	}
	more := len(found) > p.Limit
	if more {
		found = found[:p.Limit]
	}
	if p.Before != "" {
		slices.Reverse(found)
	}
	return found, more, nil
}

// Get is one transaction of the account, or NotFound.
func Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (Transaction, error) {
	found, err := ByIDs(ctx, idb, scope, []string{id})
	if err != nil {
		return Transaction{}, err
	}
	t, ok := found[id]
	if !ok {
		return Transaction{}, fault.NoSuch("balance transaction", id)
	}
	return t, nil
}

// ByIDs gives those of the transactions that belong to the account.
func ByIDs(ctx context.Context, idb bun.IDB, scope tenant.Scope, ids []string) (map[string]Transaction, error) {
	var rows []Transaction
	err := transactions(idb, scope).Where("t.id = ANY(?)", pgdialect.Array(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read balance transactions: %w", err)
	}
	found := make(map[string]Transaction, len(rows))
	for _, t := range rows {
		found[t.ID] = t
	}
	return found, nil
}

func transactions(idb bun.IDB, scope tenant.Scope) *bun.SelectQuery {
	return idb.NewSelect().TableExpr("ledger.balance_transactions AS t").
		Join("LEFT JOIN ledger.accounts AS a ON a.owner = t.account AND a.livemode = t.livemode "+
			"AND a.currency = t.currency AND a.kind = 'pending'").
		ColumnExpr("t.id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details, t.source").
		ColumnExpr("t.description, coalesce(t.payout, '') AS payout, t.entry_id, t.available_on, t.created_at").
		ColumnExpr("NOT t.pending OR coalesce((t.available_on AT TIME ZONE 'UTC')::date <= a.matured_through, false) AS available").
		Where("t.account = ? AND t.livemode = ?", scope.Account, scope.Livemode)
}

func (f Filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Payout != "" {
		q = q.Where("t.payout = ?", f.Payout)
	}
	if f.Source != "" {
		q = q.Where("t.source = ?", f.Source)
	}
	if f.Type != "" {
		q = q.Where("t.type = ?", f.Type)
	}
	if f.Currency != "" {
		q = q.Where("t.currency = ?", string(f.Currency))
	}
	if !f.CreatedFrom.IsZero() {
		q = q.Where("t.created_at >= ?", f.CreatedFrom)
	}
	if !f.CreatedBefore.IsZero() {
		q = q.Where("t.created_at < ?", f.CreatedBefore)
	}
	return q
}
