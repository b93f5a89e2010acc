package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
)

// Parked is an event a consumer could not handle, or one of the same key that
// came after such an event and must not overtake it.
type Parked struct {
	bun.BaseModel `bun:"table:platform.parked_events,alias:p"`

	ID       int64             `bun:",pk,autoincrement"`
	Consumer string            `bun:"consumer"`
	Key      string            `bun:"key"`
	EventID  string            `bun:"event_id"`
	Type     string            `bun:"type"`
	Headers  map[string]string `bun:"headers,type:json"`
	Value    []byte            `bun:"value"`
	Reason   string            `bun:"reason"` // for operators: the effect's error, or "behind" another one
	ParkedAt time.Time         `bun:"parked_at"`

	Attempts         int       `bun:"attempts"`   // how often it was tried again on request
	LastError        string    `bun:"last_error"` // of the last of these
	RetryRequestedAt time.Time `bun:"retry_requested_at,nullzero"`
	RetryRequestedBy string    `bun:"retry_requested_by"`
}

// Line is the parked events of one key: the first holds the others.
type Line struct {
	Parked     // the first
	Behind int // how many wait behind it
}

// Parking keeps the events that consumers could not handle. While a key of a
// consumer has parked events, the key is held: later ones line up behind.
//
// Lock order: a consumer's batch holds its offset, then the last event of a
// line (shared), then its inbox rows. A retry holds the first event of a line,
// then an inbox row that no batch has, because held keys are not claimed.
type Parking struct {
	pool  *bun.DB
	clock clock.Clock
}

// NewParking keeps parked events in the pool's database.
func NewParking(pool *bun.DB, c clock.Clock) *Parking { return &Parking{pool: pool, clock: c} }

// Park holds the event's key, in the transaction that passes it by. Parking the
// same event again changes nothing.
func (p *Parking) Park(ctx context.Context, tx bun.Tx, e Parked) error {
	_, err := p.insert(ctx, tx, e, `SELECT true`)
	return err
}

// ParkBehind parks the event if its key is still held, and reports whether it
// is. The share lock makes a retry that is just finishing the key wait for us,
// or us for it: either the event is parked in time or the key is free.
func (p *Parking) ParkBehind(ctx context.Context, tx bun.Tx, e Parked) (held bool, err error) {
	return p.insert(ctx, tx, e, `SELECT true FROM platform.parked_events WHERE consumer = ?0 AND key = ?1 ORDER BY id DESC LIMIT 1 FOR SHARE`)
}

func (p *Parking) insert(ctx context.Context, tx bun.Tx, e Parked, condition string) (bool, error) {
	headers, err := json.Marshal(e.Headers)
	if err != nil {
		return false, fmt.Errorf("park event %s for %s: %w", e.EventID, e.Consumer, err)
	}
	var met bool
	err = tx.NewRaw(`
WITH condition AS MATERIALIZED (`+condition+`), parked AS (
	INSERT INTO platform.parked_events (consumer, key, event_id, type, headers, value, reason, parked_at)
	SELECT ?0, ?1, ?2, ?3, ?4::json, ?5, ?6, ?7 FROM condition
	ON CONFLICT ON CONSTRAINT parked_events_event_key DO NOTHING
)
SELECT EXISTS (SELECT FROM condition)`,
		e.Consumer, e.Key, e.EventID, e.Type, string(headers), e.Value, e.Reason, p.clock.Now()).Scan(ctx, &met)
	if err != nil {
		return false, fmt.Errorf("park event %s for %s: %w", e.EventID, e.Consumer, err)
	}
	return met, nil
}

// HeldKeys are the consumer's keys with parked events.
func (p *Parking) HeldKeys(ctx context.Context, consumer string) ([]string, error) {
	var keys []string
	err := p.pool.NewRaw(`SELECT DISTINCT key FROM platform.parked_events WHERE consumer = ?`, consumer).Scan(ctx, &keys)
	if err != nil {
		return nil, fmt.Errorf("read held keys of %s: %w", consumer, err)
	}
	return keys, nil
}

// countedAtMost bounds what Count reads.
const countedAtMost = 100_000

// Count is how many events of the consumer are parked, at most countedAtMost.
func (p *Parking) Count(ctx context.Context, consumer string) (int, error) {
	var n int
	err := p.pool.NewRaw(`SELECT count(*) FROM (SELECT FROM platform.parked_events WHERE consumer = ? LIMIT ?) p`,
		consumer, countedAtMost).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count parked events of %s: %w", consumer, err)
	}
	return n, nil
}

// Lines are the held keys of a consumer ("" = of every consumer), the longest
// held first, at most limit.
func (p *Parking) Lines(ctx context.Context, consumer string, limit int) ([]Line, error) {
	var lines []Line
	err := p.pool.NewRaw(`
SELECT p.*, l.events - 1 AS behind
FROM (
	SELECT min(id) AS first, count(*) AS events FROM platform.parked_events
	WHERE ?0 = '' OR consumer = ?0
	GROUP BY consumer, key ORDER BY 1 LIMIT ?1
) l JOIN platform.parked_events p ON p.id = l.first
ORDER BY p.id`, consumer, limit).Scan(ctx, &lines)
	if err != nil {
		return nil, fmt.Errorf("list parked events: %w", err)
	}
	return lines, nil
}

// FindLine is the line of one key; false when the key is not held.
func (p *Parking) FindLine(ctx context.Context, consumer, key string) (Line, bool, error) {
	var line Line
	err := p.pool.NewRaw(`
SELECT p.*, (SELECT count(*) - 1 FROM platform.parked_events WHERE consumer = ?0 AND key = ?1) AS behind
FROM platform.parked_events p WHERE p.consumer = ?0 AND p.key = ?1 ORDER BY p.id LIMIT 1`, consumer, key).Scan(ctx, &line)
	if errors.Is(err, sql.ErrNoRows) {
		return Line{}, false, nil
	}
	if err != nil {
		return Line{}, false, fmt.Errorf("read parked events of %s for %s: %w", key, consumer, err)
	}
	return line, true, nil
}

// request marks the first event of each chosen line and writes down who asked.
const request = `
WITH marked AS (
	UPDATE platform.parked_events p SET retry_requested_at = ?3, retry_requested_by = ?2
	WHERE p.id IN (
		SELECT min(id) FROM platform.parked_events
		WHERE consumer = ?0 AND (?1 = '' OR key = ?1) GROUP BY key
	) RETURNING p.*
), noted AS (
	INSERT INTO platform.parking_log (at, consumer, key, event_id, action, by_whom)
	SELECT ?3, consumer, key, event_id, 'retry_requested', ?2 FROM marked ORDER BY id
)
SELECT * FROM marked ORDER BY id`

// RequestRetry asks the running consumers to try a key's events again ("" =
// those of every held key), and returns the first event of each. It does
// nothing itself: Retry does, in a process of the consumer's group.
func (p *Parking) RequestRetry(ctx context.Context, consumer, key, by string) ([]Parked, error) {
	var marked []Parked
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw(request, consumer, key, by, p.clock.Now()).Scan(ctx, &marked)
	})
	if err != nil {
		return nil, fmt.Errorf("request a retry of parked events for %s: %w", consumer, err)
	}
	return marked, nil
}

// Retry takes one event that somebody asked to have tried again and gives it to
// handle: effect, inbox and removal are one transaction, and the request moves
// on to the next event of the line. When handle fails, the event stays with the
// reason and the request is over. tried is false when there is nothing to do.
//
// Any number of processes may call Retry: a line that one of them is at is
// skipped by the others.
func (p *Parking) Retry(ctx context.Context, consumer, by string, handle func(ctx context.Context, tx bun.Tx, e Parked) error) (tried bool, e Parked, err error) {
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		tried, e = false, Parked{}
		err := tx.NewRaw(`
SELECT * FROM platform.parked_events WHERE consumer = ? AND retry_requested_at IS NOT NULL
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`, consumer).Scan(ctx, &e)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for retries of %s: %w", consumer, err)
		}
		tried = true
		if err := handle(ctx, tx, e); err != nil {
			return err
		}
		return p.remove(ctx, tx, e, by)
	})
	if err == nil || !tried || Excused(err) {
		return tried, e, err
	}
	return true, e, errors.Join(err, p.refuse(ctx, e, by, err))
}

// remove takes the event out of its line and hands the request on. Behind a
// last event nothing comes: who parks behind it waits for our lock on it.
func (p *Parking) remove(ctx context.Context, tx bun.Tx, e Parked, by string) error {
	if _, err := tx.NewDelete().Model(&e).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("take event %s out of the parking: %w", e.EventID, err)
	}
	res, err := tx.NewRaw(`
UPDATE platform.parked_events SET retry_requested_at = ?2, retry_requested_by = ?3
WHERE id = (SELECT min(id) FROM platform.parked_events WHERE consumer = ?0 AND key = ?1)`,
		e.Consumer, e.Key, e.RetryRequestedAt, e.RetryRequestedBy).Exec(ctx)
	if err != nil {
		return fmt.Errorf("go on with the events behind %s: %w", e.EventID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return p.note(ctx, tx, e, "freed", by)
}

// refuse ends the request and says why.
func (p *Parking) refuse(ctx context.Context, e Parked, by string, cause error) error {
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewRaw(`
UPDATE platform.parked_events SET attempts = attempts + 1, last_error = ?1, retry_requested_at = NULL, retry_requested_by = ''
WHERE id = ?0`, e.ID, Reason(cause)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("write down why event %s failed again: %w", e.EventID, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // another process was luckier meanwhile
		}
		return p.note(ctx, tx, e, "retry_failed", by)
	})
}

func (p *Parking) note(ctx context.Context, tx bun.Tx, e Parked, action, by string) error {
	_, err := tx.NewRaw(`INSERT INTO platform.parking_log (at, consumer, key, event_id, action, by_whom) VALUES (?, ?, ?, ?, ?, ?)`,
		p.clock.Now(), e.Consumer, e.Key, e.EventID, action, by).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note %s of %s: %w", action, e.Key, err)
	}
	return nil
}

// reasonBytes bounds what is kept of an error.
const reasonBytes = 500

// Reason is an error as the parking keeps it: short, and text that PostgreSQL takes.
func Reason(err error) string {
	text := []rune(err.Error())
	out := make([]rune, 0, min(len(text), reasonBytes))
	for _, r := range text {
		if r == 0 {
			continue
		}
		if len(out) == reasonBytes {
			return string(out) + "…"
		}
		out = append(out, r)
	}
	return string(out)
}
