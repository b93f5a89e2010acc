package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

const (
	// paceAhead is how far ahead the sends of a rate-limited endpoint are given their times.
	paceAhead = time.Second
	// paceLead is what a lease takes until it can send.
	paceLead = 10 * time.Millisecond
	// paceBurst bounds the sends of one endpoint that wait for their time in one process.
	paceBurst = 256
)

// slots are the times of up to n sends at rate a second, after the one at paced
// (GCRA without a burst). A slot belongs to one send of one process: it is kept
// in the health row, under whose lock it is given.
func slots(at, paced time.Time, rate, n int) []time.Time {
	every := time.Second / time.Duration(rate)
	next := at.Add(paceLead)
	if after := paced.Add(every); after.After(next) {
		next = after
	}
	var out []time.Time
	for ; len(out) < n && !next.After(at.Add(paceAhead)); next = next.Add(every) {
		out = append(out, next)
	}
	return out
}

// lateness is how late a slot may be used. Sends that are all less than one
// interval late never bring more than rate+1 into a second; half of it is left to
// the network. Where intervals are shorter than a machine is precise, that is the bound.
func lateness(rate int) time.Duration {
	return max(time.Second/time.Duration(rate)/2, 20*time.Millisecond)
}

// guard is an endpoint under the lock of its health.
type guard struct {
	Endpoint       string    `bun:"endpoint"`
	RateLimit      int       `bun:"rate_limit"`
	MaxConcurrency int       `bun:"max_concurrency"`
	OpenUntil      time.Time `bun:"open_until"`
	PacedAt        time.Time `bun:"paced_at"`
	Busy           int       `bun:"-"` // leased now, by any process
	slots          []time.Time
}

// places is how many sends may be leased at at; room is what this process has for them.
func (g *guard) places(at time.Time, room int) int {
	if !g.OpenUntil.IsZero() {
		if g.OpenUntil.After(at) {
			return 0
		}
		room = min(room, 1)
	}
	if g.MaxConcurrency > 0 {
		room = min(room, g.MaxConcurrency-g.Busy)
	}
	if g.RateLimit > 0 {
		g.slots = slots(at, g.PacedAt, g.RateLimit, max(room, 0))
		room = len(g.slots)
	}
	return max(room, 0)
}

// lockGuardsSQL passes over those that another process is leasing from.
const lockGuardsSQL = `
SELECT h.endpoint, COALESCE(e.rate_limit, 0) AS rate_limit, COALESCE(e.max_concurrency, 0) AS max_concurrency, h.open_until, h.paced_at
FROM connect.webhook_health AS h JOIN connect.webhook_endpoints AS e ON e.id = h.endpoint
WHERE h.endpoint = ANY (?::text[]) AND NOT e.disabled AND NOT e.paused AND e.deleted_at IS NULL
ORDER BY h.endpoint FOR UPDATE OF h SKIP LOCKED`

// busySQL counts the leases of all processes. A leased delivery's next attempt is at its lease's end, so they stand together in the index.
const busySQL = `
SELECT w.endpoint, (SELECT count(*) FROM (
    SELECT d.leased_until FROM connect.webhook_deliveries AS d
    WHERE d.status = 'pending' AND d.attempts >= 0
        AND (d.endpoint, d.next_attempt_at) > (w.endpoint, ?0) AND (d.endpoint, d.next_attempt_at) <= (w.endpoint, ?1)
    ORDER BY d.endpoint, d.next_attempt_at
) AS leased WHERE leased.leased_until > ?0) AS busy
FROM unnest(?2::text[]) AS w (endpoint)`

// leaseGuarded leases from endpoints with limits, and one delivery from each whose
// breaker is half open, under the locks of their health rows: so that over all
// processes no limit is exceeded and one probe is sent. room is by endpoint.
func leaseGuarded(ctx context.Context, pool *bun.DB, at time.Time, room map[string]int) (batch []leased, err error) {
	err = db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		guards, err := lockGuards(ctx, tx, at, room)
		if err != nil || len(guards) == 0 {
			return err
		}
		places := make(map[string]int, len(guards))
		for endpointID, g := range guards {
			places[endpointID] = g.places(at, room[endpointID])
		}
		if batch, err = leaseFair(ctx, tx, at, places, nil); err != nil {
			return err
		}
		return noteGuarded(ctx, tx, at, guards, batch)
	})
	return batch, err
}

func lockGuards(ctx context.Context, tx bun.Tx, at time.Time, room map[string]int) (map[string]*guard, error) {
	endpoints := make([]string, 0, len(room))
	for endpointID := range room {
		endpoints = append(endpoints, endpointID)
	}
	var rows []guard
	if err := tx.NewRaw(lockGuardsSQL, pgdialect.Array(endpoints)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("lock webhook health: %w", err)
	}
	guards := make(map[string]*guard, len(rows))
	var limited []string
	for i := range rows {
		guards[rows[i].Endpoint] = &rows[i]
		if rows[i].MaxConcurrency > 0 {
			limited = append(limited, rows[i].Endpoint)
		}
	}
	if len(limited) == 0 {
		return guards, nil
	}
	var counts []struct {
		Endpoint string
		Busy     int
	}
	if err := tx.NewRaw(busySQL, at, at.Add(leaseFor), pgdialect.Array(limited)).Scan(ctx, &counts); err != nil {
		return nil, fmt.Errorf("count webhook leases: %w", err)
	}
	for _, c := range counts {
		guards[c.Endpoint].Busy = c.Busy
	}
	return guards, nil
}

// noteGuarded gives each delivery its slot and writes what the leases used up: the
// next slot begins after the last, and a breaker is open until its probe has ended.
func noteGuarded(ctx context.Context, tx bun.Tx, at time.Time, guards map[string]*guard, batch []leased) error {
	var endpoints []string
	paced, openUntil := map[string]time.Time{}, map[string]time.Time{}
	for i := range batch {
		l := &batch[i]
		g := guards[l.Endpoint]
		l.guarded = true
		if l.probe = !g.OpenUntil.IsZero(); l.probe {
			openUntil[l.Endpoint] = at.Add(leaseFor)
		}
		if g.RateLimit > 0 {
			l.slot, l.late, g.slots = g.slots[0], lateness(g.RateLimit), g.slots[1:]
			paced[l.Endpoint] = l.slot
		}
		endpoints = append(endpoints, l.Endpoint)
	}
	if len(paced) == 0 && len(openUntil) == 0 {
		return nil
	}
	pacedAt, openTo := make([]*time.Time, len(endpoints)), make([]*time.Time, len(endpoints))
	for i, endpointID := range endpoints {
		pacedAt[i], openTo[i] = orNull(paced[endpointID]), orNull(openUntil[endpointID])
	}
	_, err := tx.NewRaw(`
UPDATE connect.webhook_health AS h SET paced_at = COALESCE(n.paced, h.paced_at), open_until = COALESCE(n.open_until, h.open_until)
FROM (SELECT DISTINCT * FROM unnest(?::text[], ?::timestamptz[], ?::timestamptz[])) AS n (endpoint, paced, open_until)
WHERE h.endpoint = n.endpoint`, pgdialect.Array(endpoints), pgdialect.Array(pacedAt), pgdialect.Array(openTo)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("pace webhook endpoints: %w", err)
	}
	return nil
}
