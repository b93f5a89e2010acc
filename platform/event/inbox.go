package event

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

// InboxRetention is how long the inbox remembers an event. An event may come
// again as long as the topic keeps it, seven days unless kafka_retention says
// otherwise, and that is refused above 30: the inbox must remember for longer.
const InboxRetention = 35 * 24 * time.Hour

// Inbox makes a consumer's effect happen once per event, however often the
// event is delivered.
type Inbox struct{}

// claim takes a batch in one statement. The rows go in in the order of their
// keys, so that two transactions with the same events wait for one another and
// never both for both.
const claim = `
INSERT INTO platform.inbox (consumer, event_id)
SELECT $1::text, e.id FROM unnest($2::text[]) AS e (id) ORDER BY e.id
ON CONFLICT ON CONSTRAINT inbox_pkey DO NOTHING
RETURNING event_id`

// Claim takes events for the consumer in the effect's transaction and returns
// those that are new: the others have had their effect in an earlier one, or
// stand twice in ids. A delivery that runs at the same time waits here until
// the other one has committed or not.
func (Inbox) Claim(ctx context.Context, tx bun.Tx, consumer string, ids []string) (fresh map[string]bool, err error) {
	rows, err := db.Query(ctx, tx, claim, consumer, ids)
	if err != nil {
		return nil, fmt.Errorf("claim %d events for %s: %w", len(ids), consumer, err)
	}
	defer rows.Close()
	fresh = make(map[string]bool, len(ids))
	for rows.Next() {
		var taken string
		if err := rows.Scan(&taken); err != nil {
			return nil, fmt.Errorf("claim events for %s: %w", consumer, err)
		}
		fresh[taken] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("claim %d events for %s: %w", len(ids), consumer, err)
	}
	return fresh, nil
}

// forget finds the consumers by skipping from one to the next in the primary
// key, and each one's oldest events at the beginning of its range.
const forget = `
WITH RECURSIVE consumers AS (
	(SELECT consumer FROM platform.inbox ORDER BY consumer LIMIT 1)
	UNION ALL
	SELECT (SELECT i.consumer FROM platform.inbox i WHERE i.consumer > c.consumer ORDER BY i.consumer LIMIT 1)
	FROM consumers c WHERE c.consumer IS NOT NULL
), old AS (
	SELECT o.consumer, o.event_id FROM consumers c CROSS JOIN LATERAL (
		SELECT i.consumer, i.event_id FROM platform.inbox i
		WHERE i.consumer = c.consumer AND i.event_id >= 'evt_' AND i.event_id < ?
		ORDER BY i.event_id LIMIT ?
	) o
)
DELETE FROM platform.inbox i USING old WHERE i.consumer = old.consumer AND i.event_id = old.event_id`

// Forget deletes what is older than InboxRetention at a time, at most limit rows
// of each consumer, and tells how many went.
func (Inbox) Forget(ctx context.Context, pool *bun.DB, now time.Time, limit int) (forgotten int, err error) {
	err = db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewRaw(forget, id.First("evt", now.Add(-InboxRetention)), limit).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget handled events: %w", err)
		}
		n, err := res.RowsAffected()
		forgotten = int(n)
		return err
	})
	return forgotten, err
}

// Behind is how many committed events of these types ("charge.succeeded",
// "charge.*", none = all) the consumer has not had its effect for, parked ones
// included, as far back as the inbox remembers. It reads the log's whole type
// column: made for the sandbox clock, which waits for the pipeline to be quiet,
// not for a hot path.
func Behind(ctx context.Context, idb bun.IDB, consumer string, types []string) (int, error) {
	// A day less, so that nothing counts that is just being forgotten.
	since := id.First("evt", time.Now().Add(-InboxRetention+24*time.Hour))
	var n int
	err := idb.NewRaw(`
SELECT count(*) FROM platform.events e
WHERE (cardinality(?0::text[]) = 0 OR e.type LIKE ANY (?0::text[]))
	AND e.id COLLATE "C" >= ?2
	AND NOT EXISTS (SELECT 1 FROM platform.inbox i WHERE i.consumer = ?1 AND i.event_id = e.id COLLATE "C")`,
		pgdialect.Array(likePatterns(types)), consumer, since).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count events %s is behind: %w", consumer, err)
	}
	return n, nil
}
