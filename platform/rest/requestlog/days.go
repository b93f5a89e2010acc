package requestlog

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

const (
	prefix    = "req"
	daysAhead = 3 // the job that makes them may be away for so long
	// Retention is how long requests are kept if nobody says otherwise.
	Retention = 7 * 24 * time.Hour
)

// dayName is a partition's: request_logs_2026_12_01.
const dayName = "request_logs_2006_01_02"

// Maintain makes the partitions of the days to come and drops those whose last
// request is older than retention. Processes that start it together take turns.
func Maintain(ctx context.Context, pool *bun.DB, now time.Time, retention time.Duration) error {
	today := now.UTC().Truncate(24 * time.Hour)
	for day := today; !day.After(today.AddDate(0, 0, daysAhead)); day = day.AddDate(0, 0, 1) {
		if err := makeDay(ctx, pool, day); err != nil {
			return fmt.Errorf("make the request log's day %s: %w", day.Format(time.DateOnly), err)
		}
	}
	return forget(ctx, pool, now.Add(-retention))
}

// daysLock is the advisory lock under which days come and go: "slreqlog" in ASCII.
const daysLock = 0x736c7265716c6f67

// makeDay attaches a day's partition. A day of which rows have fallen into the
// default partition stays there: it is gone soon.
func makeDay(ctx context.Context, pool *bun.DB, day time.Time) error {
	from, until := id.Floor(prefix, day), id.Floor(prefix, day.AddDate(0, 0, 1))
	return db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(daysLock)); err != nil {
			return err
		}
		var there bool
		err := tx.NewRaw(`SELECT to_regclass(?) IS NOT NULL OR EXISTS (SELECT FROM platform.request_logs_default WHERE id >= ? AND id < ?)`,
			"platform."+day.Format(dayName), from, until).Scan(ctx, &there)
		if err != nil || there {
			return err
		}
		_, err = tx.ExecContext(ctx, strings.NewReplacer("{name}", day.Format(dayName), "{from}", from, "{until}", until).Replace(
			`SET LOCAL lock_timeout = '2s'; CREATE TABLE platform.{name} PARTITION OF platform.request_logs FOR VALUES FROM ('{from}') TO ('{until}')`))
		return err
	})
}

var dayShape = regexp.MustCompile(`^request_logs_[0-9]{4}_[0-9]{2}_[0-9]{2}$`)

// forget drops the days that ended before then, and old rows of the default partition.
func forget(ctx context.Context, pool *bun.DB, before time.Time) error {
	var names []string
	err := pool.NewRaw(`SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'platform.request_logs'::regclass`).Scan(ctx, &names)
	if err != nil {
		return fmt.Errorf("list the request log's days: %w", err)
	}
	for _, name := range names {
		day, err := time.Parse(dayName, name)
		if err != nil || !dayShape.MatchString(name) || !day.AddDate(0, 0, 1).Before(before) {
			continue
		}
		err = db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '2s'; DROP TABLE platform."+name)
			return err
		})
		if err != nil {
			return fmt.Errorf("drop the request log's day %s: %w", name, err)
		}
	}
	if _, err := pool.ExecContext(ctx, "DELETE FROM platform.request_logs_default WHERE id < ?", id.Floor(prefix, before)); err != nil {
		return fmt.Errorf("forget requests: %w", err)
	}
	return nil
}
