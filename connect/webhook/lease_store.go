package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// leaseFor outlasts a wait for a place, a send and its recording; after it, another node may try.
const leaseFor = 3 * sendTimeout

// leased is a delivery that this process may send until the lease ends.
type leased struct {
	ID        string `bun:"id"`
	Endpoint  string `bun:"endpoint"`
	Event     string `bun:"event"`
	EventType string `bun:"event_type"`
	Number    int    `bun:"number"`
	Before    int    `bun:"attempts_before"`
	Seq       int64  `bun:"seq"`
	Ordered   bool   `bun:"ordered"`
	Account   string `bun:"account"` // whose event it is
	Body      []byte `bun:"body"`
	Pending   int    `bun:"pending"` // how many endpoints the event was meant for

	until   time.Time     // the lease's end
	guarded bool          // leased under the lock of its endpoint's health: it has its place
	probe   bool          // sent to learn whether its endpoint is back
	slot    time.Time     // not sent before; zero for at once
	late    time.Duration // how much later its slot may still be used
	shaky   bool          // its endpoint was on probation when it started,
	failing bool          // and known to fail
	takenAt time.Time     // when this process got it, by its own watch
	heard   bool          // then, its receiver might hear of the account
}

// footing is how its endpoint stood when it started.
func (l leased) footing() footing {
	if l.shaky {
		return probation
	}
	return proven
}

func bornLeased(row deliveryRow, l letter, to Endpoint) leased {
	return leased{
		ID: row.ID, Endpoint: to.ID, Event: l.ID, EventType: l.Type, Number: row.Attempts, Ordered: row.Ordered,
		Account: l.Account, Body: l.Envelope, Pending: len(l.to), until: row.LeasedUntil, heard: true,
	}
}

// due is an endpoint that something is due for.
type due struct {
	ID             string    `bun:"id"`
	Hop            int       `bun:"hop"`       // its place in the walk; 0 if it was asked for by name
	Since          time.Time `bun:"due_since"` // of its oldest; zero if nothing can be sent
	RateLimit      int       `bun:"rate_limit"`
	MaxConcurrency int       `bun:"max_concurrency"`
	Failures       int       `bun:"failures"`
	OpenUntil      time.Time `bun:"open_until"` // zero while the breaker is closed
}

// guarded endpoints are leased under the lock of their health.
func (d due) guarded() bool { return d.RateLimit > 0 || d.MaxConcurrency > 0 || !d.OpenUntil.IsZero() }

// The statements below read the two partial indexes of pending deliveries by whole
// keys, (endpoint, next_attempt_at) >= (…) ORDER BY both, and "attempts >= 0" names
// the one of what is due. That leaves one plan to each. With endpoint = … the planner
// had a choice, and what it believes of the table stems from before the outage that
// filled it: it read a whole backlog, once for each row of it.

// findDueSQL walks the endpoints that have something pending, one step of the
// index each, from where the last walk ended; with them come those asked for by
// name. It costs a bounded number of steps, however many endpoints are dead and
// however much waits for each.
const findDueSQL = `
WITH RECURSIVE walk AS (
    (SELECT endpoint, 1 AS hop FROM connect.webhook_deliveries
     WHERE status = 'pending' AND attempts >= 0 AND endpoint > ?0 AND ?1 > 0 ORDER BY endpoint, next_attempt_at LIMIT 1)
    UNION ALL
    SELECT n.endpoint, walk.hop + 1 FROM walk CROSS JOIN LATERAL (
        SELECT d.endpoint FROM connect.webhook_deliveries AS d
        WHERE d.status = 'pending' AND d.attempts >= 0 AND d.endpoint > walk.endpoint ORDER BY d.endpoint, d.next_attempt_at LIMIT 1
    ) AS n WHERE walk.hop < ?1
), candidate AS (
    SELECT endpoint, max(hop) AS hop FROM (SELECT endpoint, hop FROM walk UNION ALL SELECT unnest(?2::text[]), 0) AS c GROUP BY endpoint
)
SELECT c.endpoint AS id, c.hop, COALESCE(e.rate_limit, 0) AS rate_limit, COALESCE(e.max_concurrency, 0) AS max_concurrency,
    COALESCE(h.failures, 0) AS failures, h.open_until,
    CASE WHEN e.id IS NOT NULL AND h.endpoint IS NOT NULL AND first.endpoint = c.endpoint AND first.next_attempt_at <= ?3
        THEN first.next_attempt_at END AS due_since
FROM candidate AS c
LEFT JOIN connect.webhook_endpoints AS e
    ON e.id = c.endpoint AND NOT e.disabled AND NOT e.paused AND e.listener IS NULL AND e.deleted_at IS NULL
LEFT JOIN connect.webhook_health AS h ON h.endpoint = c.endpoint AND (h.open_until IS NULL OR h.open_until <= ?3)
LEFT JOIN LATERAL (
    SELECT d.endpoint, d.next_attempt_at FROM connect.webhook_deliveries AS d
    WHERE d.status = 'pending' AND d.attempts >= 0 AND (d.endpoint, d.next_attempt_at) >= (c.endpoint, '-infinity')
    ORDER BY d.endpoint, d.next_attempt_at LIMIT 1
) AS first ON true
ORDER BY due_since`

// findDue looks at the endpoints named and at up to hops more behind after. It
// returns those with something due, the longest waiting first, and where to go on:
// "" after the last.
func findDue(ctx context.Context, idb bun.IDB, at time.Time, named []string, after string, hops int) (found []due, next string, err error) {
	var rows []due
	if err := idb.NewRaw(findDueSQL, after, hops, pgdialect.Array(named), at).Scan(ctx, &rows); err != nil {
		return nil, "", fmt.Errorf("find due webhook endpoints: %w", err)
	}
	for _, row := range rows {
		if row.Hop == hops && hops > 0 {
			next = row.ID
		}
		if !row.Since.IsZero() {
			found = append(found, row)
		}
	}
	return found, next, nil
}

// examined is how many due deliveries of an endpoint a lease looks at.
const examined = 256

// mayGoSQL is the rule of order: an ordered delivery goes when it is the first
// pending one of its object. Those of the version before name no object: one that
// does not get through must not stand before all of them.
const mayGoSQL = `(NOT d.ordered OR d.object_id = '' OR d.id = (
        SELECT b.id FROM connect.webhook_deliveries AS b
        WHERE b.status = 'pending' AND (b.endpoint, b.object_id, b.seq) >= (d.endpoint, d.object_id, 0)
        ORDER BY b.endpoint, b.object_id, b.seq LIMIT 1))`

// stillDueSQL asks again under the lock. It is written so that no index of pending deliveries fits it.
const stillDueSQL = `d.status || '' = 'pending' AND d.next_attempt_at + interval '0' <= `

// takeSQL leases what was chosen: the next attempt's time moves to the lease's end,
// so a crash needs no sweeper; the attempt's number is taken with it.
const takeSQL = `, taken AS (
    UPDATE connect.webhook_deliveries AS d SET attempts = d.attempts + 1, next_attempt_at = ?0, leased_until = ?0
    FROM chosen WHERE d.id = chosen.id
    RETURNING d.id, d.endpoint, d.event, d.event_type, d.attempts AS number, d.attempts_before, d.seq, d.ordered
)
SELECT taken.*, p.account, p.body, p.pending FROM taken JOIN connect.webhook_payloads AS p ON p.event = taken.event`

// leaseSQL takes of each endpoint named at most its places from the front of what
// is due. SKIP LOCKED lets several nodes lease side by side.
const leaseSQL = `
WITH chosen AS (
    SELECT due.id FROM unnest(?1::text[], ?2::bigint[]) AS w (endpoint, places) CROSS JOIN LATERAL (
        SELECT d.id FROM (
            SELECT id FROM connect.webhook_deliveries
            WHERE status = 'pending' AND attempts >= 0
                AND (endpoint, next_attempt_at) >= (w.endpoint, '-infinity') AND (endpoint, next_attempt_at) <= (w.endpoint, ?3)
            ORDER BY endpoint, next_attempt_at LIMIT ?4
        ) AS front JOIN connect.webhook_deliveries AS d ON d.id = front.id
        WHERE ` + stillDueSQL + `?3 AND ` + mayGoSQL + `
        ORDER BY d.next_attempt_at, d.seq LIMIT w.places FOR UPDATE OF d SKIP LOCKED
    ) AS due
)` + takeSQL

// lease takes of each endpoint what it has places for.
func lease(ctx context.Context, idb bun.IDB, at time.Time, places map[string]int) ([]leased, error) {
	endpoints, counts := make([]string, 0, len(places)), make([]int64, 0, len(places))
	for endpointID, n := range places {
		if n > 0 {
			endpoints, counts = append(endpoints, endpointID), append(counts, int64(n))
		}
	}
	if len(endpoints) == 0 {
		return nil, nil
	}
	var out []leased
	err := idb.NewRaw(leaseSQL, at.Add(leaseFor), pgdialect.Array(endpoints), pgdialect.Array(counts), at, examined).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("lease webhook deliveries: %w", err)
	}
	return inOrder(out, at.Add(leaseFor)), nil
}

// jammedSQL are the endpoints whose front is full of what may not go yet.
const jammedSQL = `
SELECT w.endpoint FROM unnest(?0::text[]) AS w (endpoint)
WHERE (SELECT count(*) FROM (
    SELECT 1 FROM connect.webhook_deliveries AS d
    WHERE d.status = 'pending' AND d.attempts >= 0
        AND (d.endpoint, d.next_attempt_at) >= (w.endpoint, '-infinity') AND (d.endpoint, d.next_attempt_at) <= (w.endpoint, ?1)
    ORDER BY d.endpoint, d.next_attempt_at LIMIT ?2
) AS front) >= ?2`

// leaseFair is lease, and leaseHeads where the front is jammed. heads remembers by
// endpoint where the last look at its objects ended; nil begins at the first.
func leaseFair(ctx context.Context, idb bun.IDB, at time.Time, places map[string]int, heads map[string]string) ([]leased, error) {
	batch, err := lease(ctx, idb, at, places)
	if err != nil {
		return nil, err
	}
	got := make(map[string]bool, len(batch))
	for _, l := range batch {
		got[l.Endpoint] = true
	}
	var without, jammed []string
	for endpointID, n := range places {
		if n > 0 && !got[endpointID] {
			without = append(without, endpointID)
		}
	}
	if len(without) == 0 {
		return batch, nil
	}
	if err := idb.NewRaw(jammedSQL, pgdialect.Array(without), at, examined).Scan(ctx, &jammed); err != nil {
		return nil, fmt.Errorf("find jammed webhook endpoints: %w", err)
	}
	for _, endpointID := range jammed {
		more, next, err := leaseHeads(ctx, idb, at, endpointID, heads[endpointID], places[endpointID])
		if err != nil {
			return nil, err
		}
		if heads != nil {
			heads[endpointID] = next
		}
		batch = append(batch, more...)
	}
	return batch, nil
}

// headsSQL walks the objects that an endpoint has something pending of, to the
// first of each.
const headsSQL = `
WITH RECURSIVE walk AS (
    (SELECT endpoint, object_id, id, next_attempt_at, 1 AS hop FROM connect.webhook_deliveries
     WHERE status = 'pending' AND (endpoint, object_id) > (?0, ?1) ORDER BY endpoint, object_id, seq LIMIT 1)
    UNION ALL
    SELECT n.*, walk.hop + 1 FROM walk CROSS JOIN LATERAL (
        SELECT d.endpoint, d.object_id, d.id, d.next_attempt_at FROM connect.webhook_deliveries AS d
        WHERE d.status = 'pending' AND (d.endpoint, d.object_id) > (walk.endpoint, walk.object_id)
        ORDER BY d.endpoint, d.object_id, d.seq LIMIT 1
    ) AS n WHERE walk.endpoint = ?0 AND walk.hop < ?2
)
SELECT object_id, id, next_attempt_at <= ?3 AS due FROM walk WHERE endpoint = ?0 ORDER BY hop`

// leaseNamedSQL takes deliveries by name.
const leaseNamedSQL = `
WITH chosen AS (
    SELECT d.id FROM connect.webhook_deliveries AS d
    WHERE d.id = ANY (?1::text[]) AND ` + stillDueSQL + `?2 AND ` + mayGoSQL + `
    ORDER BY d.seq FOR UPDATE OF d SKIP LOCKED
)` + takeSQL

// leaseHeads is for an endpoint whose front is jammed with deliveries that wait for
// earlier ones: it looks at up to examined objects behind after instead, so that one
// object that does not get through never stands before the others.
func leaseHeads(ctx context.Context, idb bun.IDB, at time.Time, endpointID, after string, places int) (out []leased, next string, err error) {
	var heads []struct {
		ObjectID string
		ID       string
		Due      bool
	}
	if err := idb.NewRaw(headsSQL, endpointID, after, examined, at).Scan(ctx, &heads); err != nil {
		return nil, "", fmt.Errorf("find first webhook deliveries: %w", err)
	}
	var named []string
	for i, head := range heads {
		if head.Due {
			named = append(named, head.ID)
		}
		if len(named) == places || i+1 == examined {
			next = head.ObjectID
			break
		}
	}
	if len(named) == 0 {
		return nil, next, nil
	}
	if err := idb.NewRaw(leaseNamedSQL, at.Add(leaseFor), pgdialect.Array(named), at).Scan(ctx, &out); err != nil {
		return nil, "", fmt.Errorf("lease first webhook deliveries: %w", err)
	}
	return inOrder(out, at.Add(leaseFor)), next, nil
}

func inOrder(batch []leased, until time.Time) []leased {
	for i := range batch {
		batch[i].until = until
	}
	slices.SortFunc(batch, func(a, b leased) int { return cmp.Compare(a.Seq, b.Seq) })
	return batch
}
