package auditlog

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// Routes show the audit log: Sluice's own extension.
func Routes(s *rest.Server, pool *bun.DB) []rest.Route {
	d := door{pool}
	const all = "/v1/audit_log"
	return []rest.Route{
		{Method: http.MethodGet, Path: all, Resource: "audit_log", Handler: s.Read(d.list), Returns: wire.List[wire.AuditRecord]{}},
		{Method: http.MethodGet, Path: all + "/export", Resource: "audit_log", Handler: s.Download(d.export)},
		{Method: http.MethodGet, Path: all + "/{id}", Resource: "audit_log", Handler: s.Read(d.get), Returns: wire.AuditRecord{}},
	}
}

type door struct{ pool *bun.DB }

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

// of is what the caller may see: what its own people and keys did, and of a platform
// that names a connected account, what they did for that account.
func of(r *rest.Request) page.Filter {
	account := r.Principal.Account
	if r.Principal.Token {
		account = r.Principal.Platform
	}
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

// exportPage bounds how much of an export is in memory.
const exportPage = 500

// head are the columns of an export.
var head = []string{
	"id", "created", "actor", "action", "outcome", "related_object", "for_account", "method", "path", "status", "error_code", "reason", "ip", "request",
}

// export is the list as CSV, whole, newest first.
func (d door) export(ctx context.Context, r *rest.Request) (rest.Attachment, error) {
	var n narrowing
	if err := r.Decode(&n); err != nil {
		return rest.Attachment{}, err
	}
	if err := n.check(); err != nil {
		return rest.Attachment{}, err
	}
	return rest.Attachment{Name: "audit_log.csv", Type: "text/csv; charset=utf-8", Write: func(w io.Writer) error {
		out := csv.NewWriter(w)
		if err := out.Write(head); err != nil {
			return err
		}
		return d.rows(ctx, of(r), n, out)
	}}, nil
}

func (d door) rows(ctx context.Context, scope page.Filter, n narrowing, out *csv.Writer) error {
	for last := ""; ; {
		var rows []record
		if err := page.Window(n.narrow(scope(d.pool.NewSelect().Model(&rows))), "id", last, false, exportPage).Scan(ctx); err != nil {
			return fmt.Errorf("export acts: %w", err)
		}
		found := page.Cut(rows, false, exportPage)
		for i := range found.Items {
			if err := out.Write(line(found.Items[i].wire())); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil || !found.HasMore {
			return err
		}
		last = found.Items[exportPage-1].ID
	}
}

func line(r *wire.AuditRecord) []string {
	status := ""
	if r.Status != nil {
		status = strconv.Itoa(*r.Status)
	}
	cells := []string{
		r.ID, time.Unix(r.Created, 0).UTC().Format(time.RFC3339), r.Actor, r.Action, r.Outcome, text(r.RelatedObject), r.ForAccount,
		r.Method, r.Path, status, text(r.ErrorCode), text(r.Reason), text(r.IP), text(r.Request),
	}
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell // spreadsheets would compute it
		}
	}
	return cells
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
