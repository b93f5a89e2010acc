package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// lockListeners lets one session of an account be opened at a time: two that find
// the same device unknown would both make it.
func lockListeners(ctx context.Context, tx bun.Tx, scope tenant.Scope) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", fmt.Sprintf("%s %s %v", sessionIn, scope.Account, scope.Livemode))
	if err != nil {
		return fmt.Errorf("lock webhook listeners: %w", err)
	}
	return nil
}

// findListener locks a device's endpoints, see lockEndpoint; none if it is not known.
func findListener(ctx context.Context, tx bun.Tx, scope tenant.Scope, device string) ([]Endpoint, error) {
	var rows []endpointRow
	err := tx.NewSelect().Model(&rows).
		Where("account = ? AND livemode = ? AND listener = ? AND deleted_at IS NULL", scope.Account, scope.Livemode, device).
		OrderExpr("id").For("UPDATE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find webhook listener: %w", err)
	}
	pair := make([]Endpoint, len(rows))
	for i, row := range rows {
		pair[i] = row.endpoint()
	}
	return pair, nil
}

// listDevices are an account's devices, the one that was silent longest first.
func listDevices(ctx context.Context, tx bun.Tx, scope tenant.Scope) ([]string, error) {
	var devices []string
	err := tx.NewRaw(`SELECT listener FROM connect.webhook_endpoints
		WHERE account = ? AND livemode = ? AND listener IS NOT NULL AND NOT connect AND deleted_at IS NULL
		ORDER BY listened_at`, scope.Account, scope.Livemode).Scan(ctx, &devices)
	if err != nil {
		return nil, fmt.Errorf("list webhook listeners: %w", err)
	}
	return devices, nil
}

func touchListener(ctx context.Context, tx bun.Tx, pair []Endpoint, at time.Time) error {
	for _, e := range pair {
		if _, err := tx.NewRaw(`UPDATE connect.webhook_endpoints SET listened_at = ? WHERE id = ?`, at, e.ID).Exec(ctx); err != nil {
			return fmt.Errorf("touch webhook listener: %w", err)
		}
	}
	return nil
}

func updateListener(ctx context.Context, tx bun.Tx, endpointID string, patterns []string) error {
	_, err := tx.NewUpdate().Model((*endpointRow)(nil)).
		Set("enabled_events = ?", pgdialect.Array(patterns)).Where("id = ?", endpointID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update webhook listener: %w", err)
	}
	return nil
}

// likes turns patterns of event types into those of SQL.
func likes(patterns []string) []string {
	out := make([]string, len(patterns))
	for i, pattern := range patterns {
		out[i] = strings.NewReplacer("_", `\_`, "*", "%").Replace(pattern) // other signs that LIKE knows are in no pattern
	}
	return out
}

// holdUnwanted keeps what an endpoint's new patterns leave out of what it had pending.
func holdUnwanted(ctx context.Context, tx bun.Tx, endpointID string, patterns []string) error {
	_, err := tx.NewUpdate().Model((*deliveryRow)(nil)).
		Set("status = ?", Undelivered).
		Where("endpoint = ? AND status = ? AND NOT event_type LIKE ANY (?)", endpointID, Pending, pgdialect.Array(likes(patterns))).Exec(ctx)
	if err != nil {
		return fmt.Errorf("hold webhook deliveries: %w", err)
	}
	return nil
}

// signingSecret is the secret of a listener, which is shown at every session: who
// may open one may read all it signs.
func (l *Listeners) signingSecret(ctx context.Context, idb bun.IDB, endpointID string) (secret.Text, error) {
	var sealed string
	err := idb.NewRaw(`SELECT sealed_secret FROM connect.webhook_secrets WHERE endpoint = ? AND expires_at IS NULL`, endpointID).Scan(ctx, &sealed)
	if err != nil {
		return secret.Text{}, fmt.Errorf("get webhook secret: %w", err)
	}
	return l.cfg.Ring.Open(sealed, sealedIn, endpointID)
}

// takeOverSQL makes this connection the one that pulls for its device. listened_at
// is the fence: whoever finds another value there than it wrote has been followed
// by somebody else. It grows also where two connections come within a clock's tick.
const takeOverSQL = `
UPDATE connect.webhook_endpoints SET listened_at = GREATEST(?, listened_at + interval '1 microsecond')
WHERE id = ANY (?) AND deleted_at IS NULL
RETURNING listened_at`

// takeOver makes a device's deliveries this connection's, also those that a
// connection before has in its hands. false if the device was forgotten.
func takeOver(ctx context.Context, pool *bun.DB, at time.Time, endpoints []string) (fence time.Time, known bool, err error) {
	err = db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		var fences []time.Time
		if err := tx.NewRaw(takeOverSQL, at, pgdialect.Array(endpoints)).Scan(ctx, &fences); err != nil {
			return fmt.Errorf("take over webhook listener: %w", err)
		}
		if known = len(fences) == len(endpoints); !known {
			return nil
		}
		fence = fences[0]
		_, err := tx.NewRaw(`UPDATE connect.webhook_deliveries SET leased_until = NULL
			WHERE endpoint = ANY (?) AND status = 'pending' AND leased_until IS NOT NULL`, pgdialect.Array(endpoints)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("take over webhook deliveries: %w", err)
		}
		return nil
	})
	return fence, known, err
}

// pulled is a delivery that a connection may send until the lease ends.
type pulled struct {
	ID        string `bun:"id"`
	Endpoint  string `bun:"endpoint"`
	Event     string `bun:"event"`
	EventType string `bun:"event_type"`
	Object    string `bun:"object_id"`
	Number    int    `bun:"number"`
	Seq       int64  `bun:"seq"`
	Connect   bool   `bun:"connect"`
	Account   string `bun:"account"` // whose event it is
	Body      []byte `bun:"body"`
	Pending   int    `bun:"pending"` // how many endpoints the event was meant for
}

// pullSQL takes a device's next deliveries in their order. The share lock on its
// endpoints lets no other connection take over meanwhile, so that the one before
// never takes a later event while its successor takes an earlier one. It waits
// for rows that others hold and skips none: that would break the order too.
const pullSQL = `
WITH mine AS (
    SELECT id, connect FROM connect.webhook_endpoints
    WHERE id = ANY (?0) AND listened_at = ?1 AND deleted_at IS NULL AND NOT paused
    FOR SHARE
), next AS (
    SELECT d.id, mine.connect FROM connect.webhook_deliveries AS d JOIN mine ON mine.id = d.endpoint
    WHERE d.status = 'pending' AND (d.leased_until IS NULL OR d.leased_until <= ?2)
    ORDER BY d.seq LIMIT ?3
    FOR UPDATE OF d
), taken AS (
    UPDATE connect.webhook_deliveries AS d SET attempts = d.attempts + 1, leased_until = ?4
    FROM next WHERE d.id = next.id
    RETURNING d.id, d.endpoint, d.event, d.event_type, d.object_id, d.attempts AS number, d.seq, next.connect
)
SELECT taken.*, p.account, p.body, p.pending
FROM taken JOIN connect.webhook_payloads AS p ON p.event = taken.event
ORDER BY taken.seq`

func pull(ctx context.Context, pool *bun.DB, at time.Time, endpoints []string, fence time.Time, limit int) ([]pulled, error) {
	var out []pulled
	// Who gives leases back locks the same rows in another order: the database ends one of the two, and it tries again.
	err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		out = nil
		return tx.NewRaw(pullSQL, pgdialect.Array(endpoints), fence, at, limit, at.Add(leaseFor)).Scan(ctx, &out)
	})
	if err != nil {
		return nil, fmt.Errorf("pull webhook deliveries: %w", err)
	}
	return out, nil
}

// leaseUntil moves the end of leases: forward to keep them, to nothing to give them
// back. Deliveries that another connection has taken since stay with it.
func leaseUntil(ctx context.Context, pool *bun.DB, until *time.Time, ids []string, numbers []int64) error {
	err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error { // it may meet pull, see there
		_, err := tx.NewRaw(`UPDATE connect.webhook_deliveries AS d SET leased_until = ?
			FROM unnest(?::text[], ?::bigint[]) AS l (id, number)
			WHERE d.id = l.id AND d.attempts = l.number AND d.status = 'pending'`, until, pgdialect.Array(ids), pgdialect.Array(numbers)).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("move webhook leases: %w", err)
	}
	return nil
}

// hearSQL ends deliveries, whatever the application behind the device answered.
// The number is the fence against a connection that took over.
const hearSQL = `
UPDATE connect.webhook_deliveries AS d SET status = 'delivered', delivered_at = h.at, leased_until = NULL
FROM unnest(?::text[], ?::bigint[], ?::timestamptz[]) AS h (id, number, at)
WHERE d.id = h.id AND d.attempts = h.number AND d.status IN ('pending', 'undelivered')`

const hearAttemptsSQL = `
INSERT INTO connect.webhook_attempts (delivery, number, at, duration_ms, remote_ip, status, failure, response, id, endpoint)
SELECT h.delivery, h.number, h.at, h.duration_ms, '', h.status, h.failure, h.response, h.id, h.endpoint
FROM unnest(?::text[], ?::integer[], ?::timestamptz[], ?::bigint[], ?::integer[], ?::text[], ?::bytea[], ?::text[], ?::text[])
    AS h (delivery, number, at, duration_ms, status, failure, response, id, endpoint)`

// hear records what a device said. The endpoint's health is not touched: an
// application under development may fail as often as it likes.
func hear(ctx context.Context, tx bun.Tx, batch []Attempt) error {
	slices.SortFunc(batch, func(a, b Attempt) int { return cmp.Compare(a.Delivery, b.Delivery) }) // one lock order for all writers
	n := len(batch)
	deliveries, numbers, at, took := make([]string, n), make([]int64, n), make([]time.Time, n), make([]int64, n)
	statuses, failures, responses := make([]int64, n), make([]string, n), make([][]byte, n)
	ids, endpoints := make([]string, n), make([]string, n)
	for i, a := range batch {
		deliveries[i], numbers[i], at[i], took[i] = a.Delivery, int64(a.Number), a.At, a.Duration.Milliseconds()
		statuses[i], failures[i], responses[i] = int64(a.Status), a.Failure, append([]byte{}, a.Response...)
		ids[i], endpoints[i] = id.New("wha"), a.Endpoint
	}
	_, err := tx.NewRaw(hearSQL, pgdialect.Array(deliveries), pgdialect.Array(numbers), pgdialect.Array(at)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("finish webhook deliveries: %w", err)
	}
	_, err = tx.NewRaw(hearAttemptsSQL, pgdialect.Array(deliveries), pgdialect.Array(numbers), pgdialect.Array(at), pgdialect.Array(took),
		pgdialect.Array(statuses), pgdialect.Array(failures), pgdialect.Array(responses), pgdialect.Array(ids), pgdialect.Array(endpoints)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert webhook attempts: %w", err)
	}
	return nil
}

// standing is how a listener's endpoint is.
type standing struct {
	ID         string    `bun:"id"`
	ListenedAt time.Time `bun:"listened_at"`
	Due        bool      `bun:"due"`
}

// lookSQL asks once for all connections of the process whether there is news.
const lookSQL = `
SELECT e.id, e.listened_at, NOT e.paused AND EXISTS (
    SELECT FROM connect.webhook_deliveries AS d
    WHERE d.endpoint = e.id AND d.status = 'pending' AND (d.leased_until IS NULL OR d.leased_until <= ?)
) AS due
FROM connect.webhook_endpoints AS e WHERE e.id = ANY (?) AND e.deleted_at IS NULL`

func look(ctx context.Context, pool *bun.DB, at time.Time, endpoints []string) ([]standing, error) {
	var out []standing
	if err := pool.NewRaw(lookSQL, at, pgdialect.Array(endpoints)).Scan(ctx, &out); err != nil {
		return nil, fmt.Errorf("look for webhook deliveries: %w", err)
	}
	return out, nil
}

// fromLogSQL writes deliveries of events of the past, or makes those written before
// pending once more. All get a new place, in the order of the log: an object's
// older event, which the device never had, must not come after a newer one.
const fromLogSQL = `
INSERT INTO connect.webhook_deliveries AS d (id, endpoint, event, event_type, object_id, status, ordered, next_attempt_at, created_at)
SELECT n.id, n.endpoint, n.event, n.type, n.object, 'pending', true, ?, ?
FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[]) WITH ORDINALITY AS n (id, endpoint, event, type, object, place)
ORDER BY n.place
ON CONFLICT ON CONSTRAINT webhook_deliveries_event_endpoint_key DO UPDATE SET
    status = 'pending', ordered = true, delivered_at = NULL, leased_until = NULL, next_attempt_at = excluded.next_attempt_at,
    attempts_before = d.attempts, seq = DEFAULT`

// keepBodiesSQL keeps the bytes of events that no endpoint wanted at their time.
const keepBodiesSQL = `
INSERT INTO connect.webhook_payloads AS p (event, account, body, created_at, pending)
SELECT b.event, b.account, b.body, ?, 1 FROM unnest(?::text[], ?::text[], ?::bytea[]) AS b (event, account, body) ORDER BY b.event
ON CONFLICT (event) DO UPDATE SET body = excluded.body WHERE octet_length(p.body) = 0`

// older is an event of the past on its way to one of a device's endpoints.
type older struct {
	Incoming
	endpoint string
}

func insertFromLog(ctx context.Context, tx bun.Tx, at time.Time, events []older) error {
	n := len(events)
	ids, endpoints, names, types := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	objects, accounts, bodies := make([]string, n), make([]string, n), make([][]byte, n)
	for i, e := range events {
		ids[i], endpoints[i], names[i], types[i] = id.New("whd"), e.endpoint, e.ID, e.Type
		objects[i], accounts[i], bodies[i] = e.ObjectID, e.Account, e.Envelope
	}
	_, err := tx.NewRaw(keepBodiesSQL, at, pgdialect.Array(names), pgdialect.Array(accounts), pgdialect.Array(bodies)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep webhook payloads: %w", err)
	}
	_, err = tx.NewRaw(fromLogSQL, at, at, pgdialect.Array(ids), pgdialect.Array(endpoints), pgdialect.Array(names),
		pgdialect.Array(types), pgdialect.Array(objects)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert webhook deliveries: %w", err)
	}
	return nil
}

// silentListeners locks endpoints of devices that were not there since a time.
func silentListeners(ctx context.Context, tx bun.Tx, since time.Time, limit int64) ([]Endpoint, error) {
	var rows []endpointRow
	err := tx.NewSelect().Model(&rows).
		Where("listener IS NOT NULL AND deleted_at IS NULL AND listened_at < ?", since).
		OrderExpr("id").Limit(limit).For("UPDATE SKIP LOCKED").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find silent webhook listeners: %w", err)
	}
	out := make([]Endpoint, len(rows))
	for i, row := range rows {
		out[i] = row.endpoint()
	}
	return out, nil
}
