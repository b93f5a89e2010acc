package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type pendingRow struct {
	bun.BaseModel `bun:"table:connect.pending_reversals,alias:pending"`
	PendingReversal
}

func insertPending(ctx context.Context, tx bun.Tx, p *PendingReversal) error {
	if _, err := tx.NewInsert().Model(&pendingRow{PendingReversal: *p}).Exec(ctx); err != nil {
		return fmt.Errorf("insert pending reversal: %w", err)
	}
	return nil
}

func updatePending(ctx context.Context, tx bun.Tx, p *PendingReversal) error {
	_, err := tx.NewUpdate().Model(&pendingRow{PendingReversal: *p}).
		Column("amount_recovered", "status", "metadata", "closed_at", "version").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update pending reversal: %w", err)
	}
	return nil
}

// GetPending is the platform's pending reversal with this id, or NotFound.
func (s *TransferService) GetPending(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*PendingReversal, error) {
	row := new(pendingRow)
	return onePending(row, transfersOf(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx), id)
}

func lockPending(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string) (*PendingReversal, error) {
	row := new(pendingRow)
	return onePending(row, transfersOf(scope)(tx.NewSelect().Model(row)).Where("id = ?", id).For("UPDATE").Scan(ctx), id)
}

func onePending(row *pendingRow, err error, id string) (*PendingReversal, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("pending_reversal", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read pending reversal: %w", err)
	}
	return &row.PendingReversal, nil
}

// PendingFilter narrows a list of pending reversals.
type PendingFilter struct {
	page.Params
	Created  page.Range `form:"created"`
	Account  string     `form:"account"`
	Status   string     `form:"status"`
	Transfer string     `form:"transfer"`
}

// ListPending is a page of the platform's pending reversals, newest first.
func (s *TransferService) ListPending(ctx context.Context, idb bun.IDB, scope tenant.Scope, f PendingFilter) (page.Of[*PendingReversal], error) {
	got, err := page.Fetch[pendingRow](ctx, idb, f.Params, "pending_reversal", transfersOf(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, c := range []struct{ column, value string }{{"destination", f.Account}, {"status", f.Status}, {"transfer", f.Transfer}} {
			if c.value != "" {
				q = q.Where("pending.? = ?", bun.Ident(c.column), c.value)
			}
		}
		return f.Created.Apply(q, "pending.created_at")
	})
	return pageOf(got, func(row *pendingRow) *PendingReversal { return &row.PendingReversal }), err
}

// spokenFor is what pending reversals still have to take of a locked transfer.
func spokenFor(ctx context.Context, tx bun.Tx, transfer string) (spoken int64, err error) {
	err = tx.NewSelect().Model((*pendingRow)(nil)).ColumnExpr("coalesce(sum(amount - amount_recovered), 0)").
		Where("transfer = ?", transfer).Where(openRecoveriesSQL).Scan(ctx, &spoken)
	if err != nil {
		return 0, fmt.Errorf("sum pending reversals: %w", err)
	}
	return spoken, nil
}

// waiting reports whether anybody waits for the money of the transfer's destination.
func waiting(ctx context.Context, tx bun.Tx, t *Transfer) (bool, error) {
	first, err := firstOf(ctx, tx, balance.Purse{Livemode: t.Livemode, Account: t.Destination, Currency: t.Currency})
	return first != nil, err
}

// firstOf is the open pending reversal whose turn it is in a purse, or nil.
func firstOf(ctx context.Context, tx bun.Tx, purse balance.Purse) (*PendingReversal, error) {
	var rows []pendingRow
	err := tx.NewSelect().Model(&rows).
		Where("destination = ? AND livemode = ? AND currency = ?", purse.Account, purse.Livemode, string(purse.Currency)).
		Where(openRecoveriesSQL).Order("id").Limit(1).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the first pending reversal: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0].PendingReversal, nil
}

// pursesAtOnce bounds how many purses are read at once.
const pursesAtOnce = 500

// waitingPurses lists purses of a mode with open pending reversals, in order of
// account and currency, those behind the given one.
func waitingPurses(ctx context.Context, idb bun.IDB, livemode bool, behind balance.Purse) ([]balance.Purse, error) {
	var rows []PendingReversal
	err := idb.NewSelect().Model((*pendingRow)(nil)).Distinct().Column("destination", "currency").
		Where("livemode = ?", livemode).Where(openRecoveriesSQL).
		Where("(destination, currency) > (?, ?)", behind.Account, string(behind.Currency)).
		Order("destination", "currency").Limit(pursesAtOnce).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find open pending reversals: %w", err)
	}
	purses := make([]balance.Purse, len(rows))
	for i, row := range rows {
		purses[i] = balance.Purse{Livemode: livemode, Account: row.Destination, Currency: row.Currency}
	}
	return purses, nil
}

// Claimed is how much pending reversals still have to take of each of the purses;
// those of which nothing is claimed are not in the answer. What is read under a
// purse's lock stays true as long as the lock is held, but for what is canceled.
func (s *TransferService) Claimed(ctx context.Context, idb bun.IDB, purses []balance.Purse) (map[balance.Purse]int64, error) {
	accounts, livemodes, currencies := make([]string, len(purses)), make([]bool, len(purses)), make([]string, len(purses))
	for i, p := range purses {
		accounts[i], livemodes[i], currencies[i] = p.Account, p.Livemode, string(p.Currency)
	}
	var rows []struct {
		balance.Purse
		Left int64
	}
	err := idb.NewRaw(`
		SELECT r.destination AS account, r.livemode, r.currency, sum(r.amount - r.amount_recovered)::bigint AS "left"
		FROM unnest(?::text[], ?::boolean[], ?::text[]) AS p (account, livemode, currency)
		JOIN connect.pending_reversals r ON r.destination = p.account AND r.livemode = p.livemode AND r.currency = p.currency
			AND r.status IN ('pending', 'partially_recovered')
		GROUP BY 1, 2, 3`, pgdialect.Array(accounts), pgdialect.Array(livemodes), pgdialect.Array(currencies)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sum what is claimed: %w", err)
	}
	claimed := make(map[balance.Purse]int64, len(rows))
	for _, row := range rows {
		claimed[row.Purse] = row.Left
	}
	return claimed, nil
}
