package payoutshttp

import (
	"context"
	"io"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/report"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

type reportDoor struct {
	pool    *bun.DB
	reports *report.Service
	base    string      // where the API is reached
	clock   clock.Clock // real time: reports are made for people
}

const reportRuns = "/v1/reporting/report_runs"

// ReportRoutes are the operations on /v1/reporting.
func ReportRoutes(s *rest.Server, pool *bun.DB, reports *report.Service, base string, clk clock.Clock) []rest.Route {
	d := reportDoor{pool: pool, reports: reports, base: base, clock: clk}
	const runs, types = reportRuns, "/v1/reporting/report_types"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "payouts", Worth: ratelimit.Report, Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodGet, types, s.Read(d.listTypes), wire.List[wire.ReportType]{}),
		route(http.MethodGet, types+"/{id}", s.Read(d.getType), wire.ReportType{}),
		route(http.MethodPost, runs, s.Write(d.create), wire.ReportRun{}),
		route(http.MethodGet, runs, s.Read(d.list), wire.List[wire.ReportRun]{}),
		route(http.MethodGet, runs+"/{id}", s.Read(d.get), wire.ReportRun{}),
		route(http.MethodGet, runs+"/{id}/result", s.Download(d.result), nil),
	}
}

// listTypes is always whole: there are too few types for pages.
func (d reportDoor) listTypes(_ context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	var shown []wire.ReportType
	for _, t := range report.Types() {
		shown = append(shown, t.Wire(r.Scope.Livemode, d.clock.Now().Unix()))
	}
	return wire.ListOf("/v1/reporting/report_types", false, shown), nil
}

func (d reportDoor) getType(_ context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	t, err := report.Find(r.Path("id"))
	if err != nil {
		return nil, err
	}
	return t.Wire(r.Scope.Livemode, d.clock.Now().Unix()), nil
}

func (d reportDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p report.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	made, err := d.reports.Create(ctx, tx, r.Scope, p, d.clock.Now())
	if err != nil {
		return nil, err
	}
	return made.Wire(d.base), nil
}

func (d reportDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p report.ListParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.reports.List(ctx, d.pool, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(found, reportRuns, func(run *report.Run) wire.ReportRun { return run.Wire(d.base) }), nil
}

func (d reportDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	run, err := d.reports.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return run.Wire(d.base), nil
}

func (d reportDoor) result(ctx context.Context, r *rest.Request) (rest.Attachment, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return rest.Attachment{}, err
	}
	run, err := d.reports.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return rest.Attachment{}, err
	}
	if run.Status != report.Succeeded {
		return rest.Attachment{}, fault.Invalidf("report_not_ready", "", "The report is %s; its file is there once it has succeeded.", run.Status)
	}
	return rest.Attachment{
		Name: run.FileName(), Type: "text/csv; charset=utf-8", Size: run.Size,
		Write: func(w io.Writer) error { return d.reports.Send(ctx, run, w) },
	}, nil
}
