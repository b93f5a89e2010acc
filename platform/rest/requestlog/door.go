package requestlog

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// Routes show the log: Sluice's own extension.
func Routes(s *rest.Server, pool *bun.DB) []rest.Route {
	d := door{pool}
	const all = "/v1/request_logs"
	route := func(path string, h rest.Handler, returns any) rest.Route {
		return rest.Route{Method: http.MethodGet, Path: path, Resource: "request_logs", Handler: s.Read(h), Returns: returns}
	}
	return []rest.Route{
		route(all, d.list, wire.List[wire.RequestLog]{}),
		route(all+"/errors", d.errors, wire.List[wire.RequestLogErrors]{}),
		route(all+"/{id}", d.get, wire.RequestLog{}),
	}
}

type door struct{ pool *bun.DB }

func (d door) list(ctx context.Context, r *rest.Request) (any, error) {
	var f filter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	found, err := list(ctx, d.pool, viewOf(r), f)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/request_logs", func(e entry) *wire.RequestLog { return e.wire() }), nil
}

func (d door) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return get(ctx, d.pool, viewOf(r), r.Path("id"))
}

// errors groups by sort; it is always whole.
func (d door) errors(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Created page.Range `form:"created"`
		Path    string     `form:"path"`
		Key     string     `form:"key"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	f := filter{Created: p.Created, Path: p.Path, Key: p.Key}
	if err := f.check(); err != nil {
		return nil, err
	}
	found, err := groups(ctx, d.pool, viewOf(r), f)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/request_logs/errors", false, found), nil
}
