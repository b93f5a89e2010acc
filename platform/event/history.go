package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// handledSQL reads the log by its key: ids are ordered by time.
const handledSQL = `
SELECT e.id, e.type, e.account, e.platform, e.livemode, e.object_id, e.object_version, e.object, e.previous,
	e.request_id, e.idempotency_key, e.created_at, e.order_xid, e.seq
FROM platform.events AS e
WHERE e.id COLLATE "C" > ? AND e.platform = ? AND e.livemode = ?
	AND EXISTS (SELECT FROM platform.inbox AS i WHERE i.consumer = ? AND i.event_id = e.id COLLATE "C")
ORDER BY e.order_xid, e.seq LIMIT ?`

// Handled are the events of a platform and its accounts after one, in the order
// they were published, as far as the consumer has had its effect for them: those
// that come to it later are not its past. At most limit.
func Handled(ctx context.Context, idb bun.IDB, consumer, platform string, livemode bool, after string, limit int) ([]Event, error) {
	var rows []row
	if err := idb.NewRaw(handledSQL, after, platform, livemode, consumer, limit).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list handled events: %w", err)
	}
	events := make([]Event, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return events, nil
}
