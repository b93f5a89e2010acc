package relay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// horizon is what the relay remembers about events that are committed but not settled.
type horizon struct {
	xmin     int64     // the oldest open transaction; 0 when nothing waits for it
	since    time.Time // when it was first seen standing in the way
	warnedAt time.Time
}

// look asks once for all lanes that have nothing to do what comes next in them,
// and complains about a transaction that keeps events from settling.
func (r *Relay) look(ctx context.Context) error {
	var cursors []event.Cursor
	for _, l := range r.lanes {
		if !l.busy && !l.leaving && !l.hasWork() {
			cursors = append(cursors, l.Cursor)
			l.oldest.Store(0)
		}
	}
	r.stats.looks.Add(1)
	upcoming, err := event.Next(ctx, r.pool, cursors)
	if err != nil {
		return err
	}
	xmin := int64(0)
	for _, u := range upcoming {
		l := r.lanes[u.Lane]
		l.waits(u.EventID)
		if l.ready = u.Settled; !u.Settled {
			xmin = u.Horizon
		} else {
			r.due.look = time.Now().Add(r.cfg.Gather)
		}
	}
	r.tellOldest()
	return r.see(ctx, xmin)
}

// see follows the horizon: xmin is the transaction that events wait for, 0 when none do.
func (r *Relay) see(ctx context.Context, xmin int64) error {
	if xmin == 0 {
		r.horizon.xmin = 0
		r.stats.horizonSince.Store(0)
		return nil
	}
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

// months is what the relay knows about those before the current one: without
// it, every look would go through all of them.
type months struct {
	now     time.Time // by the database's clock, as of the last beat: ids of new events are within half a day of it
	askedAt time.Time
	below   string // where this month's ids begin
	next    int64  // transactions from here on began when nobody wrote below it any more
}

// trimEvery is the pause between two tries to leave out months.
const trimEvery = time.Second

// settling is how long after its end a month may still get events from machines
// whose clock is behind; the log takes none from one that is half as much behind.
const settling = 24 * time.Hour

// trim leaves out the months before in lanes that have been read out of them.
// It takes two looks: the first one notes the next transaction's number, a later
// one finds all earlier transactions ended and nothing left to read.
func (r *Relay) trim(ctx context.Context) error {
	now := time.Now()
	if now.Sub(r.months.askedAt) < trimEvery {
		return nil
	}
	r.months.askedAt = now
	y, m, _ := r.months.now.Add(-settling).UTC().Date()
	below := id.Floor("evt", time.Date(y, m, 1, 0, 0, 0, 0, time.UTC))
	var cursors []event.Cursor
	for _, l := range r.lanes {
		if !l.busy && l.Since < below {
			cursors = append(cursors, l.Cursor)
		}
	}
	if len(cursors) == 0 {
		return nil
	}
	done, open, next, err := event.ReadOut(ctx, r.pool, below, cursors)
	switch {
	case err != nil:
		return err
	case r.months.below != below:
		r.months.below, r.months.next = below, next
	case done && open >= r.months.next:
		for _, c := range cursors {
			r.lanes[c.Lane].Since = below
		}
	}
	return nil
}
