package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type batchRow struct {
	bun.BaseModel `bun:"table:payouts.batches,alias:b"`
	Batch
}

// itemRow is one instruction of a batch. Only open batches have items that change.
type itemRow struct {
	bun.BaseModel `bun:"table:payouts.batch_items,alias:i"`
	Batch         string
	N             int64
	Payout        string
	Amount        int64
	Creditor      []byte // encrypted
	Statement     string
	Trace         string
}

type uploadRow struct {
	bun.BaseModel `bun:"table:payouts.uploads,alias:u"`
	Upload
}

// kinsSQL groups due payouts of a rail by what a file has in common. A payout is
// carried out on its day, or on the first one on which the bank still can; for
// instant ones that is today.
const kinsSQL = `
SELECT platform, currency, amount < 0 AS debit, method = 'instant' AS instant,
	greatest(arrival_date, CASE WHEN method = 'instant' THEN ?::timestamptz ELSE ?::timestamptz END) AS execute_on, count(*) AS count, min(send_after) AS oldest
FROM payouts.payouts p
WHERE livemode = ? AND rail = ? AND send_after <= ?
	AND status = 'pending' AND handed_over_at IS NULL AND NOT held AND approval IN ('', 'approved')
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`

func kinsOf(ctx context.Context, idb bun.IDB, way rail.Capabilities, livemode bool, now time.Time) (kins []kin, err error) {
	first, instant := executes(way, now), executes(rail.Capabilities{Zone: way.Zone}, now)
	if err := idb.NewRaw(kinsSQL, instant, first, livemode, way.Name, now).Scan(ctx, &kins); err != nil {
		return nil, fmt.Errorf("find payouts to seal: %w", err)
	}
	for i := range kins {
		if kins[i].first = first; kins[i].Instant {
			kins[i].first = instant
		}
	}
	return kins, nil
}

// toSeal lists payouts after an id that may share a file.
func toSeal(ctx context.Context, idb bun.IDB, b Batch, k kin, after string, now time.Time, limit int) ([]*Payout, error) {
	var rows []payoutRow
	err := idb.NewSelect().Model(&rows).
		Where("p.livemode = ? AND p.rail = ? AND p.send_after <= ? AND p.id > ?", b.Livemode, b.Rail, now, after).
		Where("p.status = 'pending' AND p.handed_over_at IS NULL AND NOT p.held AND p.approval IN ('', 'approved')").
		Where("p.platform = ? AND p.currency = ? AND (p.amount < 0) = ? AND (p.method = 'instant') = ?", k.Platform, string(k.Currency), k.Debit, k.Instant).
		Where("greatest(p.arrival_date, ?::timestamptz) = ?", k.first, k.ExecuteOn).
		OrderExpr("p.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find payouts to seal: %w", err)
	}
	found := make([]*Payout, len(rows))
	for i := range rows {
		found[i] = &rows[i].Payout
	}
	return found, nil
}

// dropOpen forgets what a crash has left open: nothing of it was handed over. The
// batches are locked first: one that is being sealed after all, by a process that
// has lost its lock without knowing, is sealed by then.
func dropOpen(ctx context.Context, pool *bun.DB, livemode bool) error {
	return db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		var open []string
		err := tx.NewRaw(`SELECT id FROM payouts.batches WHERE status = 'open' AND livemode = ? ORDER BY id FOR UPDATE`, livemode).Scan(ctx, &open)
		if err == nil && len(open) > 0 {
			_, err = tx.NewRaw(`DELETE FROM payouts.batch_items WHERE batch = ANY(?)`, pgdialect.Array(open)).Exec(ctx)
		}
		if err == nil && len(open) > 0 {
			_, err = tx.NewRaw(`DELETE FROM payouts.batches WHERE id = ANY(?)`, pgdialect.Array(open)).Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("drop open batches: %w", err)
		}
		return nil
	})
}

// stillOpen locks an open batch; false if another sender has dropped it.
func stillOpen(ctx context.Context, tx bun.Tx, batch string) (open bool, err error) {
	var found []string
	err = tx.NewRaw(`SELECT id FROM payouts.batches WHERE id = ? AND status = 'open' FOR UPDATE`, batch).Scan(ctx, &found)
	if err != nil {
		return false, fmt.Errorf("lock batch %s: %w", batch, err)
	}
	return len(found) == 1, nil
}

// itemsOf is a page of a batch's items from a place on.
func itemsOf(ctx context.Context, idb bun.IDB, batch string, from int64) (items []itemRow, err error) {
	err = idb.NewSelect().Model(&items).Where("i.batch = ? AND i.n >= ?", batch, from).OrderExpr("i.n").Limit(itemsPerCommit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the items of batch %s: %w", batch, err)
	}
	return items, nil
}

// toBring lists sealed batches whose files wait for the sender, those of one rail
// in the order of their numbers.
func toBring(ctx context.Context, idb bun.IDB, livemode bool, now time.Time) ([]Batch, error) {
	var rows []batchRow
	err := idb.NewSelect().Model(&rows).Where("b.livemode = ? AND b.try_at <= ? AND b.status <> 'open'", livemode, now).
		OrderExpr("b.rail, b.number").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find batches to deliver: %w", err)
	}
	found := make([]Batch, len(rows))
	for i, r := range rows {
		found[i] = r.Batch
	}
	return found, nil
}

// dueBatch reads a batch again; due is false if there is nothing to do for it now.
func dueBatch(ctx context.Context, idb bun.IDB, batch string, now time.Time) (b Batch, due bool, err error) {
	row := new(batchRow)
	if err := idb.NewSelect().Model(row).Where("b.id = ?", batch).Scan(ctx); err != nil {
		return b, false, fmt.Errorf("read batch %s: %w", batch, err)
	}
	return row.Batch, !row.TryAt.IsZero() && !row.TryAt.After(now), nil
}

// Backlog is how many files are on their way, in all modes.
type Backlog struct {
	Waiting int // sealed, and not at the bank
	Unknown int // perhaps at the bank
}

// Backlog counts the files on their way.
func (s *Service) Backlog(ctx context.Context) (b Backlog, err error) {
	err = s.pool.NewRaw(`SELECT count(*) FILTER (WHERE status = 'sealed') AS waiting, count(*) FILTER (WHERE status = 'unknown') AS unknown
		FROM payouts.batches WHERE try_at IS NOT NULL`).Scan(ctx, &b)
	if err != nil {
		return b, fmt.Errorf("count files: %w", err)
	}
	return b, nil
}

// lockBatch holds a batch that is known to exist.
func lockBatch(ctx context.Context, tx bun.Tx, batch string) (*Batch, error) {
	row := new(batchRow)
	if err := tx.NewSelect().Model(row).Where("b.id = ?", batch).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock batch %s: %w", batch, err)
	}
	return &row.Batch, nil
}

// saveBatch writes how far a locked batch has come.
func saveBatch(ctx context.Context, tx bun.Tx, b *Batch) error {
	_, err := tx.NewUpdate().Model(&batchRow{Batch: *b}).Column("status", "try_at", "delivered_at").Where("b.id = ?", b.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update batch %s: %w", b.ID, err)
	}
	return nil
}

// lastUpload is the latest attempt to bring a batch to its bank, or nil.
func lastUpload(ctx context.Context, idb bun.IDB, batch string) (*Upload, error) {
	row := new(uploadRow)
	err := idb.NewSelect().Model(row).Where("u.batch = ?", batch).OrderExpr("u.id DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the uploads of %s: %w", batch, err)
	}
	return &row.Upload, nil
}

// endUpload writes down the outcome of an attempt.
func endUpload(ctx context.Context, idb bun.IDB, u *Upload, at time.Time) error {
	u.EndedAt = at
	_, err := idb.NewUpdate().Model(&uploadRow{Upload: *u}).Column("outcome", "note", "error", "found_by", "ended_at").Where("u.id = ?", u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update upload %s: %w", u.ID, err)
	}
	return nil
}

// BatchListParams narrow GET /v1/payout_batches.
type BatchListParams struct {
	page.Params
	Status  string     `form:"status"`
	Rail    string     `form:"rail"`
	Created page.Range `form:"created"`
}

// Batches is a page of a platform's files, newest first.
func (s *Service) Batches(ctx context.Context, scope tenant.Scope, params BatchListParams) (page.Of[*Batch], error) {
	rows, err := page.Fetch[batchRow](ctx, s.pool, params.Params, "payout batch", batchesSeenBy(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		if params.Status != "" {
			q = q.Where("b.status = ?", params.Status)
		}
		if params.Rail != "" {
			q = q.Where("b.rail = ?", params.Rail)
		}
		return params.Created.Apply(q, "b.created_at")
	})
	if err != nil {
		return page.Of[*Batch]{}, fmt.Errorf("list payout batches: %w", err)
	}
	found := page.Of[*Batch]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Batch)
	}
	return found, nil
}

// batchesSeenBy are those of a platform: no account sees the files of others.
func batchesSeenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("b.platform = ? AND b.livemode = ? AND b.status <> 'open'", scope.Platform, scope.Livemode)
	}
}

// Batch is a file of a platform with its attempts, newest first, or NotFound.
func (s *Service) Batch(ctx context.Context, idb bun.IDB, scope tenant.Scope, batch string) (*Batch, []Upload, error) {
	b, err := findBatch(ctx, idb, scope, batch, false)
	if err != nil {
		return nil, nil, err
	}
	var rows []uploadRow
	if err := idb.NewSelect().Model(&rows).Where("u.batch = ?", batch).OrderExpr("u.id DESC").Limit(page.MaxLimit).Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("read the uploads of %s: %w", batch, err)
	}
	uploads := make([]Upload, len(rows))
	for i, r := range rows {
		uploads[i] = r.Upload
	}
	return b, uploads, nil
}

func findBatch(ctx context.Context, idb bun.IDB, scope tenant.Scope, batch string, lock bool) (*Batch, error) {
	row := new(batchRow)
	q := batchesSeenBy(scope)(idb.NewSelect().Model(row)).Where("b.id = ?", batch)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout batch", batch)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout batch: %w", err)
	}
	return &row.Batch, nil
}

// BatchPayouts is a page of the payouts in a platform's file, newest first.
func (s *Service) BatchPayouts(ctx context.Context, scope tenant.Scope, batch string, params page.Params) (page.Of[*Payout], error) {
	if _, err := findBatch(ctx, s.pool, scope, batch, false); err != nil {
		return page.Of[*Payout]{}, err
	}
	within := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.batch = ? AND p.platform = ? AND p.livemode = ?", batch, scope.Platform, scope.Livemode)
	}
	rows, err := page.Fetch[payoutRow](ctx, s.pool, params, "payout", within, nil)
	if err != nil {
		return page.Of[*Payout]{}, fmt.Errorf("list the payouts of a batch: %w", err)
	}
	found := page.Of[*Payout]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Payout)
	}
	return found, nil
}

// lockBatchPayouts holds a page of a batch's payouts after an id that are in one of the states.
func lockBatchPayouts(ctx context.Context, tx bun.Tx, b, after string, in ...Status) ([]*Payout, error) {
	var rows []payoutRow
	err := tx.NewSelect().Model(&rows).Where("p.batch = ? AND p.id > ? AND p.status IN (?)", b, after, bun.List(in)).
		OrderExpr("p.id").Limit(batch).For("UPDATE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the payouts of %s: %w", b, err)
	}
	found := make([]*Payout, len(rows))
	for i := range rows {
		found[i] = &rows[i].Payout
	}
	return found, nil
}

// finishSQL takes batches off the sender's list that have no pending payout any
// more; those without one in transit are done.
const finishSQL = `
UPDATE payouts.batches b SET try_at = NULL, status = CASE
	WHEN b.status = 'refused' OR EXISTS (SELECT FROM payouts.payouts p WHERE p.batch = b.id AND p.status = 'in_transit') THEN b.status
	ELSE 'done' END
WHERE b.id = ANY(?) AND b.status IN ('delivered', 'acknowledged', 'refused')
	AND NOT EXISTS (SELECT FROM payouts.payouts p WHERE p.batch = b.id AND p.status = 'pending')`

func (s *Service) finishBatches(ctx context.Context, batches []string) error {
	if len(batches) == 0 {
		return nil
	}
	if _, err := s.pool.NewRaw(finishSQL, pgdialect.Array(batches)).Exec(ctx); err != nil {
		return fmt.Errorf("finish batches: %w", err)
	}
	return nil
}

// acknowledge notes that a file of the bank speaks of batches: they have arrived,
// whatever is known of the attempts. What of their payouts nobody reports by itself
// is in transit once the sender comes by.
func (s *Service) acknowledge(ctx context.Context, batches []string, now time.Time) error {
	if len(batches) == 0 {
		return nil
	}
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		var known []string
		err := tx.NewRaw(`SELECT id FROM payouts.batches WHERE id = ANY(?) AND status IN ('sealed', 'unknown', 'delivered') ORDER BY id FOR UPDATE`,
			pgdialect.Array(batches)).Scan(ctx, &known)
		if err == nil {
			_, err = tx.NewRaw(`UPDATE payouts.batches SET status = 'acknowledged', try_at = ?, delivered_at = coalesce(delivered_at, ?) WHERE id = ANY(?)`,
				now, now, pgdialect.Array(known)).Exec(ctx)
		}
		if err == nil {
			_, err = tx.NewRaw(`UPDATE payouts.uploads SET outcome = 'accepted', found_by = ?, ended_at = ? WHERE batch = ANY(?) AND outcome IN ('begun', 'unknown')`,
				foundByReport, now, pgdialect.Array(known)).Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("acknowledge batches: %w", err)
		}
		return nil
	})
}
