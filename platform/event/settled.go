package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

// Entry is an event with its place in the log.
type Entry struct {
	Event
	Position
}

// Cursor is how far a lane has been read.
type Cursor struct {
	Lane int
	Position
	// Since spares the months before this id, if it is known that nothing in them
	// is left to read (see ReadOut). "" reads all months.
	Since string
}

// Settled is the next events of a lane that can no longer be overtaken, in
// publishing order: every transaction that could still add an earlier one has
// ended. At most limit events, and no more once maxBytes of objects are read.
//
// The horizon and the rows come from one snapshot, so a transaction is either
// ended for both or for neither.
func Settled(ctx context.Context, idb bun.IDB, after Cursor, limit, maxBytes int) ([]Entry, error) {
	rows, err := db.Query(ctx, idb, settled, after.Lane, after.OrderXID, after.Seq, after.Since, limit)
	if err != nil {
		return nil, fmt.Errorf("read settled events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for size := 0; size < maxBytes && rows.Next(); {
		var r row
		if err := rows.Scan(r.places()...); err != nil {
			return nil, fmt.Errorf("read settled events: %w", err)
		}
		e, err := r.event()
		if err != nil {
			return nil, err
		}
		size += len(e.Object) + len(e.Previous)
		out = append(out, Entry{e, Position{r.OrderXID, r.Seq}})
	}
	return out, rows.Err()
}

const settled = `
SELECT ` + rowColumns + `
FROM platform.events
WHERE lane = $1::smallint AND (order_xid, seq) > ($2::bigint, $3::bigint)
	AND order_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AND id >= $4::text
ORDER BY order_xid, seq LIMIT $5::bigint`

// Upcoming is the first event after a lane's cursor.
type Upcoming struct {
	Lane    int
	EventID string
	Settled bool  // it can be read; otherwise it waits for the horizon
	Horizon int64 // the oldest transaction that is open
}

// Next looks after all cursors with one question; lanes without news are not in
// the answer.
func Next(ctx context.Context, idb bun.IDB, cursors []Cursor) ([]Upcoming, error) {
	if len(cursors) == 0 {
		return nil, nil
	}
	c := aside(cursors)
	rows, err := db.Query(ctx, idb, next, c.lanes, c.xids, c.seqs, c.since)
	if err != nil {
		return nil, fmt.Errorf("look for events: %w", err)
	}
	defer rows.Close()
	var out []Upcoming
	for rows.Next() {
		var u Upcoming
		if err := rows.Scan(&u.Lane, &u.EventID, &u.Settled, &u.Horizon); err != nil {
			return nil, fmt.Errorf("look for events: %w", err)
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

const next = `
SELECT c.lane, e.id AS event_id, e.order_xid < h.xmin AS settled, h.xmin AS horizon
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS c (lane, order_xid, seq)
CROSS JOIN (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) h
CROSS JOIN LATERAL (
	SELECT id, order_xid FROM platform.events
	WHERE lane = c.lane AND (order_xid, seq) > (c.order_xid, c.seq) AND id >= $4::text
	ORDER BY order_xid, seq LIMIT 1
) e`

// ReadOut reports whether the cursors have everything behind them that is
// committed below an id. It cannot tell about transactions from horizon on;
// those from next on had no number yet (a snapshot's own upper end would not say
// that: it leaves out the youngest open ones).
func ReadOut(ctx context.Context, idb bun.IDB, below string, cursors []Cursor) (done bool, horizon, next int64, err error) {
	c := aside(cursors)
	err = idb.NewRaw(readOut, pgdialect.Array(c.lanes), pgdialect.Array(c.xids), pgdialect.Array(c.seqs), below).Scan(ctx, &done, &horizon, &next)
	if err != nil {
		return false, 0, 0, fmt.Errorf("look for events of months before: %w", err)
	}
	return done, horizon, next, nil
}

const readOut = `
SELECT NOT EXISTS (
	SELECT FROM unnest(?::smallint[], ?::bigint[], ?::bigint[]) AS c (lane, order_xid, seq)
	CROSS JOIN LATERAL (
		SELECT FROM platform.events
		WHERE lane = c.lane AND (order_xid, seq) > (c.order_xid, c.seq) AND id < ?
		ORDER BY order_xid, seq LIMIT 1
	) e
), pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint`

// turned are cursors on their side, as unnest wants them.
type turned struct {
	lanes      []int16
	xids, seqs []int64
	since      string // the lowest of all
}

func aside(cursors []Cursor) turned {
	lanes, xids, seqs := make([]int16, len(cursors)), make([]int64, len(cursors)), make([]int64, len(cursors))
	since := cursors[0].Since
	for i, c := range cursors {
		lanes[i], xids[i], seqs[i] = int16(c.Lane), c.OrderXID, c.Seq
		since = min(since, c.Since)
	}
	return turned{lanes, xids, seqs, since}
}
