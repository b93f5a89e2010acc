package event

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

// MaxBytes bounds object plus previous attributes of one event. A larger event
// would not fit into one Kafka message and would stop the relay for everybody.
const MaxBytes = 768 << 10

// ErrVersion means that an event does not take the next version of its object:
// its writer did not hold the object's row lock, or skipped a version.
var ErrVersion = errors.New("event: not the next version of its object")

// Log writes events in the transaction of the change they tell about.
type Log struct{}

// appendEvents takes the whole batch in one statement. seq follows the order of
// the batch.
const (
	appendEvents = `
INSERT INTO platform.events (id, type, account, platform, livemode, object_id, object_version,
	content, request_id, idempotency_key, created_at, order_xid)
SELECT e.id, e.type, e.account, e.platform, e.livemode, e.object_id, e.object_version,
	e.content, e.request_id, e.idempotency_key, e.created_at, `

	batch = ` FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::bigint[], $8::bigint[],
	$9::boolean[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::timestamptz[]) WITH ORDINALITY
	AS e (id, type, account, platform, livemode, object_id, object_version, follows,
	known, since, content, request_id, idempotency_key, created_at, place)`

	// newborn is for a batch of nothing but first versions of objects made this
	// month: the month's own key sees every twin.
	newborn = appendEvents + `pg_current_xact_id()::text::bigint` + batch + ` WHERE ` + onTime + ` ORDER BY e.place`

	// onTime refuses a machine whose clock is wrong: months are closed, read out and
	// archived by the time in ids, and an event with an old one would be overlooked.
	onTime = `$15::timestamptz BETWEEN statement_timestamp() - interval '12 hours' AND statement_timestamp() + interval '12 hours'`

	// The others look the version before up, for two reasons. It must exist, or
	// versions would have a gap. And its place in the publishing order is inherited
	// when it is the later one: a transaction that got its number first and waited
	// for the row lock second would otherwise be published before the change it
	// builds on.
	//
	// LATERAL with LIMIT keeps this an index look-up per event whatever the planner
	// thinks of the table's size; the bounds on id, constants when the statement is
	// planned, keep it to the months in which the batch's objects have lived.
	lookUp = appendEvents + `GREATEST(pg_current_xact_id()::text::bigint, before.order_xid)` + batch + `
LEFT JOIN LATERAL (
	SELECT b.object_version, b.order_xid FROM platform.events b
	WHERE e.known AND b.object_id = e.object_id AND b.id >= $16 AND b.id < $17`

	// recent is for objects made this month: its key sees every twin.
	recent = lookUp + ` AND b.object_version = e.follows LIMIT 1
) before ON true
WHERE ` + onTime + ` AND (NOT e.known OR before.order_xid IS NOT NULL)
ORDER BY e.place`

	// ancient is for objects from before. A partition's key does not see the other
	// months, so the version before must also be the latest. And an object of which
	// nothing is left goes on from any version, if a month that it can have lived
	// in was archived.
	ancient = lookUp + ` ORDER BY b.object_version DESC LIMIT 1
) before ON true
WHERE ` + onTime + ` AND (NOT e.known OR COALESCE(before.object_version, 0) = e.follows
	OR before.object_version IS NULL AND EXISTS (SELECT FROM platform.event_archives a WHERE a.until_id > e.since COLLATE "C"))
ORDER BY e.place`
)

// Append records events, all or none.
//
// The caller holds the row lock of every object named and passes the versions
// of one object in rising order without gap; anything else is ErrVersion. An
// empty ID is filled in, and so is an empty RequestID when ctx works for a
// request (WithOrigin); one that is given was just made by id.New. CreatedAt is
// business time and is required.
func (Log) Append(ctx context.Context, tx bun.Tx, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	cols, err := columnsOf(events, OriginOf(ctx))
	if err != nil {
		return err
	}
	return cols.write(ctx, tx)
}

func (c *columns) write(ctx context.Context, tx bun.Tx) error {
	text, args := c.statement()
	res, err := tx.Tx.ExecContext(ctx, text, args...)
	if strings.HasSuffix(db.Constraint(err), versionKey) {
		return fmt.Errorf("append events: version taken: %w", ErrVersion)
	}
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	written, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	if written == 0 {
		if err := checkClock(ctx, tx, c.now); err != nil {
			return fmt.Errorf("append events: %w", err)
		}
	}
	if int(written) != len(c.ids) {
		return fmt.Errorf("append events: %d of %d do not follow the latest version: %w", len(c.ids)-int(written), len(c.ids), ErrVersion)
	}
	return nil
}

// clockSkew is how far the clocks of two machines may be apart; from the
// database's, half of it.
const clockSkew = 24 * time.Hour

// ErrClock is a machine whose clock is too far from the database's.
var ErrClock = errors.New("event: the clock of this machine or of the database is wrong")

func checkClock(ctx context.Context, idb bun.IDB, now time.Time) error {
	var at time.Time
	if err := idb.NewRaw(`SELECT clock_timestamp()`).Scan(ctx, &at); err != nil {
		return err
	}
	if apart := now.Sub(at).Abs(); apart > clockSkew/2 {
		return fmt.Errorf("%s apart: %w", apart.Round(time.Minute), ErrClock)
	}
	return nil
}

// columns are the events turned on their side, as unnest wants them.
type columns struct {
	ids, types, accounts, platforms []string
	livemodes                       []bool
	objectIDs                       []string
	versions, follows               []int64
	known                           []bool   // the log may have versions of the object that the month's own key does not see
	since                           []string // no event of the object has a lower id
	contents                        [][]byte
	requests, keys                  []string
	createdAt                       []time.Time
	now                             time.Time
	anyKnown                        bool
	from, month                     string // below from no look-up needs to go; month is where ids of this one begin
}

func columnsOf(events []Event, origin Origin) (*columns, error) {
	now := time.Now()
	this := monthAt(now)
	c := &columns{now: now, from: this.floor, month: this.floor}
	first := make(map[string]int64, len(events)) // per object: the lowest version of the batch
	last := make(map[string]int64, len(events))
	for _, e := range events {
		if err := e.check(); err != nil {
			return nil, err
		}
		if v, seen := last[e.ObjectID]; !seen {
			first[e.ObjectID] = e.ObjectVersion
		} else if e.ObjectVersion != v+1 {
			return nil, fmt.Errorf("append event %s of %s: %d after %d: %w", e.Type, e.ObjectID, e.ObjectVersion, v, ErrVersion)
		}
		last[e.ObjectID] = e.ObjectVersion
		c.add(e, first[e.ObjectID]-1, this.since(e.ObjectID), origin)
	}
	return c, nil
}

func (e Event) check() error {
	switch {
	case e.Type == "" || e.Account == "" || e.Platform == "" || e.ObjectID == "" || e.CreatedAt.IsZero():
		return fmt.Errorf("append event %q of %q: type, account, platform, object and time are required", e.Type, e.ObjectID)
	case e.ObjectVersion < 1:
		return fmt.Errorf("append event %s of %s: version %d: %w", e.Type, e.ObjectID, e.ObjectVersion, ErrVersion)
	case len(e.Object) == 0:
		return fmt.Errorf("append event %s of %s: it has no object", e.Type, e.ObjectID)
	case len(e.Object)+len(e.Previous) > MaxBytes:
		return fmt.Errorf("append event %s of %s: %d bytes, at most %d", e.Type, e.ObjectID, len(e.Object)+len(e.Previous), MaxBytes)
	}
	return nil
}

func (c *columns) add(e Event, follows int64, since string, origin Origin) {
	if e.ID == "" {
		e.ID = id.New(prefix)
	}
	if e.RequestID == "" {
		e.RequestID, e.IdempotencyKey = origin.RequestID, origin.IdempotencyKey
	}
	c.ids = append(c.ids, e.ID)
	c.types = append(c.types, e.Type)
	c.accounts = append(c.accounts, e.Account)
	c.platforms = append(c.platforms, e.Platform)
	c.livemodes = append(c.livemodes, e.Livemode)
	c.objectIDs = append(c.objectIDs, e.ObjectID)
	c.versions = append(c.versions, e.ObjectVersion)
	c.follows = append(c.follows, follows)
	known := follows > 0 || since < c.month
	if known {
		c.anyKnown, c.from = true, min(c.from, since)
	}
	c.known, c.since = append(c.known, known), append(c.since, since)
	c.contents = append(c.contents, e.content())
	c.requests = append(c.requests, e.RequestID)
	c.keys = append(c.keys, e.IdempotencyKey)
	c.createdAt = append(c.createdAt, e.CreatedAt.UTC())
}

// statement is what writes the batch, with its arguments. Only the first is kept
// prepared: the others are planned with the months of their batch.
func (c *columns) statement() (text string, args []any) {
	args = []any{
		c.ids, c.types, c.accounts, c.platforms, c.livemodes, c.objectIDs, c.versions, c.follows, c.known, c.since,
		c.contents, c.requests, c.keys, c.createdAt, c.now.UTC(),
	}
	if !c.anyKnown {
		return newborn, append([]any{db.Prepared}, args...)
	}
	args = append(args, c.from, id.Floor(prefix, c.now.Add(clockSkew)))
	if c.from == c.month {
		return recent, args
	}
	return ancient, args
}

// month is one in which events are written.
type month struct {
	floor  string // the lowest event id of it
	within string // objects with a body from here on were made in it
}

func monthAt(now time.Time) month {
	begin := monthOf(now)
	return month{floor: id.Floor(prefix, begin), within: id.Body(id.Floor(prefix, begin.Add(clockSkew)))}
}

// since is an id below which no event of the object can be: an object is older
// than its events. "" for objects whose id does not tell.
func (m month) since(objectID string) string {
	if body := id.Body(objectID); len(body) == len(m.within) && body >= m.within {
		return m.floor // by far the most, without arithmetic
	}
	born, ok := id.Time(objectID)
	if !ok {
		return ""
	}
	return id.Floor(prefix, born.Add(-clockSkew))
}
