package run

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// lease is the right of one run of one worker to do a job. Its times are the
// database's clock, the only one that all processes share; no report reads them.
// Writes do not wait for the disk: after a crash of the database a lost lease
// write costs at most one extra or one late run.
type lease struct {
	pool   *bun.DB
	name   string
	holder string // made for this run
}

// async stands in front of each write: one statement and one way to the database, not
// a transaction of four, for there are a dozen jobs a second.
const async = `
WITH async AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting)`

// takeLease makes the row at the first run ever; an existing row is taken when
// its lease has run out and, if that is asked for, the job is due. The row lock
// of the upsert decides between two who try at once.
const takeLease = async + `
INSERT INTO platform.leases AS l (name, holder, expires_at, due_at)
SELECT ?0, ?1, clock_timestamp() + ?2 * interval '1 microsecond', clock_timestamp() FROM async
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE l.expires_at <= clock_timestamp() AND (NOT ?3 OR l.due_at <= clock_timestamp())
RETURNING l.name`

// readLease spares the upsert, and so a row lock and a write, when it would be in vain.
const readLease = `
SELECT NOT EXISTS (
    SELECT FROM platform.leases
    WHERE name = ?0 AND (expires_at > clock_timestamp() OR ?1 AND due_at > clock_timestamp()))`

const renewLease = async + `
UPDATE platform.leases SET expires_at = clock_timestamp() + ?2 * interval '1 microsecond' FROM async
WHERE name = ?0 AND holder = ?1`

const releaseLease = async + `
UPDATE platform.leases SET expires_at = clock_timestamp(), due_at = clock_timestamp() + ?2 * interval '1 microsecond' FROM async
WHERE name = ?0 AND holder = ?1`

func (l lease) take(ctx context.Context, onlyDue bool) (got bool, err error) {
	var free bool
	if err := l.pool.NewRaw(readLease, l.name, onlyDue).Scan(ctx, &free); err != nil || !free {
		return false, err
	}
	var name string
	err = l.pool.NewRaw(takeLease, l.name, l.holder, leaseTerm.Microseconds(), onlyDue).Scan(ctx, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// renew keeps the lease until ctx is done, or gives it up: then lost gets the reason.
func (l lease) renew(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		limited, cancel := context.WithTimeout(ctx, renewEvery)
		held, err := l.extend(limited)
		cancel()
		switch {
		case err == nil && held:
			last = asked
		case err == nil, time.Since(last) > giveUp:
			lost(errLeaseLost)
			return
		}
	}
}

func (l lease) extend(ctx context.Context) (held bool, err error) {
	res, err := l.pool.NewRaw(renewLease, l.name, l.holder, leaseTerm.Microseconds()).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// release lets the lease go and sets when the job is due next. A lease that was lost stays with its new holder.
func (l lease) release(ctx context.Context, interval time.Duration) error {
	_, err := l.pool.NewRaw(releaseLease, l.name, l.holder, interval.Microseconds()).Exec(ctx)
	return err
}
