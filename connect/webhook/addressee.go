package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/secret"
)

// knownFor is how long what is known of an endpoint is used without asking again:
// how late a send may hear of a change.
const knownFor = time.Second

// addressee is an endpoint as a send needs it.
type addressee struct {
	Endpoint
	secrets   []Secret // the live ones, the newest first
	failures  int
	openUntil time.Time // of its breaker; zero while it is closed
	deleted   bool
	unsealed  error // why a secret cannot be opened; nil if all can
	readAt    time.Time
}

// sendable reports that the endpoint takes deliveries now. A probe goes where nothing else does.
func (t *addressee) sendable(probe bool) bool {
	return !t.deleted && !t.Disabled && !t.Paused && (probe || t.openUntil.IsZero())
}

// addressees keeps them for a moment, secrets opened: a busy endpoint is read twice a
// second, before what is known of it grows too old, so that no send waits for it; and
// endpoints that are asked for together are read together, by their standing.
type addressees struct {
	pool *bun.DB
	ring *secret.Keyring
	now  func() time.Time // whose secrets have run out

	mu    sync.Mutex
	known map[string]*addressee
	desks [footings]desk
}

// desk asks one question after the other.
type desk struct {
	asked  *question // being gathered; nil if nobody asks
	asking *question // with the database
}

// question is a set of endpoints that is read at once.
type question struct {
	ids      map[string]bool
	outdated map[string]bool // forgotten since the question was asked: for those who wait for it, not to be kept
	done     chan struct{}
	found    map[string]*addressee
	err      error
}

func newAddressees(pool *bun.DB, ring *secret.Keyring, now func() time.Time) *addressees {
	return &addressees{pool: pool, ring: ring, now: now, known: map[string]*addressee{}}
}

// get is the endpoint as of a second ago at most; nil if there is none.
func (ts *addressees) get(ctx context.Context, endpointID string, of footing) (*addressee, error) {
	ts.mu.Lock()
	t := ts.known[endpointID]
	if t != nil && time.Since(t.readAt) < knownFor/2 {
		ts.mu.Unlock()
		return t, nil
	}
	q := ts.ask(ctx, endpointID, of)
	ts.mu.Unlock()
	if t != nil && time.Since(t.readAt) < knownFor {
		return t, nil
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return q.found[endpointID], q.err
}

// ask adds the endpoint to the next question of its standing; under mu.
func (ts *addressees) ask(ctx context.Context, endpointID string, of footing) *question {
	at := &ts.desks[of]
	if at.asked == nil {
		at.asked = &question{ids: map[string]bool{}, outdated: map[string]bool{}, done: make(chan struct{})}
	}
	at.asked.ids[endpointID] = true
	q := at.asked
	if at.asking == nil {
		at.asking = q
		go ts.answer(context.WithoutCancel(ctx), at)
	}
	return q
}

// forget makes the next send ask again.
func (ts *addressees) forget(endpointID string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.known, endpointID)
	for i := range ts.desks {
		if q := ts.desks[i].asking; q != nil && q.ids[endpointID] {
			q.outdated[endpointID] = true
		}
	}
}

// sweep lets go of what nobody has asked for lately.
func (ts *addressees) sweep() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for endpointID, t := range ts.known {
		if time.Since(t.readAt) > knownFor {
			delete(ts.known, endpointID)
		}
	}
}

// answer reads what has been asked for until nobody asks.
func (ts *addressees) answer(ctx context.Context, at *desk) {
	for {
		ts.mu.Lock()
		q := at.asked
		at.asked, at.asking = nil, q
		ts.mu.Unlock()
		if q == nil {
			return
		}
		q.found, q.err = ts.read(ctx, q)
		ts.mu.Lock()
		for endpointID, t := range q.found {
			if !q.outdated[endpointID] {
				ts.known[endpointID] = t
			}
		}
		ts.mu.Unlock()
		close(q.done)
	}
}

func (ts *addressees) read(ctx context.Context, q *question) (map[string]*addressee, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	ids, at := make([]string, 0, len(q.ids)), time.Now()
	for endpointID := range q.ids {
		ids = append(ids, endpointID)
	}
	var (
		rows    []endpointRow
		healths []healthRow
		secrets []secretRow
	)
	for _, query := range []*bun.SelectQuery{
		ts.pool.NewSelect().Model(&rows).Where("id = ANY (?::text[])", pgdialect.Array(ids)),
		ts.pool.NewSelect().Model(&healths).Where("endpoint = ANY (?::text[])", pgdialect.Array(ids)),
		ts.pool.NewSelect().Model(&secrets).Where("endpoint = ANY (?::text[])", pgdialect.Array(ids)).
			Where("expires_at IS NULL OR expires_at > ?", ts.now()).Order("created_at DESC"),
	} {
		if err := query.Scan(ctx); err != nil {
			return nil, fmt.Errorf("read webhook endpoints: %w", err)
		}
	}
	found := make(map[string]*addressee, len(rows))
	for _, row := range rows {
		found[row.ID] = &addressee{Endpoint: row.endpoint(), deleted: !row.DeletedAt.IsZero(), readAt: at}
	}
	for _, h := range healths {
		if t := found[h.Endpoint]; t != nil {
			t.failures, t.openUntil = h.Failures, h.OpenUntil
		}
	}
	for _, s := range secrets {
		t := found[s.Endpoint]
		if t == nil {
			continue
		}
		key, err := ts.ring.Open(s.SealedSecret, sealedIn, s.Endpoint)
		if err != nil {
			t.unsealed = err // the others' are not to blame
			continue
		}
		t.secrets = append(t.secrets, Secret{ID: s.ID, Key: key})
	}
	return found, nil
}
