package payouts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
)

// takeSQL takes the payouts of an open batch that may still go. They are locked in
// one order; one that was canceled or held since it was gathered stays behind.
const takeSQL = `
WITH mine AS (
	SELECT p.id FROM payouts.payouts p JOIN payouts.batch_items i ON i.payout = p.id
	WHERE i.batch = ? AND p.status = 'pending' AND p.handed_over_at IS NULL AND NOT p.held AND p.approval IN ('', 'approved')
	ORDER BY p.id FOR UPDATE OF p
)
UPDATE payouts.payouts p SET handed_over_at = ?, batch = ?, arrival_date = ?, ask_at = NULL FROM mine WHERE p.id = mine.id`

// leaveSQL drops the items of those that stayed behind.
const leaveSQL = `
DELETE FROM payouts.batch_items i WHERE i.batch = ?
	AND NOT EXISTS (SELECT FROM payouts.payouts p WHERE p.id = i.payout AND p.batch = i.batch)`

// renumberSQL closes the gaps that leaveSQL made. It comes after all places were
// made negative: two items must not meet in one place on the way.
const renumberSQL = `
UPDATE payouts.batch_items i SET n = r.n
FROM (SELECT payout, row_number() OVER (ORDER BY n DESC) - 1 AS n FROM payouts.batch_items WHERE batch = ?) r
WHERE i.batch = ? AND i.payout = r.payout`

const numberSQL = `
INSERT INTO payouts.batch_numbers AS b (rail, livemode, last) VALUES (?, ?, 1)
ON CONFLICT ON CONSTRAINT batch_numbers_pkey DO UPDATE SET last = b.last + 1 RETURNING last`

// sealBatch closes an open batch: its payouts are handed over, its number is taken,
// and the digest of its file is kept, all in one transaction. sealed is false if no
// payout was left, or another sender has dropped the batch; then nothing remains.
func (s *Service) sealBatch(ctx context.Context, way rail.Filed, b Batch, now time.Time) (sealed bool, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		sealed = false
		if open, err := stillOpen(ctx, tx, b.ID); err != nil || !open {
			return err
		}
		if _, err := tx.NewRaw(takeSQL, b.ID, now, b.ID, b.ExecuteOn).Exec(ctx); err != nil {
			return fmt.Errorf("take payouts into a batch: %w", err)
		}
		left, err := leave(ctx, tx, b.ID)
		if err != nil {
			return err
		}
		if left.Count == 0 {
			_, err := tx.NewDelete().Model((*batchRow)(nil)).Where("b.id = ?", b.ID).Exec(ctx)
			return err
		}
		if b.Count, b.Total = left.Count, left.Total; b.Total < 0 {
			return fmt.Errorf("batch %s: the total cannot be counted", b.ID)
		}
		if err := tx.NewRaw(numberSQL, b.Rail, b.Livemode).Scan(ctx, &b.Number); err != nil {
			return fmt.Errorf("number a batch: %w", err)
		}
		b.Status, b.SealedAt, b.TryAt = BatchSealed, now, now
		if b.Debtor, err = s.sealDebtor(way.Terms().Debtor, b.ID); err != nil {
			return err
		}
		if err := s.measure(ctx, tx, way, &b); err != nil {
			return err
		}
		sealed = true
		_, err = tx.NewUpdate().Model(&batchRow{Batch: b}).ExcludeColumn("id").Where("b.id = ?", b.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("seal batch %s: %w", b.ID, err)
		}
		return nil
	})
	return sealed, err
}

type sums struct{ Count, Total int64 }

// leave drops the items whose payouts stayed behind and sums up the others.
func leave(ctx context.Context, tx bun.Tx, batch string) (left sums, err error) {
	res, err := tx.NewRaw(leaveSQL, batch).Exec(ctx)
	if err != nil {
		return left, fmt.Errorf("drop items: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		if err == nil {
			_, err = tx.NewRaw("UPDATE payouts.batch_items SET n = -n - 1 WHERE batch = ?", batch).Exec(ctx)
		}
		if err == nil {
			_, err = tx.NewRaw(renumberSQL, batch, batch).Exec(ctx)
		}
		if err != nil {
			return left, fmt.Errorf("number items: %w", err)
		}
	}
	err = tx.NewRaw("SELECT count(*) AS count, coalesce(sum(amount), 0)::bigint AS total FROM payouts.batch_items WHERE batch = ?", batch).
		Scan(ctx, &left)
	if err != nil {
		return left, fmt.Errorf("sum up items: %w", err)
	}
	return left, nil
}

// measure notes the traces, the name, the size and the digest of the file.
func (s *Service) measure(ctx context.Context, tx bun.Tx, way rail.Filed, b *Batch) error {
	said, err := s.says(ctx, tx, *b)
	if err != nil {
		return err
	}
	b.File = way.FileName(said)
	if err := keepTraces(ctx, tx, way, said); err != nil {
		return err
	}
	digest := digest{hash: sha256.New()}
	if err := way.Write(&digest, said); err != nil {
		return fmt.Errorf("write the file of batch %s: %w", b.ID, err)
	}
	b.Size, b.SHA256 = digest.size, digest.hash.Sum(nil)
	return nil
}

func keepTraces(ctx context.Context, tx bun.Tx, way rail.Filed, said rail.Batch) error {
	for n := 0; n < said.Count; n += itemsPerCommit {
		var places []int64
		var traces []string
		for i := n; i < min(n+itemsPerCommit, said.Count); i++ {
			if trace := way.Trace(said, i); trace != "" {
				places, traces = append(places, int64(i)), append(traces, trace)
			}
		}
		if len(places) == 0 {
			continue
		}
		_, err := tx.NewRaw(`UPDATE payouts.batch_items i SET trace = v.trace
			FROM unnest(?::bigint[], ?::text[]) AS v (n, trace) WHERE i.batch = ? AND i.n = v.n`,
			pgdialect.Array(places), pgdialect.Array(traces), said.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("keep traces: %w", err)
		}
	}
	return nil
}
