package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

// Retention is how long deliveries are kept, with their attempts and payloads; as
// long as GET /v1/events shows an event. One that is pending stays until its
// schedule has ended.
const Retention = 30 * 24 * time.Hour

// sweepBatch bounds one transaction of Sweep.
const sweepBatch = 1000

// Sweep deletes what is older than Retention and returns how many deliveries that
// were. It walks from the oldest and stops at the first that is young enough; ids
// are in the order of time.
func Sweep(ctx context.Context, pool *bun.DB, at time.Time) (swept int, err error) {
	before, cursor := at.Add(-Retention), ""
	for {
		var n int
		var next string
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) (err error) {
			n, next, err = sweepAfter(ctx, tx, cursor, before)
			return err
		})
		swept += n
		if err != nil || next == "" {
			return swept, err
		}
		cursor = next
	}
}

// sweepAfter deletes a batch that follows the cursor; next is "" at the end. A payload
// goes with the last delivery of its event.
func sweepAfter(ctx context.Context, tx bun.Tx, cursor string, before time.Time) (n int, next string, err error) {
	var rows []struct {
		ID        string
		Event     string
		CreatedAt time.Time
		Status    Status
	}
	err = tx.NewRaw(`SELECT id, event, created_at, status FROM connect.webhook_deliveries WHERE id > ? ORDER BY id LIMIT ?`,
		cursor, sweepBatch).Scan(ctx, &rows)
	if err != nil {
		return 0, "", fmt.Errorf("find old webhook deliveries: %w", err)
	}
	if len(rows) == sweepBatch {
		next = rows[len(rows)-1].ID
	}
	var old, ids, events []string
	for _, r := range rows {
		if !r.CreatedAt.Before(before) {
			next = ""
			break
		}
		if r.Status != Pending {
			old, events = append(old, r.ID), append(events, r.Event)
		}
	}
	// Who writes one more delivery of an event holds its payload: the last statement
	// below must see that delivery, and a lock that it waited for itself would not show it.
	if _, err := tx.NewRaw(`SELECT FROM connect.webhook_payloads WHERE event = ANY (?) ORDER BY event FOR UPDATE`, pgdialect.Array(events)).Exec(ctx); err != nil {
		return 0, "", fmt.Errorf("lock old webhook payloads: %w", err)
	}
	err = tx.NewRaw(`SELECT id FROM connect.webhook_deliveries WHERE id = ANY (?) AND status <> 'pending' FOR UPDATE SKIP LOCKED`,
		pgdialect.Array(old)).Scan(ctx, &ids) // what is being sent again meanwhile stays
	if err != nil {
		return 0, "", fmt.Errorf("lock old webhook deliveries: %w", err)
	}
	for _, part := range []struct {
		sql string
		of  []string
	}{
		{`DELETE FROM connect.webhook_attempts WHERE delivery = ANY (?)`, ids},
		{`DELETE FROM connect.webhook_deliveries WHERE id = ANY (?)`, ids},
		{`DELETE FROM connect.webhook_payloads p WHERE event = ANY (?) AND NOT EXISTS (SELECT FROM connect.webhook_deliveries d WHERE d.event = p.event)`, events},
	} {
		if _, err := tx.NewRaw(part.sql, pgdialect.Array(part.of)).Exec(ctx); err != nil {
			return 0, "", fmt.Errorf("delete old webhook deliveries: %w", err)
		}
	}
	return len(ids), next, nil
}
