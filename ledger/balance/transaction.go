package balance

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
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
	Available   bool `bun:",scanonly"` // booked as available, or its day has matured
	CreatedAt   time.Time
}

// row is a Transaction as bun reads it.
type row struct {
	bun.BaseModel `bun:"table:ledger.statement_lines,alias:t"`
	Transaction
}

// Filter narrows a list of transactions; zero fields do not.
type Filter struct {
	Payout, Source, Type string
	Types                []string // any of them
	Currency             money.Currency
	Created              page.Range
	Items                bool // without the lines that payouts make themselves: only what they consist of
}

// List is one page of the account's transactions, newest first.
func List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f Filter, p page.Params) (page.Of[Transaction], error) {
	rows, err := page.Fetch[row](ctx, idb, p, "balance_transaction", seenBy(scope), f.narrow)
	if err != nil {
		return page.Of[Transaction]{}, fmt.Errorf("list balance transactions: %w", err)
	}
	found := page.Of[Transaction]{HasMore: rows.HasMore}
	for _, r := range rows.Items {
		found.Items = append(found.Items, r.Transaction)
	}
	return found, nil
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
	var rows []row
	q := seenBy(scope)(idb.NewSelect().Model(&rows))
	if err := q.Where("t.id = ANY(?)", pgdialect.Array(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read balance transactions: %w", err)
	}
	found := make(map[string]Transaction, len(rows))
	for _, r := range rows {
		found[r.ID] = r.Transaction
	}
	return found, nil
}

// seenBy narrows to the statement of one account and tells how far it has matured.
func seenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Join("LEFT JOIN ledger.accounts AS a ON a.owner = t.account AND a.livemode = t.livemode "+
			"AND a.currency = t.currency AND a.kind = 'pending'").
			ColumnExpr("t.id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details, t.source").
			ColumnExpr("t.description, coalesce(t.payout, '') AS payout, t.entry_id, t.available_on, t.created_at").
			ColumnExpr("NOT t.pending OR coalesce((t.available_on AT TIME ZONE 'UTC')::date <= a.matured_through, false) AS available").
			Where("t.account = ? AND t.livemode = ?", scope.Account, scope.Livemode)
	}
}

func (f Filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Payout != "" {
		q = q.ModelTableExpr("ledger.payout_lines AS t") // found by payout
	}
	if f.Items {
		q = q.Where("t.type NOT IN ('payout', 'payout_failure', 'payout_cancel')")
	}
	for _, c := range []struct{ column, value string }{
		{"t.payout", f.Payout}, {"t.source", f.Source}, {"t.type", f.Type}, {"t.currency", string(f.Currency)},
	} {
		if c.value != "" {
			q = q.Where("? = ?", bun.Ident(c.column), c.value)
		}
	}
	if len(f.Types) > 0 {
		q = q.Where("t.type = ANY(?)", pgdialect.Array(f.Types))
	}
	return f.Created.Apply(q, "t.created_at")
}
