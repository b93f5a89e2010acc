package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// PendingReversalRoutes are transfers that are taken back as the money comes. They
// are made by POST /v1/transfers/{id}/reversals with when_insufficient=pending.
func PendingReversalRoutes(s *rest.Server, pool *bun.DB, svc *connect.TransferService) []rest.Route {
	d := pendingReversalDoor{pool: pool, svc: svc}
	const all, one = "/v1/pending_reversals", "/v1/pending_reversals/{id}"
	return []rest.Route{
		{Method: "GET", Path: all, Resource: "transfers", Handler: s.Read(d.list), Returns: wire.List[wire.PendingReversal]{}},
		{Method: "GET", Path: one, Resource: "transfers", Handler: s.Read(d.get), Returns: wire.PendingReversal{}},
		{Method: "POST", Path: one, Resource: "transfers", Handler: s.Write(d.update), Returns: wire.PendingReversal{}},
		{Method: "POST", Path: one + "/cancel", Resource: "transfers", Handler: s.Write(d.cancel), Returns: wire.PendingReversal{}},
	}
}

type pendingReversalDoor struct {
	pool *bun.DB
	svc  *connect.TransferService
}

func (d pendingReversalDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f connect.PendingFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	found, err := d.svc.ListPending(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/pending_reversals", connect.PendingReversalWire), nil
}

func (d pendingReversalDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return shownPending(d.svc.GetPending(ctx, d.pool, r.Scope, r.Path("id")))
}

func (d pendingReversalDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p metadataOnly
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return shownPending(d.svc.UpdatePending(ctx, tx, r.Scope, r.Path("id"), p.Metadata))
}

func (d pendingReversalDoor) cancel(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return shownPending(d.svc.CancelPending(ctx, tx, r.Scope, r.Path("id")))
}

func shownPending(p *connect.PendingReversal, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return connect.PendingReversalWire(p), nil
}
