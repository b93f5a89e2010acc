package event

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/id"
)

// handledSQL reads the log by its key: ids are ordered by time.
const handledSQL = `
SELECT e.id, e.type, e.account, e.platform, e.livemode, e.object_id, e.object_version, e.object, e.previous, e.content,
	e.request_id, e.idempotency_key, e.created_at, e.order_xid, e.seq
FROM platform.events AS e
WHERE e.id COLLATE "C" > ? AND e.platform = ? AND e.livemode = ?
	AND EXISTS (SELECT FROM platform.inbox AS i WHERE i.consumer = ? AND i.event_id = e.id COLLATE "C")
ORDER BY e.order_xid, e.seq LIMIT ?`

// Of is everything that the log still has of an object, of every account and
// mode, its versions in their order; "" is everything of every object, for checks
// of small logs.
func Of(ctx context.Context, idb bun.IDB, objectID string) ([]Event, error) {
	var rows []row
	q := idb.NewSelect().Model(&rows).Order("object_id", "object_version")
	if objectID != "" {
		q = q.Where("object_id = ?", objectID)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", objectID, err)
	}
	return eventsOf(rows)
}

// OfRequest are the events of an account that a request caused, oldest first, at
// most limit. Ids are in the order of time, so from and until bound what is read:
// the log has no index by request.
func OfRequest(ctx context.Context, idb bun.IDB, account string, livemode bool, requestID string, from, until time.Time, limit int) ([]Event, error) {
	var rows []row
	err := idb.NewSelect().Model(&rows).Where("account = ? AND livemode = ?", account, livemode).
		Where("id >= ? AND id < ?", id.Floor(prefix, from), id.Floor(prefix, until)).
		Where("request_id = ?", requestID).Order("id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a request's events: %w", err)
	}
	return eventsOf(rows)
}

// Handled are the events of a platform and its accounts after one, in the order
// they were published, as far as the consumer has had its effect for them: those
// that come to it later are not its past. At most limit.
func Handled(ctx context.Context, idb bun.IDB, consumer, platform string, livemode bool, after string, limit int) ([]Event, error) {
	var rows []row
	if err := idb.NewRaw(handledSQL, after, platform, livemode, consumer, limit).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list handled events: %w", err)
	}
	return eventsOf(rows)
}
