package requestlog

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// filter narrows a list; the zero value is the newest ten requests.
type filter struct {
	page.Params
	Created page.Range `form:"created"`
	Method  string     `form:"method"`
	Path    string     `form:"path"`   // how the path begins
	Status  string     `form:"status"` // 402, 4xx, success or error
	Key     string     `form:"key"`
	Object  string     `form:"related_object"`
	Type    string     `form:"error_type"`
	Code    string     `form:"error_code"`
	Route   string     `form:"route"`
}

var methods = []string{"GET", "POST", "DELETE"}

var statusShape = regexp.MustCompile(`^[1-5]([0-9]{2}|xx)$`)

func (f filter) check() error {
	switch {
	case f.Method != "" && !slices.Contains(methods, strings.ToUpper(f.Method)):
		return fault.Invalidf("parameter_invalid", "method", "Invalid method: must be one of %s.", strings.Join(methods, ", "))
	case f.Status != "" && f.Status != "success" && f.Status != "error" && !statusShape.MatchString(f.Status):
		return fault.Invalidf("parameter_invalid", "status", "Invalid status: must be a status such as 402, a class such as 4xx, success or error.")
	case f.Path != "" && f.Path[0] != '/':
		return fault.Invalidf("parameter_invalid", "path", "Invalid path: must begin with a slash.")
	}
	return nil
}

// statuses are the first and last status that fit.
func (f filter) statuses() (from, to int) {
	switch {
	case f.Status == "success":
		return 100, 399
	case f.Status == "error":
		return 400, 599
	case strings.HasSuffix(f.Status, "xx"):
		from = int(f.Status[0]-'0') * 100
		return from, from + 99
	}
	from, _ = strconv.Atoi(f.Status)
	return from, from
}

func (f filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Method != "" {
		q = q.Where("r.method = ?", strings.ToUpper(f.Method))
	}
	if f.Path != "" {
		q = q.Where("starts_with(r.path, ?)", f.Path)
	}
	if f.Status != "" {
		from, to := f.statuses()
		q = q.Where("r.status BETWEEN ? AND ?", from, to)
		if from >= 400 {
			q = q.Where("r.status >= 400") // says to the planner that the index of errors has them all
		}
	}
	for column, want := range map[string]string{"key_id": f.Key, "error_type": f.Type, "error_code": f.Code, "route": f.Route} {
		if want != "" {
			q = q.Where("r.? = ?", bun.Ident(column), want)
		}
	}
	if f.Object != "" {
		q = q.Where("r.object_id = ?", f.Object)
		if made, ok := id.Time(f.Object); ok { // nobody asked for it before it was made
			q = q.Where("r.id >= ?", id.Floor(prefix, made.Add(-time.Minute)))
		}
	}
	// Ids are made of the time of the request: the bounds leave out whole days.
	if f.Created.From != nil {
		q = q.Where("r.id >= ?", id.Floor(prefix, time.Unix(*f.Created.From, 0)))
	}
	if f.Created.Until != nil {
		q = q.Where("r.id < ?", id.Floor(prefix, time.Unix(*f.Created.Until, 0)))
	}
	return q
}

// view is whose requests a caller sees: those of its own programs, and of a platform
// that names a connected account, what its programs asked for that account.
type view struct {
	account    string
	forAccount string // "": for anybody
	livemode   bool
}

func viewOf(r *rest.Request) view {
	v := view{account: r.Principal.Account, livemode: r.Scope.Livemode}
	if r.Principal.Token {
		v.account = r.Principal.Platform
	}
	if r.Scope.Account != v.account {
		v.forAccount = r.Scope.Account
	}
	return v
}

func (v view) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("r.account = ? AND r.livemode = ?", v.account, v.livemode)
	if v.forAccount != "" {
		q = q.Where("r.for_account = ?", v.forAccount)
	}
	return q
}

func list(ctx context.Context, idb bun.IDB, v view, f filter) (page.Of[entry], error) {
	if err := f.check(); err != nil {
		return page.Of[entry]{}, err
	}
	found, err := page.Fetch[entry](ctx, idb, f.Params, "request_log", v.narrow, f.narrow)
	if err != nil {
		return found, fmt.Errorf("list requests: %w", err)
	}
	return found, nil
}

func get(ctx context.Context, idb bun.IDB, v view, request string) (*wire.RequestLog, error) {
	var rows []entry
	if err := v.narrow(idb.NewSelect().Model(&rows)).Where("r.id = ?", request).Scan(ctx); err != nil {
		return nil, fmt.Errorf("get request: %w", err)
	}
	if len(rows) == 0 {
		return nil, fault.NoSuch("request_log", request)
	}
	shown := rows[0].wire()
	var err error
	shown.Events, err = events(ctx, idb, &rows[0])
	return shown, err
}

// eventsWithin bounds how long after its beginning a request's events are looked for,
// and how many.
const (
	eventsWithin = time.Minute
	maxEvents    = 20
)

// events are those that a request caused on the account it acted for. Ids of events
// are in the order of time, so the key finds them without an index of their own.
func events(ctx context.Context, idb bun.IDB, e *entry) (ids []string, err error) {
	err = idb.NewRaw(`SELECT id FROM platform.events
		WHERE account = ? AND livemode = ? AND id >= ? AND id < ? AND request_id = ? ORDER BY id LIMIT ?`,
		e.ForAccount, e.Livemode, id.Floor("evt", e.CreatedAt), id.Floor("evt", e.CreatedAt.Add(eventsWithin)), e.ID, maxEvents).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find a request's events: %w", err)
	}
	return ids, nil
}

// maxGroups bounds the answer of groups.
const maxGroups = 50

// groups counts errors by operation and sort, the most frequent first.
func groups(ctx context.Context, idb bun.IDB, v view, f filter) ([]wire.RequestLogErrors, error) {
	var rows []struct {
		Method, Route, Type, Code, Last string
		Status                          int
		Count                           int64
	}
	q := v.narrow(idb.NewSelect().TableExpr("platform.request_logs AS r").Where("r.status >= 400"))
	err := f.narrow(q).ColumnExpr("r.method, r.route, r.error_type AS type, r.error_code AS code, r.status, count(*) AS count, max(r.id) AS last").
		GroupExpr("r.method, r.route, r.error_type, r.error_code, r.status").OrderExpr("count DESC, last DESC").Limit(maxGroups).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count errors: %w", err)
	}
	out := make([]wire.RequestLogErrors, len(rows))
	for i, row := range rows {
		at, _ := id.Time(row.Last)
		out[i] = wire.RequestLogErrors{
			Object: "request_log_errors", Code: row.Code, Count: row.Count, LastCreated: at.Unix(), LastRequest: row.Last,
			Method: row.Method, Route: row.Route, Status: row.Status, Type: row.Type,
		}
	}
	return out, nil
}
