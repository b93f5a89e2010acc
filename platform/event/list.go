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
	Object         json.RawMessage `bun:"type:json"` // of rows from before there was content, as is previous
	Previous       json.RawMessage `bun:"type:json"`
	Content        []byte
	RequestID      string
	IdempotencyKey string
	CreatedAt      time.Time
	OrderXID       int64 `bun:"order_xid"`
	Seq            int64
}

// rowColumns are those of the log that make a row, in the order of places.
const rowColumns = `id, type, account, platform, livemode, object_id, object_version,
	object, previous, content, request_id, idempotency_key, created_at, order_xid, seq`

// places are where a row's columns are scanned to.
func (r *row) places() []any {
	return []any{
		&r.ID, &r.Type, &r.Account, &r.Platform, &r.Livemode, &r.ObjectID, &r.ObjectVersion,
		(*[]byte)(&r.Object), (*[]byte)(&r.Previous), &r.Content, &r.RequestID, &r.IdempotencyKey, &r.CreatedAt, &r.OrderXID, &r.Seq,
	}
}

// event is the one place where what the log keeps becomes an event again.
func (r *row) event() (Event, error) {
	e := Event{
		ID: r.ID, Type: r.Type, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode,
		ObjectID: r.ObjectID, ObjectVersion: r.ObjectVersion, Object: r.Object, Previous: r.Previous,
		RequestID: r.RequestID, IdempotencyKey: r.IdempotencyKey, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.Content == nil {
		return e, nil
	}
	var err error
	if e.Object, e.Previous, err = split(r.Content); err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", r.ID, err)
	}
	return e, nil
}

func eventsOf(rows []row) ([]Event, error) {
	out := make([]Event, len(rows))
	var err error
	for i := range rows {
		if out[i], err = rows[i].event(); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	return rows[0].event()
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
	events, err := eventsOf(rows.Items)
	return page.Of[Event]{Items: events, HasMore: rows.HasMore}, err
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
