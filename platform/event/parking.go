package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/uptrace/bun"
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
	Reason   string            `bun:"reason"` // for operators: the handler's error, or "behind" another one
	ParkedAt time.Time         `bun:"parked_at"`
}

// Parking keeps the events that consumers could not handle. While a key of a
// consumer has parked events, the key is held: later ones line up behind.
type Parking struct {
	pool  *bun.DB
	clock clock.Clock
}

// NewParking keeps parked events in the pool's database.
func NewParking(pool *bun.DB, c clock.Clock) *Parking { return &Parking{pool: pool, clock: c} }

// Park holds the event's key. Parking the same event again changes nothing.
func (p *Parking) Park(ctx context.Context, e Parked) error {
	_, err := p.insert(ctx, e, `SELECT true`)
	return err
}

// ParkBehind parks the event if its key is still held, and reports whether it
// is. The share lock makes a Retry that is just finishing the key wait for us,
// or us for it: either the event is parked in time or the key is free.
func (p *Parking) ParkBehind(ctx context.Context, e Parked) (held bool, err error) {
	return p.insert(ctx, e, `SELECT true FROM platform.parked_events WHERE consumer = ?0 AND key = ?1 ORDER BY id DESC LIMIT 1 FOR SHARE`)
}

func (p *Parking) insert(ctx context.Context, e Parked, condition string) (bool, error) {
	headers, err := json.Marshal(e.Headers)
	if err != nil {
		return false, fmt.Errorf("park event %s for %s: %w", e.EventID, e.Consumer, err)
	}
	var met bool
	err = p.pool.NewRaw(`
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

// List is the consumer's oldest parked events ("" = every consumer's), at most limit.
func (p *Parking) List(ctx context.Context, consumer string, limit int) ([]Parked, error) {
	var out []Parked
	q := p.pool.NewSelect().Model(&out).OrderExpr("id").Limit(int64(limit))
	if consumer != "" {
		q = q.Where("consumer = ?", consumer)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list parked events: %w", err)
	}
	return out, nil
}

// Retry gives the key's parked events to handle, oldest first, until none is
// left or one fails again; handled says how many went through. An event leaves
// the parking after its effect, so a crash between the two delivers it again
// and the Inbox ignores it.
func (p *Parking) Retry(ctx context.Context, consumer, key string, handle func(ctx context.Context, e Parked) error) (handled int, err error) {
	for {
		var e Parked
		err := p.pool.NewSelect().Model(&e).Where("consumer = ? AND key = ?", consumer, key).OrderExpr("id").Limit(1).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return handled, nil
		}
		if err != nil {
			return handled, fmt.Errorf("retry %s of %s: %w", key, consumer, err)
		}
		if err := handle(ctx, e); err != nil {
			return handled, fmt.Errorf("retry event %s for %s: %w", e.EventID, consumer, err)
		}
		if _, err := p.pool.NewDelete().Model(&e).WherePK().Exec(ctx); err != nil {
			return handled, fmt.Errorf("retry %s of %s: %w", key, consumer, err)
		}
		handled++
	}
}
