package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Inbox makes a consumer's effect happen once per event, however often the
// event is delivered. Its rows must outlive the topic's retention.
type Inbox struct{}

// Once claims the event for the consumer in the effect's transaction; first is
// false when an earlier transaction has had the effect already. A delivery that
// runs at the same time waits here until the other one has committed or not.
func (Inbox) Once(ctx context.Context, tx bun.Tx, consumer, eventID string) (first bool, err error) {
	res, err := tx.NewRaw(`INSERT INTO platform.inbox (consumer, event_id) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		consumer, eventID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim event %s for %s: %w", eventID, consumer, err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Behind is how many committed events of these types ("charge.succeeded",
// "charge.*", none = all) the consumer has not had its effect for, parked ones
// included. It reads the log's whole type column: made for the sandbox clock,
// which waits for the pipeline to be quiet, not for a hot path.
func Behind(ctx context.Context, idb bun.IDB, consumer string, types []string) (int, error) {
	var n int
	err := idb.NewRaw(`
SELECT count(*) FROM platform.events e
WHERE (cardinality(?0::text[]) = 0 OR e.type LIKE ANY (?0::text[]))
	AND NOT EXISTS (SELECT 1 FROM platform.inbox i WHERE i.consumer = ?1 AND i.event_id = e.id)`,
		pgdialect.Array(likePatterns(types)), consumer).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count events %s is behind: %w", consumer, err)
	}
	return n, nil
}
