package payoutshttp

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// RunRoutes are the runs of automatic payouts, an extension of ours. They are a
// platform's own: a run is of all its accounts.
func RunRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := runDoor{pool: pool, payouts: service}
	const all, one, resource = "/v1/payout_runs", "/v1/payout_runs/{id}", "payout_runs"
	return []rest.Route{
		{Method: "POST", Path: all + "/preview", Resource: resource, Handler: s.Read(d.preview), Returns: wire.List[wire.PayoutForecast]{}},
		{Method: "POST", Path: all, Resource: resource, Handler: s.Prepared(d.run), Returns: wire.PayoutRun{}},
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PayoutRun]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PayoutRun{}},
		{Method: "GET", Path: one + "/payouts", Resource: resource, Handler: s.Read(d.made), Returns: wire.List[wire.Payout]{}},
		{Method: "POST", Path: one + "/approve", Resource: resource, Handler: s.Prepared(d.approve), Returns: wire.PayoutRunApproval{}},
	}
}

type runDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

// preview writes nothing and locks what it looks at for a moment.
func (d runDoor) preview(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p payouts.ForecastParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.payouts.Foresee(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_runs/preview", payouts.Forecast.Wire), nil
}

// run works in transactions of its own, hundreds of purses each; only the answer is
// kept with the idempotency key. Asked again after a crash it makes what is left.
func (d runDoor) run(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p payouts.RunParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	run, made, err := d.payouts.RunNow(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	shown, added := run.Wire(), int64(made)
	shown.Added = &added
	return answer(shown), nil
}

// answer is the effect of what has had its effect already.
func answer(object any) rest.WriteHandler {
	return func(context.Context, bun.Tx, *rest.Request) (any, error) { return object, nil }
}

func (d runDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.payouts.Runs(ctx, d.pool, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_runs", (*payouts.Run).Wire), nil
}

func (d runDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	run, err := d.payouts.Run(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return run.Wire(), nil
}

func (d runDoor) made(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.payouts.RunPayouts(ctx, r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_runs/"+r.Path("id")+"/payouts", (*payouts.Payout).Wire), nil
}

// approve needs what approving a single payout needs. It works in transactions of its
// own, too.
func (d runDoor) approve(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if r.Principal.Scopes != nil && !slices.Contains(r.Principal.Scopes, approvalScope) {
		return nil, mayNotApprove()
	}
	done, err := d.payouts.ApproveRun(ctx, r.Scope, r.Principal.KeyID, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return answer(done.Wire()), nil
}

func mayNotApprove() *fault.Error {
	return &fault.Error{
		Kind: fault.Forbidden, Code: "insufficient_scope",
		Message: "This key may not approve or refuse payouts. Having the '" + approvalScope + "' permission would allow this request to continue.",
	}
}
