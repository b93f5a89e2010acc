package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
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
func Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, at time.Time, eventID string) (Event, error) {
	var rows []row
	err := visible(idb.NewSelect().Model(&rows), scope, at).Where("id = ?", eventID).Scan(ctx)
	if err != nil {
		return Event{}, fmt.Errorf("get event: %w", err)
	}
	if len(rows) == 0 {
		return Event{}, fault.NoSuch("event", eventID)
	}
	return rows[0].event(), nil
}

// Filter narrows a list; the zero value is the newest ten events.
type Filter struct {
	page.Params
	Types   []string    // names or "charge.*"; none = all
	Objects []string    // ids of the objects they are about; none = all
	Created page.Range  // in business time
	Also    page.Filter // nil, or a condition of the caller's on the events, whose alias is e
}

// List is a page of the scope's account's events, newest first.
func List(ctx context.Context, idb bun.IDB, scope tenant.Scope, at time.Time, f Filter) (page.Of[Event], error) {
	rows, err := page.Fetch[row](ctx, idb, f.Params, "event",
		func(q *bun.SelectQuery) *bun.SelectQuery { return visible(q, scope, at) }, f.narrow)
	if err != nil {
		return page.Of[Event]{}, fmt.Errorf("list events: %w", err)
	}
	out := page.Of[Event]{Items: make([]Event, len(rows.Items)), HasMore: rows.HasMore}
	for i := range rows.Items {
		out.Items[i] = rows.Items[i].event()
	}
	return out, nil
}

// visible also says it in ids, so that PostgreSQL leaves out the months before.
// Ids are in the machine's time and at may be ahead of it, in the sandbox; but
// the distance never shrinks, so no event is older by the machine than by its
// own time.
func visible(q *bun.SelectQuery, scope tenant.Scope, at time.Time) *bun.SelectQuery {
	return q.Where("account = ? AND livemode = ?", scope.Account, scope.Livemode).Where("created_at > ?", at.Add(-Visible)).
		Where("id >= ?", id.Floor(prefix, time.Now().Add(-Visible-clockSkew)))
}

func (f Filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if len(f.Types) > 0 {
		q = q.Where("type LIKE ANY (?::text[])", pgdialect.Array(likePatterns(f.Types)))
	}
	if len(f.Objects) > 0 { // read by the key that makes versions unique
		q = q.Where("object_id = ANY (?::text[])", pgdialect.Array(f.Objects))
	}
	if f.Also != nil {
		q = f.Also(q)
	}
	return f.Created.Apply(q, "created_at")
}
