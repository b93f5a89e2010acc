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
)

type deliveryRow struct {
	bun.BaseModel `bun:"table:connect.webhook_deliveries,alias:delivery"`

	ID             string    `bun:"id,pk"`
	Endpoint       string    `bun:"endpoint"`
	Event          string    `bun:"event"`
	EventType      string    `bun:"event_type"`
	Status         string    `bun:"status"`
	Attempts       int       `bun:"attempts"`
	NextAttemptAt  time.Time `bun:"next_attempt_at"`
	CreatedAt      time.Time `bun:"created_at"`
	DeliveredAt    time.Time `bun:"delivered_at,nullzero"`
	Seq            int64     `bun:"seq"`
	ObjectID       string    `bun:"object_id"`
	Ordered        bool      `bun:"ordered"`
	LeasedUntil    time.Time `bun:"leased_until,nullzero"`
	AttemptsBefore int       `bun:"attempts_before"`
	Replay         string    `bun:"replay,nullzero"`
}

func (r deliveryRow) delivery() Delivery {
	d := Delivery{
		ID: r.ID, Endpoint: r.Endpoint, Event: r.Event, EventType: r.EventType, Status: Status(r.Status),
		Attempts: r.Attempts, NextAttemptAt: r.NextAttemptAt.UTC(), CreatedAt: r.CreatedAt.UTC(),
		Seq: r.Seq, ObjectID: r.ObjectID, Ordered: r.Ordered, AttemptsBefore: r.AttemptsBefore, Replay: r.Replay,
	}
	if !r.DeliveredAt.IsZero() {
		d.DeliveredAt = r.DeliveredAt.UTC()
	}
	if !r.LeasedUntil.IsZero() {
		d.LeasedUntil = r.LeasedUntil.UTC()
	}
	return d
}

// writeDeliveries writes the letters with a constant number of statements. What
// the dispatcher has places for is born leased to it; waiting are the endpoints
// that others were written for.
func writeDeliveries(ctx context.Context, tx bun.Tx, at time.Time, letters []letter, dispatcher *Dispatcher) (born []leased, waiting []string, err error) {
	blocked, err := pendingObjects(ctx, tx, letters)
	if err != nil {
		return nil, nil, err
	}
	if err := insertPayloads(ctx, tx, at, letters); err != nil {
		return nil, nil, err
	}
	var rows deliveryColumns
	claims := claims{dispatcher: dispatcher, places: map[string]int{}}
	for _, l := range letters {
		for _, to := range l.to {
			row := deliveryRow{
				ID: id.New("whd"), Endpoint: to.ID, Event: l.ID, EventType: l.Type, Status: string(Pending),
				NextAttemptAt: at, CreatedAt: at, ObjectID: l.ObjectID, Ordered: to.Ordered,
			}
			about := objectKey{endpoint: to.ID, object: l.ObjectID}
			switch {
			case to.Disabled:
				row.Status = string(Undelivered)
			case row.Ordered && blocked[about], !claims.take(to, len(l.Envelope)):
				waiting = append(waiting, to.ID)
			default:
				row.Attempts, row.LeasedUntil = 1, at.Add(leaseFor)
				row.NextAttemptAt = row.LeasedUntil
				born = append(born, bornLeased(row, l, to))
			}
			blocked[about] = blocked[about] || !to.Disabled
			rows.add(row)
		}
	}
	written, err := rows.insert(ctx, tx)
	born = slices.DeleteFunc(born, func(l leased) bool { return !written[l.ID] })
	return born, waiting, err
}

type objectKey struct{ endpoint, object string }

// pendingObjectsSQL looks at the first pending delivery of each object named.
const pendingObjectsSQL = `
SELECT o.endpoint, o.object FROM unnest(?::text[], ?::text[]) AS o (endpoint, object) CROSS JOIN LATERAL (
    SELECT d.endpoint, d.object_id FROM connect.webhook_deliveries AS d
    WHERE d.status = 'pending' AND (d.endpoint, d.object_id) >= (o.endpoint, o.object)
    ORDER BY d.endpoint, d.object_id, d.seq LIMIT 1
) AS first WHERE first.endpoint = o.endpoint AND first.object_id = o.object`

// pendingObjects are the objects of which an ordered endpoint still waits for
// something: the next one waits behind it. Asked only if there is such an endpoint.
func pendingObjects(ctx context.Context, tx bun.Tx, letters []letter) (map[objectKey]bool, error) {
	var endpoints, objects []string
	pending := map[objectKey]bool{}
	for _, l := range letters {
		for _, to := range l.to {
			if to.Ordered && !to.Disabled {
				endpoints, objects = append(endpoints, to.ID), append(objects, l.ObjectID)
			}
		}
	}
	if len(endpoints) == 0 {
		return pending, nil
	}
	var found []struct{ Endpoint, Object string }
	if err := tx.NewRaw(pendingObjectsSQL, pgdialect.Array(endpoints), pgdialect.Array(objects)).Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("look for pending webhook deliveries: %w", err)
	}
	for _, f := range found {
		pending[objectKey{endpoint: f.Endpoint, object: f.Object}] = true
	}
	return pending, nil
}

// insertPayloadsSQL keeps the bytes of an event once: it may be sent to one more endpoint
// later. Its arguments go to PostgreSQL as they are, past bun, which would write every
// body as hexadecimal text.
const insertPayloadsSQL = `
INSERT INTO connect.webhook_payloads (event, account, body, created_at, pending)
SELECT p.event, p.account, p.body, $1, p.pending
FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[]) AS p (event, account, body, pending)
ON CONFLICT (event) DO NOTHING`

func insertPayloads(ctx context.Context, tx bun.Tx, at time.Time, letters []letter) error {
	n := len(letters)
	events, accounts, bodies, pending := make([]string, n), make([]string, n), make([][]byte, n), make([]int64, n)
	for i, l := range letters {
		events[i], accounts[i], bodies[i], pending[i] = l.ID, l.Account, l.Envelope, int64(len(l.to))
	}
	if _, err := tx.Tx.ExecContext(ctx, insertPayloadsSQL, at, events, accounts, bodies, pending); err != nil {
		return fmt.Errorf("insert webhook payloads: %w", err)
	}
	return nil
}

// deliveryColumns are new deliveries turned on their side, as unnest wants them.
type deliveryColumns struct {
	ids, endpoints, events, types, statuses, objects []string
	attempts                                         []int64
	nextAt                                           []time.Time
	ordered                                          []bool
	createdAt                                        time.Time
}

func (c *deliveryColumns) add(r deliveryRow) {
	c.ids, c.endpoints, c.events = append(c.ids, r.ID), append(c.endpoints, r.Endpoint), append(c.events, r.Event)
	c.types, c.statuses, c.objects = append(c.types, r.EventType), append(c.statuses, r.Status), append(c.objects, r.ObjectID)
	c.attempts, c.nextAt, c.ordered = append(c.attempts, int64(r.Attempts)), append(c.nextAt, r.NextAttemptAt), append(c.ordered, r.Ordered)
	c.createdAt = r.CreatedAt
}

// insertDeliveriesSQL numbers the deliveries (seq) in the order they were added.
// Only what is leased has had an attempt. Who asked for an event to be sent to an
// endpoint before we came to it has written the delivery: that one stands.
const insertDeliveriesSQL = `
INSERT INTO connect.webhook_deliveries
    (id, endpoint, event, event_type, status, object_id, attempts, next_attempt_at, leased_until, ordered, created_at)
SELECT d.id, d.endpoint, d.event, d.event_type, d.status, d.object_id, d.attempts, d.next_at,
    CASE WHEN d.attempts > 0 THEN d.next_at END, d.ordered, ?
FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::timestamptz[], ?::boolean[])
    WITH ORDINALITY AS d (id, endpoint, event, event_type, status, object_id, attempts, next_at, ordered, place)
ORDER BY d.place
ON CONFLICT ON CONSTRAINT webhook_deliveries_event_endpoint_key DO NOTHING
RETURNING id`

func (c *deliveryColumns) insert(ctx context.Context, tx bun.Tx) (written map[string]bool, err error) {
	var ids []string
	err = tx.NewRaw(insertDeliveriesSQL, c.createdAt, pgdialect.Array(c.ids), pgdialect.Array(c.endpoints), pgdialect.Array(c.events),
		pgdialect.Array(c.types), pgdialect.Array(c.statuses), pgdialect.Array(c.objects), pgdialect.Array(c.attempts),
		pgdialect.Array(c.nextAt), pgdialect.Array(c.ordered)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("insert webhook deliveries: %w", err)
	}
	written = make(map[string]bool, len(ids))
	for _, deliveryID := range ids {
		written[deliveryID] = true
	}
	return written, nil
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

// resumeMissedSQL lets the due times follow the order, a microsecond for a step,
// so that the lease finds what was missed in the order it was missed. What is still
// being sent since before is not due until that send has ended. The last one is asked
// for by itself: joined, the planner looked for it again for every row.
const resumeMissedSQL = `
UPDATE connect.webhook_deliveries AS d SET status = 'pending', ordered = true, attempts_before = d.attempts,
    next_attempt_at = GREATEST(?1::timestamptz - (
        (SELECT max(m.seq) FROM connect.webhook_deliveries AS m WHERE m.endpoint = ?0 AND m.status = 'undelivered') - d.seq
    ) * interval '1 microsecond', d.leased_until)
WHERE d.endpoint = ?0 AND d.status = 'undelivered'`

// resumeMissed makes everything an enabled endpoint missed due at once, ordered,
// with a schedule that begins anew, and tells how many that is.
func resumeMissed(ctx context.Context, tx bun.Tx, endpointID string, at time.Time) (int, error) {
	res, err := tx.NewRaw(resumeMissedSQL, endpointID, at).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("resume webhook deliveries: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// releaseSQL gives back what was leased but not tried: due at once, as if it had
// not been leased. The number is the fence, and free again: we do not use it any more.
const releaseSQL = `
UPDATE connect.webhook_deliveries AS d SET attempts = d.attempts - 1,
    attempts_before = LEAST(d.attempts_before, d.attempts - 1), leased_until = NULL, next_attempt_at = ?
FROM unnest(?::text[], ?::bigint[]) AS r (id, number)
WHERE d.id = r.id AND d.attempts = r.number AND d.leased_until IS NOT NULL AND d.status IN ('pending', 'undelivered')`

func release(ctx context.Context, idb bun.IDB, batch []leased, at time.Time) error {
	slices.SortFunc(batch, func(a, b leased) int { return cmp.Compare(a.ID, b.ID) })
	ids, numbers := make([]string, len(batch)), make([]int64, len(batch))
	for i, l := range batch {
		ids[i], numbers[i] = l.ID, int64(l.Number)
	}
	if _, err := idb.NewRaw(releaseSQL, at, pgdialect.Array(ids), pgdialect.Array(numbers)).Exec(ctx); err != nil {
		return fmt.Errorf("release webhook deliveries: %w", err)
	}
	return nil
}

// withhold ends a delivery whose receiver may not hear of the account any more.
func withhold(ctx context.Context, idb bun.IDB, l leased) error {
	_, err := idb.NewUpdate().Model((*deliveryRow)(nil)).
		Set("status = ?", Undelivered).Set("leased_until = NULL").
		Where("id = ? AND attempts = ? AND status = ?", l.ID, l.Number, Pending).Exec(ctx)
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
	probe  bool // the one send to an endpoint whose breaker was open
	ailing bool // its endpoint's health was not spotless: a success changes it

	turned turn // set by finish: what became of the endpoint's breaker
}

// footing is whose outcomes this one is recorded with. What went well with an
// endpoint that does well touches nothing but its delivery.
func (s *settled) footing() footing {
	if s.Delivered() && !s.ailing {
		return proven
	}
	return probation
}

// Size is what a batch of outcomes is bounded by.
func (s *settled) Size() int { return len(s.Response) }

// finishSQL lets a delivery that was held meanwhile become delivered, but not
// pending or failed again. The number is the fence against a lease taken over.
const finishSQL = `
UPDATE connect.webhook_deliveries AS d SET
    status = CASE WHEN f.next = 'delivered' OR d.status = 'pending' THEN f.next ELSE d.status END,
    delivered_at = CASE WHEN f.next = 'delivered' THEN f.at END,
    next_attempt_at = f.next_at,
    leased_until = NULL
FROM unnest(?::text[], ?::bigint[], ?::text[], ?::timestamptz[], ?::timestamptz[]) AS f (id, number, next, next_at, at)
WHERE d.id = f.id AND d.attempts = f.number AND d.status IN ('pending', 'undelivered')`

// insertAttemptsSQL logs every try, also one whose lease was taken over.
const insertAttemptsSQL = `
INSERT INTO connect.webhook_attempts (delivery, number, at, duration_ms, remote_ip, status, failure, response, id, endpoint,
    dns_us, connect_us, tls_us, first_byte_us, url)
SELECT delivery, number, at, duration_ms, remote_ip, status, failure, response, id, endpoint,
    NULLIF(dns_us, 0), NULLIF(connect_us, 0), NULLIF(tls_us, 0), NULLIF(first_byte_us, 0), url
FROM unnest(?::text[], ?::integer[], ?::timestamptz[], ?::bigint[], ?::text[], ?::integer[], ?::text[], ?::bytea[], ?::text[], ?::text[],
    ?::integer[], ?::integer[], ?::integer[], ?::integer[], ?::text[])
    AS a (delivery, number, at, duration_ms, remote_ip, status, failure, response, id, endpoint, dns_us, connect_us, tls_us, first_byte_us, url)`

// finish records a batch of attempts, one per delivery.
func finish(ctx context.Context, tx bun.Tx, batch []*settled) error {
	health := healthOf(batch)                                                                      // in the order of the answers
	slices.SortFunc(batch, func(a, b *settled) int { return cmp.Compare(a.Delivery, b.Delivery) }) // one lock order for all writers
	n := len(batch)
	ids, numbers, next := make([]string, n), make([]int64, n), make([]string, n)
	nextAt, at, attempts := make([]time.Time, n), make([]time.Time, n), make([]string, n)
	took, ips, statuses := make([]int64, n), make([]string, n), make([]int64, n)
	failures, responses, endpoints, urls := make([]string, n), make([][]byte, n), make([]string, n), make([]string, n)
	dns, connected, shaken, answered := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, s := range batch {
		s.turned = unturned
		ids[i], numbers[i], next[i], nextAt[i], at[i] = s.Delivery, int64(s.Number), string(s.next), s.nextAt, s.At
		took[i], ips[i], statuses[i], failures[i] = s.Duration.Milliseconds(), s.RemoteIP, int64(s.Status), s.Failure
		responses[i], attempts[i], endpoints[i] = append([]byte{}, s.Response...), id.New("wha"), s.Endpoint
		urls[i] = s.URL
		dns[i], connected[i] = s.Steps.DNS.Microseconds(), s.Steps.Connect.Microseconds()
		shaken[i], answered[i] = s.Steps.TLS.Microseconds(), s.Steps.FirstByte.Microseconds()
	}
	_, err := tx.NewRaw(finishSQL, pgdialect.Array(ids), pgdialect.Array(numbers), pgdialect.Array(next),
		pgdialect.Array(nextAt), pgdialect.Array(at)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("finish webhook deliveries: %w", err)
	}
	_, err = tx.NewRaw(insertAttemptsSQL, pgdialect.Array(ids), pgdialect.Array(numbers), pgdialect.Array(at), pgdialect.Array(took),
		pgdialect.Array(ips), pgdialect.Array(statuses), pgdialect.Array(failures), pgdialect.Array(responses),
		pgdialect.Array(attempts), pgdialect.Array(endpoints),
		pgdialect.Array(dns), pgdialect.Array(connected), pgdialect.Array(shaken), pgdialect.Array(answered), pgdialect.Array(urls)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert webhook attempts: %w", err)
	}
	return health.record(ctx, tx, batch)
}
