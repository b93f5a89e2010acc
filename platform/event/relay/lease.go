package relay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/event"
)

// takeLease makes, takes or renews the lease. Leases run on the database's
// clock, so that the machines' clocks do not matter. ahead is true when the
// cursor names a transaction that this cluster has not reached: the database
// was restored by dump into another cluster, whose transaction numbers start
// anew, and no new event would ever come after the cursor.
const takeLease = `
INSERT INTO platform.relay_cursor AS c (order_xid, seq, holder, leased_until)
VALUES (0, 0, ?0, clock_timestamp() + ?1 * interval '1 millisecond')
ON CONFLICT ON CONSTRAINT relay_cursor_pkey DO UPDATE
	SET holder = EXCLUDED.holder, leased_until = EXCLUDED.leased_until
	WHERE c.holder = EXCLUDED.holder OR c.leased_until < clock_timestamp()
RETURNING c.order_xid, c.seq, c.order_xid > pg_current_xact_id()::text::bigint AS ahead`

// ErrForeignCursor is a cursor from another database cluster.
var ErrForeignCursor = errors.New("relay: the cursor comes from another database cluster; after a restore by dump, renumber the log")

// lead takes or renews the lease when it is due; false while another relay has it.
func (r *Relay) lead(ctx context.Context) (bool, error) {
	if !r.leasedAt.IsZero() && time.Since(r.leasedAt) < r.cfg.Lease/4 {
		return true, nil
	}
	at, cursor, ahead := time.Now(), event.Position{}, false
	err := r.pool.NewRaw(takeLease, r.name, r.cfg.Lease.Milliseconds()).Scan(ctx, &cursor.OrderXID, &cursor.Seq, &ahead)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		r.abdicate()
		return false, nil
	case err != nil:
		return false, fmt.Errorf("take the relay's lease: %w", err)
	case ahead:
		return false, ErrForeignCursor
	}
	if r.leasedAt.IsZero() || cursor != r.cursor {
		r.pending, r.cursor, r.upTo = nil, cursor, cursor
		r.cfg.Log.Info("relay: leading", "order_xid", cursor.OrderXID, "seq", cursor.Seq)
	}
	r.leasedAt = at
	r.stats.leading.Store(true)
	return true, nil
}

// save moves the cursor after the acknowledgements, only while we hold the lease.
func (r *Relay) save(ctx context.Context) error {
	res, err := r.pool.NewRaw(`UPDATE platform.relay_cursor SET order_xid = ?, seq = ? WHERE holder = ?`,
		r.upTo.OrderXID, r.upTo.Seq, r.name).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save the relay's cursor: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		r.abdicate()
		return errors.Join(errors.New("another relay has taken the lease"), err)
	}
	r.cursor = r.upTo
	r.stats.oldest.Store(0)
	return nil
}

func (r *Relay) abdicate() {
	r.leasedAt, r.pending = time.Time{}, nil
	r.stats.leading.Store(false)
	r.stats.oldest.Store(0)
	r.stats.horizonSince.Store(0)
}

// release lets the next relay start at once. Without it, it waits for the lease to run out.
func (r *Relay) release() {
	if r.leasedAt.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := r.pool.NewRaw(`UPDATE platform.relay_cursor SET leased_until = clock_timestamp() WHERE holder = ?`, r.name).Exec(ctx); err != nil {
		r.cfg.Log.Warn("relay: lease not given back, it will run out", "error", err)
	}
	r.abdicate()
}
