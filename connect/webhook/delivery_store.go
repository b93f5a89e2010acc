package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type deliveryRow struct {
	bun.BaseModel `bun:"table:connect.webhook_deliveries,alias:delivery"`

	ID            string    `bun:"id,pk"`
	Endpoint      string    `bun:"endpoint"`
	Event         string    `bun:"event"`
	EventType     string    `bun:"event_type"`
	Status        string    `bun:"status"`
	Attempts      int       `bun:"attempts"`
	NextAttemptAt time.Time `bun:"next_attempt_at"`
	CreatedAt     time.Time `bun:"created_at"`
	DeliveredAt   time.Time `bun:"delivered_at,nullzero"`
}

func (r deliveryRow) delivery() Delivery {
	d := Delivery{
		ID: r.ID, Endpoint: r.Endpoint, Event: r.Event, EventType: r.EventType, Status: Status(r.Status),
		Attempts: r.Attempts, NextAttemptAt: r.NextAttemptAt.UTC(), CreatedAt: r.CreatedAt.UTC(),
	}
	if !r.DeliveredAt.IsZero() {
		d.DeliveredAt = r.DeliveredAt.UTC()
	}
	return d
}

type payloadRow struct {
	bun.BaseModel `bun:"table:connect.webhook_payloads,alias:payload"`

	Event     string    `bun:"event,pk"`
	Account   string    `bun:"account"`
	Body      []byte    `bun:"body"`
	CreatedAt time.Time `bun:"created_at"`
}

type attemptRow struct {
	bun.BaseModel `bun:"table:connect.webhook_attempts,alias:attempt"`

	Delivery   string    `bun:"delivery,pk"`
	Number     int       `bun:"number,pk"`
	At         time.Time `bun:"at"`
	DurationMS int64     `bun:"duration_ms"`
	RemoteIP   string    `bun:"remote_ip"`
	Status     int       `bun:"status"`
	Failure    string    `bun:"failure"`
	Response   []byte    `bun:"response"`
	ID         string    `bun:"id"`
	Endpoint   string    `bun:"endpoint"`
}

func insertDeliveries(ctx context.Context, tx bun.Tx, at time.Time, e Incoming, endpoints []Endpoint) error {
	payload := payloadRow{Event: e.ID, Account: e.Account, Body: e.Envelope, CreatedAt: at}
	if _, err := tx.NewInsert().Model(&payload).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook payload: %w", err)
	}
	rows := make([]deliveryRow, len(endpoints))
	for i, to := range endpoints {
		rows[i] = deliveryRow{
			ID: id.New("whd"), Endpoint: to.ID, Event: e.ID, EventType: e.Type,
			Status: string(Pending), NextAttemptAt: at, CreatedAt: at,
		}
		if to.Disabled {
			rows[i].Status = string(Undelivered)
		}
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook deliveries: %w", err)
	}
	return nil
}

// holdDeliveries keeps what an endpoint had pending when it was disabled or deleted.
func holdDeliveries(ctx context.Context, tx bun.Tx, endpointID string) error {
	_, err := tx.NewUpdate().Model((*deliveryRow)(nil)).
		Set("status = ?", Undelivered).
		Where("endpoint = ? AND status = ?", endpointID, Pending).Exec(ctx)
	if err != nil {
		return fmt.Errorf("hold webhook deliveries: %w", err)
	}
	return nil
}

// leased is a delivery that this process may send until the lease ends.
type leased struct {
	ID            string   `bun:"id"`
	Endpoint      string   `bun:"endpoint"`
	Event         string   `bun:"event"`
	Number        int      `bun:"number"`
	URL           string   `bun:"url"`
	SecretIDs     []string `bun:"secret_ids,array"` // the live ones, the newest first
	SealedSecrets []string `bun:"sealed_secrets,array"`
	Platform      string   `bun:"platform"` // of a Connect endpoint: who registered it, else ""
	Livemode      bool     `bun:"livemode"`
	EventType     string   `bun:"event_type"`
	Account       string   `bun:"account"` // whose event it is
	Body          []byte   `bun:"body"`
}

// leaseSQL takes due deliveries, of each endpoint at most its free places, and
// the first of every endpoint before the second of any: one endpoint's backlog
// never fills the batch. SKIP LOCKED lets several nodes lease
// side by side. The lease is the next attempt's time moved to the lease's end,
// so a crash needs no sweeper; the attempt's number is taken with it.
const leaseSQL = `
WITH free AS (
    SELECT e.id, e.url, CASE WHEN e.connect THEN e.account ELSE '' END AS platform, e.livemode, COALESCE(busy.free, ?) AS places
    FROM connect.webhook_endpoints AS e
    LEFT JOIN unnest(?::text[], ?::bigint[]) AS busy (id, free) ON busy.id = e.id
    WHERE e.deleted_at IS NULL AND NOT e.disabled AND e.listener IS NULL
), due AS (
    SELECT d.id, free.url, free.platform, free.livemode, free.places, d.next_attempt_at,
           row_number() OVER (PARTITION BY free.id ORDER BY d.next_attempt_at) AS place
    FROM free CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM connect.webhook_deliveries
        WHERE endpoint = free.id AND status = 'pending' AND next_attempt_at <= ?
        ORDER BY next_attempt_at LIMIT ? FOR UPDATE SKIP LOCKED
    ) AS d
    WHERE free.places > 0
), chosen AS (
    SELECT id, url, platform, livemode FROM due WHERE place <= places ORDER BY place, next_attempt_at LIMIT ?
), taken AS (
    UPDATE connect.webhook_deliveries AS d SET attempts = d.attempts + 1, next_attempt_at = ?
    FROM chosen WHERE d.id = chosen.id
    RETURNING d.id, d.endpoint, d.event, d.event_type, d.attempts AS number, chosen.url, chosen.platform, chosen.livemode
)
SELECT taken.*, s.secret_ids, s.sealed_secrets, p.account, p.body
FROM taken JOIN connect.webhook_payloads AS p ON p.event = taken.event
CROSS JOIN LATERAL (
    SELECT array_agg(id ORDER BY created_at DESC) AS secret_ids, array_agg(sealed_secret ORDER BY created_at DESC) AS sealed_secrets
    FROM connect.webhook_secrets WHERE endpoint = taken.endpoint AND (expires_at IS NULL OR expires_at > ?)
) AS s`

// lease takes up to limit deliveries due at at, up to perEndpoint of each
// endpoint, or what free says for the endpoints in it.
func lease(ctx context.Context, idb bun.IDB, at time.Time, limit, perEndpoint int, free map[string]int) ([]leased, error) {
	ids, places := make([]string, 0, len(free)), make([]int64, 0, len(free))
	for endpointID, n := range free {
		ids, places = append(ids, endpointID), append(places, int64(n))
	}
	var out []leased
	err := idb.NewRaw(leaseSQL, perEndpoint, pgdialect.Array(ids), pgdialect.Array(places),
		at, perEndpoint, limit, at.Add(leaseFor), at).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("lease webhook deliveries: %w", err)
	}
	return out, nil
}

// release gives a delivery back untried: due again at once, under the next number.
func release(ctx context.Context, idb bun.IDB, l leased, at time.Time) error {
	_, err := idb.NewUpdate().Model((*deliveryRow)(nil)).
		Set("next_attempt_at = ?", at).
		Where("id = ? AND attempts = ? AND status = ?", l.ID, l.Number, Pending).Exec(ctx)
	if err != nil {
		return fmt.Errorf("release webhook delivery: %w", err)
	}
	return nil
}

// withhold ends a delivery whose receiver may not hear of the account any more.
func withhold(ctx context.Context, idb bun.IDB, l leased) error {
	_, err := idb.NewUpdate().Model((*deliveryRow)(nil)).
		Set("status = ?", Undelivered).
		Where("id = ? AND status = ?", l.ID, Pending).Exec(ctx)
	if err != nil {
		return fmt.Errorf("withhold webhook delivery: %w", err)
	}
	return nil
}

// settled is an attempt and what follows from it.
type settled struct {
	Attempt
	next   Status
	nextAt time.Time
}

// finishSQL lets a delivery that was held meanwhile become delivered, but not
// pending or failed again. The number is the fence against a lease taken over.
const finishSQL = `
UPDATE connect.webhook_deliveries AS d SET
    status = CASE WHEN f.next = 'delivered' OR d.status = 'pending' THEN f.next ELSE d.status END,
    delivered_at = CASE WHEN f.next = 'delivered' THEN f.at END,
    next_attempt_at = f.next_at
FROM unnest(?::text[], ?::bigint[], ?::text[], ?::timestamptz[], ?::timestamptz[]) AS f (id, number, next, next_at, at)
WHERE d.id = f.id AND d.attempts = f.number AND d.status IN ('pending', 'undelivered')`

// finish records a batch of attempts, one per delivery.
func finish(ctx context.Context, tx bun.Tx, batch []settled) error {
	slices.SortFunc(batch, func(a, b settled) int { return cmp.Compare(a.Delivery, b.Delivery) }) // one lock order for all writers
	n := len(batch)
	ids, numbers, next := make([]string, n), make([]int64, n), make([]string, n)
	nextAt, at := make([]time.Time, n), make([]time.Time, n)
	attempts := make([]attemptRow, n)
	for i, s := range batch {
		ids[i], numbers[i], next[i], nextAt[i], at[i] = s.Delivery, int64(s.Number), string(s.next), s.nextAt, s.At
		attempts[i] = attemptRow{
			Delivery: s.Delivery, Number: s.Number, At: s.At, DurationMS: s.Duration.Milliseconds(),
			RemoteIP: s.RemoteIP, Status: s.Status, Failure: s.Failure, Response: append([]byte{}, s.Response...),
			ID: id.New("wha"), Endpoint: s.Endpoint,
		}
	}
	_, err := tx.NewRaw(finishSQL, pgdialect.Array(ids), pgdialect.Array(numbers), pgdialect.Array(next),
		pgdialect.Array(nextAt), pgdialect.Array(at)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("finish webhook deliveries: %w", err)
	}
	if _, err := tx.NewInsert().Model(&attempts).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook attempts: %w", err)
	}
	return nil
}

// Deliveries is a page of an endpoint's deliveries, newest first; status "" means all.
func (s *Endpoints) Deliveries(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpointID string, status Status, p page.Params) (page.Of[Delivery], error) {
	if _, err := getEndpoint(ctx, idb, scope, endpointID); err != nil {
		return page.Of[Delivery]{}, err
	}
	of := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("endpoint = ?", endpointID) }
	filter := func(q *bun.SelectQuery) *bun.SelectQuery {
		if status != "" {
			q = q.Where("status = ?", status)
		}
		return q
	}
	rows, err := page.Fetch[deliveryRow](ctx, idb, p, "delivery", of, filter)
	if err != nil {
		return page.Of[Delivery]{}, fmt.Errorf("list webhook deliveries: %w", err)
	}
	out := page.Of[Delivery]{Items: make([]Delivery, len(rows.Items)), HasMore: rows.HasMore}
	for i, row := range rows.Items {
		out.Items[i] = row.delivery()
	}
	return out, nil
}

// Attempts are the tries of a delivery, in order. The caller has checked whose it is.
func (s *Endpoints) Attempts(ctx context.Context, idb bun.IDB, deliveryID string) ([]Attempt, error) {
	var rows []attemptRow
	if err := idb.NewSelect().Model(&rows).Where("delivery = ?", deliveryID).Order("number").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list webhook attempts: %w", err)
	}
	out := make([]Attempt, len(rows))
	for i, r := range rows {
		out[i] = Attempt{Delivery: r.Delivery, Endpoint: r.Endpoint, Number: r.Number, At: r.At.UTC(), Answer: Answer{
			Status: r.Status, Failure: r.Failure, RemoteIP: r.RemoteIP, Response: r.Response,
			Duration: time.Duration(r.DurationMS) * time.Millisecond,
		}}
	}
	return out, nil
}
