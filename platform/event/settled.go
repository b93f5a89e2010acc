package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Entry is an event with its place in the log.
type Entry struct {
	Event
	Position
}

// Settled is the next events after a place that can no longer be overtaken, in
// publishing order: every transaction that could still add an earlier one has
// ended. At most limit events, and no more once maxBytes of objects are read.
//
// The horizon and the rows come from one snapshot, so a transaction is either
// ended for both or for neither.
func Settled(ctx context.Context, idb bun.IDB, after Position, limit, maxBytes int) ([]Entry, error) {
	rows, err := idb.QueryContext(ctx, settled, after.OrderXID, after.Seq, limit)
	if err != nil {
		return nil, fmt.Errorf("read settled events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for size := 0; size < maxBytes && rows.Next(); {
		var r row
		if err := rows.Scan(&r.ID, &r.Type, &r.Account, &r.Platform, &r.Livemode, &r.ObjectID, &r.ObjectVersion,
			(*[]byte)(&r.Object), (*[]byte)(&r.Previous), &r.RequestID, &r.IdempotencyKey, &r.CreatedAt, &r.OrderXID, &r.Seq); err != nil {
			return nil, fmt.Errorf("read settled events: %w", err)
		}
		size += len(r.Object) + len(r.Previous)
		out = append(out, Entry{r.event(), Position{r.OrderXID, r.Seq}})
	}
	return out, rows.Err()
}

const settled = `
SELECT id, type, account, platform, livemode, object_id, object_version,
	object, previous, request_id, idempotency_key, created_at, order_xid, seq
FROM platform.events
WHERE (order_xid, seq) > (?, ?) AND order_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY order_xid, seq LIMIT ?`
