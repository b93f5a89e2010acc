package auditlog

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// Routes show the audit log: Sluice's own extension. Exports are signed with seal.
func Routes(s *rest.Server, l *Log, seal Seal) []rest.Route {
	d := door{pool: l.pool, log: l, seal: seal}
	const all = "/v1/audit_log"
	return []rest.Route{
		{Method: http.MethodGet, Path: all, Resource: "audit_log", Handler: s.Read(d.list), Returns: wire.List[wire.AuditRecord]{}},
		{Method: http.MethodGet, Path: all + "/export", Resource: "audit_log", Handler: s.Download(d.export)},
		{Method: http.MethodGet, Path: KeysPath, Public: true, Handler: http.HandlerFunc(d.keys)},
		{Method: http.MethodGet, Path: all + "/{id}", Resource: "audit_log", Handler: s.Read(d.get), Returns: wire.AuditRecord{}},
	}
}

type door struct {
	pool *bun.DB
	log  *Log
	seal Seal
}

// narrowing are the filters of lists and exports.
type narrowing struct {
	Created page.Range `form:"created"`
	Actor   string     `form:"actor"`
	Action  string     `form:"action"` // api_keys.roll, or api_keys for all of a resource
	Object  string     `form:"related_object"`
	Outcome string     `form:"outcome"`
}

func (n narrowing) check() error {
	switch n.Outcome {
	case "", "done", "refused", "unknown":
		return nil
	}
	return fault.Invalidf("parameter_invalid", "outcome", "Invalid outcome: must be one of done, refused, or unknown.")
}

func (n narrowing) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Join("LEFT JOIN platform.audit_outcomes AS o ON o.act_id = a.id").
		ColumnExpr("a.*").ColumnExpr("o.status, COALESCE(o.object_id, '') AS made_id, COALESCE(o.error_code, '') AS error_code, o.ended_at")
	if n.Actor != "" {
		q = q.Where("a.actor = ?", n.Actor)
	}
	if n.Action != "" {
		q = q.Where("(a.action = ? OR starts_with(a.action, ?))", n.Action, n.Action+".")
	}
	if n.Object != "" {
		q = q.Where("(a.object_id = ?0 OR o.object_id = ?0)", n.Object)
	}
	switch n.Outcome {
	case "done":
		q = q.Where("o.status < 400")
	case "refused":
		q = q.Where("o.status BETWEEN 400 AND 499")
	case "unknown":
		q = q.Where("(o.status IS NULL OR o.status >= 500)")
	}
	// Ids are made of the time of the act.
	if n.Created.From != nil {
		q = q.Where("a.id >= ?", id.Floor("act", time.Unix(*n.Created.From, 0)))
	}
	if n.Created.Until != nil {
		q = q.Where("a.id < ?", id.Floor("act", time.Unix(*n.Created.Until, 0)))
	}
	return q
}

// keeper is the account that keeps the record of what the caller does.
func keeper(r *rest.Request) string {
	if r.Principal.Token {
		return r.Principal.Platform
	}
	return r.Principal.Account
}

// of is what the caller may see: what its own people and keys did, and of a platform
// that names a connected account, what they did for that account.
func of(r *rest.Request) page.Filter {
	account := keeper(r)
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("a.account = ? AND a.livemode = ?", account, r.Scope.Livemode)
		if r.Scope.Account != account {
			q = q.Where("a.for_account = ?", r.Scope.Account)
		}
		return q
	}
}

func (d door) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		narrowing
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := page.Fetch[record](ctx, d.pool, p.Params, "audit_record", of(r), p.narrow)
	if err != nil {
		return nil, fmt.Errorf("list acts: %w", err)
	}
	return page.List(found, "/v1/audit_log", func(r record) *wire.AuditRecord { return r.wire() }), nil
}

func (d door) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	var rows []record
	if err := (narrowing{}).narrow(of(r)(d.pool.NewSelect().Model(&rows))).Where("a.id = ?", r.Path("id")).Scan(ctx); err != nil {
		return nil, fmt.Errorf("get act: %w", err)
	}
	if len(rows) == 0 {
		return nil, fault.NoSuch("audit_record", r.Path("id"))
	}
	shown := rows[0].wire()
	var err error
	shown.Changes, err = changes(ctx, d.pool, &rows[0])
	return shown, err
}

const (
	changesWithin = time.Minute // after the act began
	maxChanges    = 20
)

// changes are what the events of the act's request tell.
func changes(ctx context.Context, idb bun.IDB, r *record) ([]wire.AuditChange, error) {
	told, err := event.OfRequest(ctx, idb, r.ForAccount, r.Livemode, r.RequestID,
		r.CreatedAt.Add(-time.Second), r.CreatedAt.Add(changesWithin), maxChanges)
	if err != nil {
		return nil, err
	}
	out := make([]wire.AuditChange, len(told))
	for i, e := range told {
		out[i] = wire.AuditChange{Event: e.ID, Type: e.Type, Object: e.ObjectID, Before: e.Previous, After: sameOf(e.Object, e.Previous)}
	}
	return out, nil
}

// sameOf is an object's attributes that stand in previous too; null without previous.
func sameOf(object, previous json.RawMessage) json.RawMessage {
	var now, before map[string]json.RawMessage
	if json.Unmarshal(object, &now) != nil || json.Unmarshal(previous, &before) != nil {
		return nil
	}
	for name := range now {
		if _, changed := before[name]; !changed {
			delete(now, name)
		}
	}
	after, err := json.Marshal(now)
	if err != nil {
		return nil
	}
	return after
}
