package payoutshttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// HoldRoutes are holds on payouts and on accounts, an extension of ours.
func HoldRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := holdDoor{pool: pool, payouts: service}
	const all, one, resource = "/v1/payout_holds", "/v1/payout_holds/{id}", "payout_holds"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: resource, Handler: s.Write(d.create), Returns: wire.PayoutHold{}},
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PayoutHold]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PayoutHold{}},
		{Method: "POST", Path: one + "/release", Resource: resource, Handler: s.Write(d.release), Returns: wire.PayoutHold{}},
	}
}

// byPlatform refuses the token of a connected account: what its platform holds,
// allows and approves is not its to see or to change. The platform's own key is
// welcome, also where it acts for the account.
func byPlatform(r *rest.Request) error {
	if r.Principal.Account != r.Scope.Platform {
		return &fault.Error{Kind: fault.Forbidden, Code: "platform_account_required",
			Message: "Only a platform can hold and approve payouts, and say its policy."}
	}
	return nil
}

type holdDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

func (d holdDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payouts.HoldParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	return showHold(d.payouts.Hold(ctx, tx, r.Scope, r.Principal.KeyID, p))
}

func (d holdDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f payouts.HoldFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.ListHolds(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_holds", (*payouts.Hold).Wire), nil
}

func (d holdDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	return showHold(d.payouts.GetHold(ctx, d.pool, r.Scope, r.Path("id")))
}

func (d holdDoor) release(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	return showHold(d.payouts.ReleaseHold(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id")))
}

func showHold(h *payouts.Hold, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.Wire(), nil
}
