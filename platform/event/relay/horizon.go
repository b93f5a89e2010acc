package relay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// horizon is what the relay remembers about events that are committed but not settled.
type horizon struct {
	lookedAt time.Time
	xmin     int64
	since    time.Time // when xmin was first seen standing in the way
	warnedAt time.Time
}

// lookEvery spares a quiet log a second question per poll.
const lookEvery = time.Second

// look asks, while nothing is settled, whether something waits for an open
// transaction, and complains about one that stays.
func (r *Relay) look(ctx context.Context) error {
	if time.Since(r.horizon.lookedAt) < min(lookEvery, r.cfg.StallAfter/4) {
		return nil
	}
	r.horizon.lookedAt = time.Now()
	var first string
	var xmin int64
	err := r.pool.NewRaw(`
SELECT id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
FROM platform.events WHERE (order_xid, seq) > (?, ?) ORDER BY order_xid, seq LIMIT 1`,
		r.cursor.OrderXID, r.cursor.Seq).Scan(ctx, &first, &xmin)
	if errors.Is(err, sql.ErrNoRows) {
		r.horizon.xmin = 0
		r.stats.oldest.Store(0)
		r.stats.horizonSince.Store(0)
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the horizon: %w", err)
	}
	r.stats.waitingFor(first)
	if xmin != r.horizon.xmin {
		r.horizon.xmin, r.horizon.since = xmin, time.Now()
	}
	r.stats.horizonSince.Store(r.horizon.since.UnixMilli())
	return r.warn(ctx)
}

// warn names the transaction in the way, at most once per StallAfter.
func (r *Relay) warn(ctx context.Context) error {
	age := time.Since(r.horizon.since)
	if age < r.cfg.StallAfter || time.Since(r.horizon.warnedAt) < r.cfg.StallAfter {
		return nil
	}
	r.horizon.warnedAt = time.Now()
	var who string
	err := r.pool.NewRaw(`
SELECT who FROM (
	SELECT age(backend_xid) AS age, format('pid %s (%s) in database %s, %s', pid, application_name, datname, state) AS who
	FROM pg_stat_activity WHERE backend_xid IS NOT NULL
	UNION ALL
	SELECT age(transaction), format('prepared transaction %s in database %s', gid, database) FROM pg_prepared_xacts
) open ORDER BY age DESC LIMIT 1`).Scan(ctx, &who)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find the oldest transaction: %w", err)
	}
	r.cfg.Log.Warn("relay: an open transaction holds events back", "age_seconds", int(age.Seconds()), "transaction", who)
	return nil
}
