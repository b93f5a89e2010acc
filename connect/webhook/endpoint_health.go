package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Health is how an endpoint does.
type Health struct {
	Failures      int // in a row
	LastFailureAt time.Time
	LastSuccessAt time.Time
	OpenUntil     time.Time // the breaker is open until then, afterwards half open; zero is closed
}

// State is healthy, failing (but tried), open (not tried) or half_open (one probe at a time).
func (h Health) State(at time.Time) string {
	switch {
	case h.OpenUntil.After(at):
		return "open"
	case !h.OpenUntil.IsZero():
		return "half_open"
	case h.Failures > 0:
		return "failing"
	}
	return "healthy"
}

// Health is how each of these endpoints does. The caller has checked whose they are.
func (s *Endpoints) Health(ctx context.Context, idb bun.IDB, endpoints ...Endpoint) (map[string]Health, error) {
	ids := make([]string, len(endpoints))
	for i, e := range endpoints {
		ids[i] = e.ID
	}
	var rows []struct {
		Endpoint                                string
		Failures                                int
		LastFailureAt, LastSuccessAt, OpenUntil time.Time `bun:",nullzero"`
	}
	err := idb.NewRaw(`SELECT endpoint, failures, last_failure_at, last_success_at, open_until FROM connect.webhook_health WHERE endpoint = ANY (?)`,
		pgdialect.Array(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read webhook health: %w", err)
	}
	health := make(map[string]Health, len(rows))
	for _, r := range rows {
		health[r.Endpoint] = Health{Failures: r.Failures, LastFailureAt: r.LastFailureAt, LastSuccessAt: r.LastSuccessAt, OpenUntil: r.OpenUntil}
	}
	return health, nil
}
