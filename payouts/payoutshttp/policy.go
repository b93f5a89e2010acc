package payoutshttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// PolicyRoutes are what a platform says of all its payouts, an extension of ours.
func PolicyRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := policyDoor{pool: pool, payouts: service}
	const one, resource = "/v1/payout_policy", "payout_policy"
	return []rest.Route{
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PayoutPolicy{}},
		{Method: "POST", Path: one, Resource: resource, Handler: s.Write(d.change), Returns: wire.PayoutPolicy{}},
		{Method: "POST", Path: one + "/approve", Resource: resource, Handler: s.Write(d.decide(service.ApproveChange)), Returns: wire.PayoutPolicy{}},
		{Method: "POST", Path: one + "/refuse", Resource: resource, Handler: s.Write(d.decide(service.RefuseChange)), Returns: wire.PayoutPolicy{}},
		{Method: "GET", Path: one + "/changes", Resource: resource, Handler: s.Read(d.changes), Returns: wire.List[wire.PayoutPolicyChange]{}},
	}
}

type policyDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

func (d policyDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	return showPolicy(d.payouts.GetPolicy(ctx, d.pool, r.Scope))
}

func (d policyDoor) change(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payouts.PolicyParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	return showPolicy(d.payouts.ChangePolicy(ctx, tx, r.Scope, r.Principal.KeyID, p))
}

func (d policyDoor) decide(how func(context.Context, bun.Tx, tenant.Scope, string) (*payouts.Policy, error)) rest.WriteHandler {
	return func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
		if err := r.Decode(&struct{}{}); err != nil {
			return nil, err
		}
		if err := byPlatform(r); err != nil {
			return nil, err
		}
		policy, err := how(ctx, tx, r.Scope, r.Principal.KeyID)
		return showPolicy(policy, nil, err)
	}
}

func (d policyDoor) changes(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.PolicyChanges(ctx, d.pool, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_policy/changes", (*payouts.PolicyChange).Wire), nil
}

func showPolicy(policy *payouts.Policy, waits *payouts.PolicyChange, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return policy.Wire(waits), nil
}
