package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type holdRow struct {
	bun.BaseModel `bun:"table:payouts.holds,alias:h"`
	Hold
}

// HoldFilter narrows GET /v1/payout_holds.
type HoldFilter struct {
	page.Params
	Account string     `form:"account"`
	Payout  string     `form:"payout"`
	Status  string     `form:"status"` // active or released
	Created page.Range `form:"created"`
}

// ListHolds is a page of the platform's holds, newest first.
func (s *Service) ListHolds(ctx context.Context, idb bun.IDB, scope tenant.Scope, f HoldFilter) (page.Of[*Hold], error) {
	if f.Status != "" && f.Status != "active" && f.Status != "released" {
		return page.Of[*Hold]{}, fault.Invalidf("", "status", "Invalid status: must be one of active or released")
	}
	rows, err := page.Fetch[holdRow](ctx, idb, f.Params, "payout hold", reachedFrom(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		if f.Account != "" {
			q = q.Where("h.account = ?", f.Account)
		}
		if f.Payout != "" {
			q = q.Where("h.payout = ?", f.Payout)
		}
		if f.Status != "" {
			q = q.Where("(h.released_at IS NULL) = ?", f.Status == "active")
		}
		return f.Created.Apply(q, "h.created_at")
	})
	if err != nil {
		return page.Of[*Hold]{}, fmt.Errorf("list payout holds: %w", err)
	}
	found := page.Of[*Hold]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Hold)
	}
	return found, nil
}

// saidBy narrows to what belongs to a platform in a mode.
func saidBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.platform = ? AND ?TableAlias.livemode = ?", scope.Platform, scope.Livemode)
	}
}

// reachedFrom narrows to what is about the accounts that the scope reaches: all of
// the platform's, or the one that it acts for.
func reachedFrom(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if q = saidBy(scope)(q); scope.Connected() {
			q = q.Where("?TableAlias.account = ?", scope.Account)
		}
		return q
	}
}

func findHold(ctx context.Context, idb bun.IDB, scope tenant.Scope, hold string, lock bool) (*Hold, error) {
	row := new(holdRow)
	q := reachedFrom(scope)(idb.NewSelect().Model(row)).Where("h.id = ?", hold)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout hold", hold)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout hold: %w", err)
	}
	return &row.Hold, nil
}

func insertHold(ctx context.Context, tx bun.Tx, h *Hold) error {
	if _, err := tx.NewInsert().Model(&holdRow{Hold: *h}).Exec(ctx); err != nil {
		return fmt.Errorf("insert payout hold: %w", err)
	}
	return nil
}

func saveHold(ctx context.Context, tx bun.Tx, h *Hold) error {
	_, err := tx.NewUpdate().Model(&holdRow{Hold: *h}).Column("released_at", "released_by", "version").Where("h.id = ?", h.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payout hold %s: %w", h.ID, err)
	}
	return nil
}

// standing are the holds on whole accounts.
func standing(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string][]*Hold, error) {
	var rows []*holdRow
	err := idb.NewSelect().Model(&rows).
		Where("h.livemode = ? AND h.account = ANY(?) AND h.payout = '' AND h.released_at IS NULL", livemode, pgdialect.Array(accounts)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read holds on accounts: %w", err)
	}
	found := make(map[string][]*Hold, len(rows))
	for _, row := range rows {
		found[row.Account] = append(found[row.Account], &row.Hold)
	}
	return found, nil
}

// holdsOver lists holds after an id whose time is over.
func holdsOver(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) ([]*Hold, error) {
	var rows []*holdRow
	err := idb.NewSelect().Model(&rows).
		Where("h.livemode = ? AND h.released_at IS NULL AND h.expires_at <= ? AND h.id > ?", livemode, now, after).
		OrderExpr("h.id").Limit(batch).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find holds to release: %w", err)
	}
	found := make([]*Hold, len(rows))
	for i, row := range rows {
		found[i] = &row.Hold
	}
	return found, nil
}

// ofPlatform is a payout of any account that the scope reaches.
func ofPlatform(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string, lock bool) (*Payout, error) {
	row := new(payoutRow)
	q := reachedFrom(scope)(idb.NewSelect().Model(row)).Where("p.id = ?", payout)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout", payout)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout: %w", err)
	}
	return &row.Payout, nil
}

// unsealed locks an account's pending payouts that are not sealed, in order of their ids.
func unsealed(ctx context.Context, tx bun.Tx, scope tenant.Scope) ([]*Payout, error) {
	var rows []*payoutRow
	err := seenBy(scope)(tx.NewSelect().Model(&rows)).Where("p.status = 'pending' AND p.handed_over_at IS NULL").
		OrderExpr("p.id").For("UPDATE").Scan(ctx)
	return payoutsOf(rows, err)
}

// stoppedBy locks the payouts that a hold has marked.
func stoppedBy(ctx context.Context, tx bun.Tx, h *Hold) ([]*Payout, error) {
	var rows []*payoutRow
	q := tx.NewSelect().Model(&rows).Where("p.account = ? AND p.livemode = ? AND p.held", h.Account, h.Livemode)
	if h.Payout != "" {
		q = q.Where("p.id = ?", h.Payout)
	}
	err := q.OrderExpr("p.id").For("UPDATE").Scan(ctx)
	return payoutsOf(rows, err)
}

func payoutsOf(rows []*payoutRow, err error) ([]*Payout, error) {
	if err != nil {
		return nil, fmt.Errorf("lock payouts: %w", err)
	}
	found := make([]*Payout, len(rows))
	for i, row := range rows {
		found[i] = &row.Payout
	}
	return found, nil
}

// stillHeld tells which of the payouts a standing hold stops.
func stillHeld(ctx context.Context, tx bun.Tx, payouts []*Payout) (map[string]bool, error) {
	ids := make([]string, len(payouts))
	for i, p := range payouts {
		ids[i] = p.ID
	}
	var held []string
	err := tx.NewRaw(`SELECT DISTINCT p.id FROM payouts.payouts p JOIN payouts.holds h
		ON h.account = p.account AND h.livemode = p.livemode AND h.payout IN ('', p.id) AND h.released_at IS NULL
		WHERE p.id = ANY(?)`, pgdialect.Array(ids)).Scan(ctx, &held)
	if err != nil {
		return nil, fmt.Errorf("read standing holds: %w", err)
	}
	still := make(map[string]bool, len(held))
	for _, payout := range held {
		still[payout] = true
	}
	return still, nil
}
