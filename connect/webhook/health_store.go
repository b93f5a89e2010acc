package webhook

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// healthRow is how an endpoint does, as the dispatcher needs it.
type healthRow struct {
	bun.BaseModel `bun:"table:connect.webhook_health,alias:health"`

	Endpoint       string    `bun:"endpoint,pk"`
	Failures       int       `bun:"failures"`
	FirstFailureAt time.Time `bun:"first_failure_at,nullzero"`
	LastFailureAt  time.Time `bun:"last_failure_at,nullzero"`
	OpenUntil      time.Time `bun:"open_until,nullzero"`
	Warned         int       `bun:"warned"`
	PacedAt        time.Time `bun:"paced_at,nullzero"`
}

// change is what a batch of attempts says about one endpoint.
type change struct {
	endpoint  string
	succeeded time.Time // the last success; zero without one
	failures  int       // since it
	first     time.Time // of these failures
	last      time.Time
	probe     bool // the probe failed
	ailing    bool
}

// changes are by endpoint, in one lock order for all writers.
type changes []*change

// healthOf reads a batch in the order of the answers.
func healthOf(batch []*settled) changes {
	by := map[string]*change{}
	var out changes
	for _, s := range batch {
		c := by[s.Endpoint]
		if c == nil {
			c = &change{endpoint: s.Endpoint}
			by[s.Endpoint] = c
			out = append(out, c)
		}
		c.ailing = c.ailing || s.ailing
		ended := s.At.Add(s.Duration)
		if s.Delivered() {
			c.succeeded, c.failures, c.probe = ended, 0, false
			continue
		}
		if c.failures++; c.failures == 1 {
			c.first = ended
		}
		c.last, c.probe = ended, c.probe || s.probe
	}
	// A success of a healthy endpoint changes nothing and is not written.
	out = slices.DeleteFunc(out, func(c *change) bool { return c.failures == 0 && !c.ailing })
	slices.SortFunc(out, func(a, b *change) int { return cmp.Compare(a.endpoint, b.endpoint) })
	return out
}

// recordSQL counts failures in a row, and turns the breaker: it opens when a probe
// failed, or when there are enough failures and it was closed; a success closes it.
// Each time it opens in a row of failures it stays open twice as long, give or take a fifth.
const recordSQL = `
UPDATE connect.webhook_health AS h SET
    failures = n.failures,
    first_failure_at = CASE WHEN n.failures = 0 THEN NULL WHEN c.succeeded IS NULL THEN COALESCE(h.first_failure_at, c.first) ELSE c.first END,
    last_failure_at = CASE WHEN c.failures = 0 THEN h.last_failure_at ELSE c.last END,
    last_success_at = COALESCE(c.succeeded, h.last_success_at),
    warned = CASE WHEN c.succeeded IS NULL THEN h.warned ELSE 0 END,
    opened = n.opened + CASE WHEN n.opens THEN 1 ELSE 0 END,
    open_until = CASE WHEN n.opens THEN c.last + LEAST(?1::float8 * 2 ^ LEAST(n.opened, 20), ?2::float8) * c.spread * interval '1 second'
        WHEN c.succeeded IS NULL THEN h.open_until END
FROM unnest(?3::text[], ?4::timestamptz[], ?5::bigint[], ?6::timestamptz[], ?7::timestamptz[], ?8::boolean[], ?9::float8[])
        AS c (endpoint, succeeded, failures, first, last, probe, spread)
    JOIN connect.webhook_health AS was ON was.endpoint = c.endpoint
    CROSS JOIN LATERAL (SELECT
        c.failures + CASE WHEN c.succeeded IS NULL THEN was.failures ELSE 0 END AS failures,
        CASE WHEN c.succeeded IS NULL THEN was.opened ELSE 0 END AS opened) AS counted
    CROSS JOIN LATERAL (SELECT counted.failures, counted.opened,
        c.failures > 0 AND (c.probe OR counted.failures >= ?0 AND (was.open_until IS NULL OR c.succeeded IS NOT NULL)) AS opens) AS n
WHERE h.endpoint = c.endpoint
RETURNING h.endpoint, n.opens AS opened, c.succeeded IS NOT NULL AND was.open_until IS NOT NULL AND NOT n.opens AS closed`

// record writes what changed and tells the batch which breakers turned. The rows
// are locked first: the counting reads them as they are then.
func (cs changes) record(ctx context.Context, tx bun.Tx, batch []*settled) error {
	if len(cs) == 0 {
		return nil
	}
	n := len(cs)
	endpoints, failures := make([]string, n), make([]int64, n)
	succeeded, first, last := make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	probes, spread := make([]bool, n), make([]float64, n)
	for i, c := range cs {
		endpoints[i], failures[i], probes[i], spread[i] = c.endpoint, int64(c.failures), c.probe, 0.8+0.4*rand.Float64()
		succeeded[i], first[i], last[i] = orNull(c.succeeded), orNull(c.first), orNull(c.last)
	}
	if err := lockHealth(ctx, tx, endpoints); err != nil {
		return err
	}
	var turned []struct {
		Endpoint       string
		Opened, Closed bool
	}
	err := tx.NewRaw(recordSQL, tripsAfter, shortestOpen.Seconds(), longestOpen.Seconds(), pgdialect.Array(endpoints), pgdialect.Array(succeeded),
		pgdialect.Array(failures), pgdialect.Array(first), pgdialect.Array(last), pgdialect.Array(probes), pgdialect.Array(spread)).Scan(ctx, &turned)
	if err != nil {
		return fmt.Errorf("record webhook health: %w", err)
	}
	turns := map[string]turn{}
	for _, t := range turned {
		switch {
		case t.Opened:
			turns[t.Endpoint] = opened
		case t.Closed:
			turns[t.Endpoint] = closed
		}
	}
	for _, s := range batch {
		s.turned = turns[s.Endpoint]
	}
	return nil
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func lockHealth(ctx context.Context, tx bun.Tx, endpoints []string) error {
	_, err := tx.NewRaw(`SELECT 1 FROM connect.webhook_health WHERE endpoint = ANY (?::text[]) ORDER BY endpoint FOR UPDATE`,
		pgdialect.Array(endpoints)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock webhook health: %w", err)
	}
	return nil
}

// forgiveHealth forgets an endpoint's failures: it was enabled again, or has a new URL.
func forgiveHealth(ctx context.Context, tx bun.Tx, endpointID string) error {
	_, err := tx.NewUpdate().Model((*healthRow)(nil)).
		Set("failures = 0").Set("first_failure_at = NULL").Set("open_until = NULL").Set("opened = 0").Set("warned = 0").
		Where("endpoint = ?", endpointID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forgive webhook health: %w", err)
	}
	return nil
}
