package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Visible is how long the API shows an event.
const Visible = 30 * 24 * time.Hour

type row struct {
	bun.BaseModel `bun:"table:platform.events,alias:e"`

	ID             string
	Type           string
	Account        string
	Platform       string
	Livemode       bool
	ObjectID       string
	ObjectVersion  int64
	Object         json.RawMessage `bun:"type:json"`
	Previous       json.RawMessage `bun:"type:json"`
	RequestID      string
	IdempotencyKey string
	CreatedAt      time.Time
	OrderXID       int64 `bun:"order_xid"`
	Seq            int64
}

func (r *row) event() Event {
	return Event{
		ID: r.ID, Type: r.Type, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode,
		ObjectID: r.ObjectID, ObjectVersion: r.ObjectVersion, Object: r.Object, Previous: r.Previous,
		RequestID: r.RequestID, IdempotencyKey: r.IdempotencyKey, CreatedAt: r.CreatedAt.UTC(),
	}
}

// Get is an event of the scope's account; other accounts' and other modes'
// events, and those older than Visible, are NotFound.
func Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, at time.Time, id string) (Event, error) {
	var rows []row
	err := visible(idb.NewSelect().Model(&rows), scope, at).Where("id = ?", id).Scan(ctx)
	if err != nil {
		return Event{}, fmt.Errorf("get event: %w", err)
	}
	if len(rows) == 0 {
		return Event{}, fault.NoSuch("event", id)
	}
	return rows[0].event(), nil
}

// Filter narrows a list. Limit is required; of the two cursors at most one is set.
type Filter struct {
	Types         []string // names or "charge.*"; none = all
	From, Until   time.Time
	StartingAfter string // older than this event
	EndingBefore  string // newer than this event
	Limit         int
}

// List is a page of the scope's account's events, newest first, and whether
// more follow in the direction of the cursor. From is inclusive, Until exclusive.
func List(ctx context.Context, idb bun.IDB, scope tenant.Scope, at time.Time, f Filter) (page []Event, more bool, err error) {
	var rows []row
	q := f.narrow(visible(idb.NewSelect().Model(&rows), scope, at)).Limit(int64(f.Limit) + 1)
	if err := q.Scan(ctx); err != nil {
		return nil, false, fmt.Errorf("list events: %w", err)
	}
	if more = len(rows) > f.Limit; more {
		rows = rows[:f.Limit]
	}
	if f.EndingBefore != "" {
		slices.Reverse(rows)
	}
	page = make([]Event, len(rows))
	for i := range rows {
		page[i] = rows[i].event()
	}
	return page, more, nil
}

func visible(q *bun.SelectQuery, scope tenant.Scope, at time.Time) *bun.SelectQuery {
	return q.Where("account = ? AND livemode = ?", scope.Account, scope.Livemode).Where("created_at > ?", at.Add(-Visible))
}

func (f Filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if len(f.Types) > 0 {
		q = q.Where("type LIKE ANY (?::text[])", pgdialect.Array(likePatterns(f.Types)))
	}
	if !f.From.IsZero() {
		q = q.Where("created_at >= ?", f.From)
	}
	if !f.Until.IsZero() {
		q = q.Where("created_at < ?", f.Until)
	}
	if f.EndingBefore != "" {
		return q.Where("id > ?", f.EndingBefore).OrderExpr("id ASC")
	}
	if f.StartingAfter != "" {
		q = q.Where("id < ?", f.StartingAfter)
	}
	return q.OrderExpr("id DESC")
}
