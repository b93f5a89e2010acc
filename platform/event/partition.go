package event

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

// prefix is that of event ids, by whose order the log is cut into months.
const prefix = "evt"

// versionKey ends the name of every partition's unique key of (object_id, object_version).
const versionKey = "_object_version_key"

// monthsAhead is how many months have their partition before they begin: the
// job that makes them may be away for so long.
const monthsAhead = 3

// partition is a table of the log: the events with From <= id < Until.
type partition struct {
	Name    string
	From    string // "" = everything before
	Until   string
	Default bool // what no other partition takes
}

// month is what an operator calls it: the last month it holds events of.
func (p partition) month() string {
	end, _ := id.Time(p.Until)
	return monthName(end.Add(-time.Millisecond))
}

func monthName(at time.Time) string { return at.UTC().Format("2006-01") }

// monthOf is the beginning of a moment's month.
func monthOf(at time.Time) time.Time {
	y, m, _ := at.UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// monthly is the partition of the month that begins then.
func monthly(begin time.Time) partition {
	return partition{
		Name: "events_" + begin.Format("2006_01"),
		From: id.Floor(prefix, begin), Until: id.Floor(prefix, begin.AddDate(0, 1, 0)),
	}
}

var bounds = regexp.MustCompile(`FROM \((?:MINVALUE|'(\w+)')\) TO \('(\w+)'\)`)

// partitions are those that the log has now, oldest first, the default one last.
func partitions(ctx context.Context, idb bun.IDB) ([]partition, error) {
	var rows []struct{ Name, Bound string }
	err := idb.NewRaw(`
SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'platform.events'::regclass
ORDER BY pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.relname`).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list the log's partitions: %w", err)
	}
	out := make([]partition, len(rows))
	for i, r := range rows {
		out[i] = partition{Name: r.Name, Default: r.Bound == "DEFAULT"}
		if found := bounds.FindStringSubmatch(r.Bound); found != nil {
			out[i].From, out[i].Until = found[1], found[2]
		} else if !out[i].Default {
			return nil, fmt.Errorf("partition %s of the log is not a month: %s", r.Name, r.Bound)
		}
	}
	return out, nil
}

// EnsurePartitions makes the partitions of this month and the next three, and
// those of months whose events had none and fell into the default partition:
// these are moved. Processes that start it together take turns.
//
// A partition is made beside the log and then attached, which locks the default
// partition alone, for as long as it takes to move and check its rows; the wait
// for that lock is bounded, and an error then means: the next time.
func EnsurePartitions(ctx context.Context, pool *bun.DB, now time.Time) error {
	last := monthOf(now).AddDate(0, monthsAhead, 0)
	for begin := monthOf(now); !begin.After(last); begin = begin.AddDate(0, 1, 0) {
		if err := ensurePartition(ctx, pool, begin); err != nil {
			return err
		}
	}
	after := ""
	for {
		fallen, err := nextFallen(ctx, pool, after, id.Floor(prefix, last.AddDate(0, 1, 0)))
		if err != nil || fallen == "" {
			return err
		}
		at, ok := id.Time(fallen)
		if !ok { // not made by us; it can stay
			after = fallen + "\x01"
			continue
		}
		if err := ensurePartition(ctx, pool, monthOf(at)); err != nil {
			return err
		}
		after = monthly(monthOf(at)).Until
	}
}

// nextFallen is the first event in the default partition from one id to another, or "".
func nextFallen(ctx context.Context, pool *bun.DB, from, until string) (found string, err error) {
	err = pool.NewRaw(`SELECT COALESCE(min(id), '') FROM platform.events_default WHERE id >= ? AND id < ?`, from, until).Scan(ctx, &found)
	if err != nil {
		return "", fmt.Errorf("look into the log's default partition: %w", err)
	}
	return found, nil
}

// partitionLock is the advisory lock under which partitions come and go: "slevents" in ASCII.
const partitionLock = 0x736c6576656e7473

func ensurePartition(ctx context.Context, pool *bun.DB, begin time.Time) error {
	p := monthly(begin)
	err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(partitionLock)); err != nil {
			return err
		}
		have, err := partitions(ctx, tx)
		if err != nil {
			return err
		}
		for _, h := range have {
			if !h.Default && h.From <= p.From && p.Until <= h.Until {
				return nil
			}
		}
		_, err = tx.ExecContext(ctx, strings.NewReplacer("{name}", p.Name, "{from}", p.From, "{until}", p.Until).Replace(makePartition))
		return err
	})
	if err != nil {
		return fmt.Errorf("make partition %s of the log: %w", p.Name, err)
	}
	return nil
}

// makePartition moves what had fallen into the default partition before it
// attaches the new one: attaching refuses while the default partition holds rows
// of the new range. The lock keeps further ones out and waits for those who read
// all months; whoever comes later waits behind us, so we give up soon.
const makePartition = `
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '2s';
CREATE TABLE platform.{name} (LIKE platform.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED,
	CONSTRAINT {name}` + versionKey + ` UNIQUE (object_id, object_version));
LOCK TABLE platform.events IN SHARE UPDATE EXCLUSIVE MODE;
LOCK TABLE platform.events_default IN ACCESS EXCLUSIVE MODE;
WITH fallen AS (
	DELETE FROM platform.events_default WHERE id >= '{from}' AND id < '{until}'
	RETURNING id, type, account, platform, livemode, object_id, object_version, object, previous, content, request_id, idempotency_key, created_at, order_xid, seq
)
INSERT INTO platform.{name} (id, type, account, platform, livemode, object_id, object_version, object, previous, content, request_id, idempotency_key, created_at, order_xid, seq)
SELECT id, type, account, platform, livemode, object_id, object_version, object, previous, content, request_id, idempotency_key, created_at, order_xid, seq FROM fallen;
ALTER TABLE platform.events ATTACH PARTITION platform.{name} FOR VALUES FROM ('{from}') TO ('{until}')`
