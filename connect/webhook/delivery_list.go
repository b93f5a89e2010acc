package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// DeliveryFilter narrows a list of deliveries; zero fields filter nothing.
type DeliveryFilter struct {
	Endpoint string
	Status   Status
	Type     string // of the event; "charge.*" is a family
	Event    string
	Object   string // id of the event's object
	Created  page.Range
}

func (f DeliveryFilter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Status != "" {
		q = q.Where("delivery.status = ?", f.Status)
	}
	if f.Type != "" {
		q = q.Where(ofTypes, pgdialect.Array([]string{f.Type}))
	}
	if f.Event != "" {
		q = q.Where("delivery.event = ?", f.Event)
	}
	if f.Object != "" {
		q = q.Where("delivery.object_id = ?", f.Object)
	}
	return f.Created.Apply(q, "delivery.created_at")
}

// ofTypes is Endpoint.Wants in SQL, of an array of patterns.
const ofTypes = `EXISTS (
    SELECT FROM unnest(?::text[]) AS t (pattern)
    WHERE t.pattern = delivery.event_type OR right(t.pattern, 1) = '*' AND starts_with(delivery.event_type, left(t.pattern, -1)))`

func (f DeliveryFilter) check() error {
	switch f.Status {
	case "", Pending, Delivered, Failed, Undelivered:
		return nil
	}
	return fault.Invalidf("parameter_invalid", "status", "Invalid status: must be %s, %s, %s or %s.", Pending, Delivered, Failed, Undelivered)
}

// Deliveries is a page of the deliveries of one endpoint of the scope, or of all of
// them, newest first. Those of deleted endpoints are among them: they explain what was sent.
func (s *Endpoints) Deliveries(ctx context.Context, idb bun.IDB, scope tenant.Scope, f DeliveryFilter, p page.Params) (page.Of[Delivery], error) {
	if err := f.check(); err != nil {
		return page.Of[Delivery]{}, err
	}
	rows, err := ofEndpoints[deliveryRow]{noun: "webhook delivery", by: "seq", narrow: f.narrow}.fetch(ctx, idb, scope, f.Endpoint, p)
	if err != nil {
		return page.Of[Delivery]{}, fmt.Errorf("list webhook deliveries: %w", err)
	}
	return mapped(rows, deliveryRow.delivery), nil
}

// Delivery is one delivery of the scope's endpoints. Fails with NotFound.
func (s *Endpoints) Delivery(ctx context.Context, idb bun.IDB, scope tenant.Scope, deliveryID string) (Delivery, error) {
	var row deliveryRow
	err := idb.NewSelect().Model(&row).Where("delivery.id = ?", deliveryID).Where("delivery.endpoint "+ofScope, scope.Account, scope.Livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Delivery{}, fault.NoSuch("webhook delivery", deliveryID)
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("get webhook delivery: %w", err)
	}
	return row.delivery(), nil
}

// ofScope holds an endpoint's id against whose it is; deleted ones still are.
const ofScope = "IN (SELECT id FROM connect.webhook_endpoints WHERE account = ? AND livemode = ? AND listener IS NULL)"

// ofEndpoints lists rows of T, which have an endpoint and are in the order of the
// column by. Their cursors are ids.
type ofEndpoints[T any] struct {
	noun, by string
	narrow   page.Filter
}

// fetch walks each endpoint's index from the page's cursor and merges what it finds:
// a page costs a page per endpoint, however much others have in the table.
func (l ofEndpoints[T]) fetch(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpointID string, p page.Params) (page.Of[T], error) {
	none := page.Of[T]{}
	size, err := p.Size()
	if err != nil {
		return none, err
	}
	ids, err := endpointIDs(ctx, idb, scope, endpointID)
	if err != nil {
		return none, err
	}
	cursor, param, backwards := p.Cursor()
	place := ""
	if cursor != "" {
		err := idb.NewSelect().Model((*T)(nil)).ColumnExpr("?TableAlias.?::text", bun.Ident(l.by)).
			Where("?TableAlias.id = ? AND ?TableAlias.endpoint = ANY (?)", cursor, pgdialect.Array(ids)).Scan(ctx, &place)
		if errors.Is(err, sql.ErrNoRows) {
			return none, page.NoCursor(param, l.noun, cursor)
		}
		if err != nil {
			return none, err
		}
	}
	each := l.narrow(idb.NewSelect().Model((*T)(nil)).Where("?TableAlias.endpoint = of.endpoint"))
	order := "found.? DESC"
	if backwards {
		order = "found.? ASC"
	}
	var rows []T
	err = idb.NewSelect().ColumnExpr("found.*").TableExpr("unnest(?::text[]) AS of (endpoint)", pgdialect.Array(ids)).
		Join("CROSS JOIN LATERAL (?) AS found", page.Window(each, l.by, place, backwards, size)).
		OrderExpr(order, bun.Ident(l.by)).Limit(int64(size)+1).Scan(ctx, &rows)
	if err != nil {
		return none, err
	}
	return page.Cut(rows, backwards, size), nil
}

// endpointIDs are the endpoints of the scope, deleted ones too, or the one that is meant.
func endpointIDs(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpointID string) ([]string, error) {
	var ids []string
	q := idb.NewSelect().Model((*endpointRow)(nil)).Column("id").Where("id "+ofScope, scope.Account, scope.Livemode)
	if endpointID != "" {
		q = q.Where("id = ?", endpointID)
	}
	if err := q.Scan(ctx, &ids); err != nil {
		return nil, err
	}
	if endpointID != "" && len(ids) == 0 {
		return nil, fault.NoSuch("webhook endpoint", endpointID)
	}
	return ids, nil
}

func mapped[R, T any](rows page.Of[R], to func(R) T) page.Of[T] {
	out := page.Of[T]{Items: make([]T, len(rows.Items)), HasMore: rows.HasMore}
	for i, row := range rows.Items {
		out.Items[i] = to(row)
	}
	return out
}

// Payload is the body of a delivery as its endpoint gets it, or nil once it was erased
// or its account is none that the endpoint's platform may hear of any more: what was
// kept back from the endpoint is not shown here instead.
func (s *Endpoints) Payload(ctx context.Context, idb bun.IDB, accounts Directory, scope tenant.Scope, d Delivery) ([]byte, error) {
	var endpoint endpointRow
	err := idb.NewSelect().Model(&endpoint).Where("id = ? AND account = ? AND livemode = ?", d.Endpoint, scope.Account, scope.Livemode).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("get the endpoint of a webhook delivery: %w", err)
	}
	var payload struct {
		Body    []byte
		Pending int
		Account string
	}
	if err := idb.NewRaw("SELECT body, pending, account FROM connect.webhook_payloads WHERE event = ?", d.Event).Scan(ctx, &payload); err != nil {
		return nil, fmt.Errorf("get webhook payload: %w", err)
	}
	if len(payload.Body) == 0 {
		return nil, nil
	}
	if endpoint.Connect && payload.Account != "" && d.EventType != Deauthorized {
		heard, err := accounts.Hears(ctx, idb, scope.Account, payload.Account, scope.Livemode)
		if err != nil || !heard {
			return nil, err
		}
	}
	return render(payload.Body, endpoint.endpoint(), payload.Pending), nil
}

// Count tells of events how many deliveries are to come. It satisfies eventhttp.Deliveries.
type Count struct{}

// Pending counts the deliveries of each event that are still to come.
func (Count) Pending(ctx context.Context, idb bun.IDB, events []string) (map[string]int, error) {
	var rows []struct {
		Event string
		Count int
	}
	err := idb.NewRaw(`SELECT event, count(*) FROM connect.webhook_deliveries WHERE event = ANY (?) AND status = 'pending' GROUP BY event`,
		pgdialect.Array(events)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count pending webhooks: %w", err)
	}
	pending := make(map[string]int, len(rows))
	for _, r := range rows {
		pending[r.Event] = r.Count
	}
	return pending, nil
}

// Succeeded narrows events, whose alias is e, to those without a delivery that has
// not happened, or to the others.
func (Count) Succeeded(all bool) page.Filter {
	condition := "EXISTS (SELECT FROM connect.webhook_deliveries d WHERE d.event = e.id AND d.status <> 'delivered')"
	if all {
		condition = "NOT " + condition
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(condition) }
}
