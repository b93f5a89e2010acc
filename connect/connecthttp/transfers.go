package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// TransferRoutes are transfers and their reversals.
func TransferRoutes(s *rest.Server, pool *bun.DB, svc *connect.TransferService) []rest.Route {
	d := transferDoor{pool: pool, svc: svc}
	const all, one, reversals = "/v1/transfers", "/v1/transfers/{id}", "/v1/transfers/{id}/reversals"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: "transfers", Worth: ratelimit.Charge, Handler: s.Prepared(d.create), Returns: wire.Transfer{}},
		{Method: "GET", Path: all, Resource: "transfers", Handler: s.Read(d.list), Returns: wire.List[wire.Transfer]{}},
		{Method: "GET", Path: all + "/totals", Resource: "transfers", Handler: s.Read(d.totals), Returns: wire.ListTotals{}},
		{Method: "GET", Path: one, Resource: "transfers", Handler: s.Read(d.get), Returns: wire.Transfer{}},
		{Method: "POST", Path: one, Resource: "transfers", Handler: s.Write(d.update), Returns: wire.Transfer{}},
		{Method: "POST", Path: reversals, Resource: "transfers", Worth: ratelimit.Charge, Handler: s.Write(d.reverse), Returns: wire.TransferReversal{}},
		{Method: "GET", Path: reversals, Resource: "transfers", Handler: s.Read(d.listReversals), Returns: wire.List[wire.TransferReversal]{}},
		{Method: "GET", Path: reversals + "/{reversal}", Resource: "transfers", Handler: s.Read(d.getReversal), Returns: wire.TransferReversal{}},
		{Method: "POST", Path: reversals + "/{reversal}", Resource: "transfers", Handler: s.Write(d.updateReversal), Returns: wire.TransferReversal{}},
	}
}

type transferDoor struct {
	pool *bun.DB
	svc  *connect.TransferService
}

func (d transferDoor) create(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	var p connect.TransferParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := d.svc.Check(ctx, r.Scope, p); err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
		t, err := d.svc.Create(ctx, tx, r.Scope, p)
		if err != nil {
			return nil, err
		}
		return connect.TransferWire(t, nil, false), nil
	}, nil
}

func (d transferDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f connect.TransferFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	transfers, err := d.svc.List(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.Transfer, 0, len(transfers.Items))
	for _, t := range transfers.Items {
		w, err := d.shown(ctx, d.pool, t)
		if err != nil {
			return nil, err
		}
		shown = append(shown, w)
	}
	return wire.ListOf("/v1/transfers", transfers.HasMore, shown), nil
}

func (d transferDoor) totals(ctx context.Context, r *rest.Request) (any, error) {
	var f connect.TransferFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	return d.svc.Totals(ctx, d.pool, r.Scope, f)
}

// shown is a transfer with its newest reversals, which Stripe-compatible clients read off it.
func (d transferDoor) shown(ctx context.Context, idb bun.IDB, t *connect.Transfer) (wire.Transfer, error) {
	if t.AmountReversed == 0 {
		return connect.TransferWire(t, nil, false), nil
	}
	reversals, err := d.svc.Reversals(ctx, idb, t.ID, page.Params{})
	if err != nil {
		return wire.Transfer{}, err
	}
	shown := make([]wire.TransferReversal, len(reversals.Items))
	for i, r := range reversals.Items {
		shown[i] = connect.ReversalWire(r)
	}
	return connect.TransferWire(t, shown, reversals.HasMore), nil
}

func (d transferDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	t, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, d.pool, t)
}

func (d transferDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var u connect.TransferUpdate
	if err := r.Decode(&u); err != nil {
		return nil, err
	}
	t, err := d.svc.Update(ctx, tx, r.Scope, r.Path("id"), u)
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, tx, t)
}

func (d transferDoor) reverse(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.ReversalParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	reversal, pending, err := d.svc.Reverse(ctx, tx, r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	if pending != nil {
		return connect.PendingReversalWire(pending), nil
	}
	return connect.ReversalWire(reversal), nil
}

func (d transferDoor) listReversals(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	t, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	reversals, err := d.svc.Reversals(ctx, d.pool, t.ID, p)
	if err != nil {
		return nil, err
	}
	return page.List(reversals, "/v1/transfers/"+t.ID+"/reversals", connect.ReversalWire), nil
}

func (d transferDoor) getReversal(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	t, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	reversal, err := d.svc.GetReversal(ctx, d.pool, t.ID, r.Path("reversal"))
	if err != nil {
		return nil, err
	}
	return connect.ReversalWire(reversal), nil
}

func (d transferDoor) updateReversal(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p metadataOnly
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	reversal, err := d.svc.UpdateReversal(ctx, tx, r.Scope, r.Path("id"), r.Path("reversal"), p.Metadata)
	if err != nil {
		return nil, err
	}
	return connect.ReversalWire(reversal), nil
}
