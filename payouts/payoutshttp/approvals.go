package payoutshttp

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// approvalScope is what a restricted key needs to approve, beside payouts:write.
// The door asks for it and not the router, so that the attempt is on record.
const approvalScope = "payout_approvals:write"

// ApprovalRoutes are what people say of payouts that wait for them, an extension
// of ours. The actor is the key: two keys are four eyes. Refused attempts are
// kept, so the doors commit what the service wrote of them.
func ApprovalRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := approvalDoor{pool: pool, payouts: service}
	const one, resource = "/v1/payouts/{id}", "payouts"
	return []rest.Route{
		{Method: "POST", Path: one + "/approve", Resource: resource, Handler: s.Write(d.approve), Returns: wire.Payout{}},
		{Method: "POST", Path: one + "/refuse", Resource: resource, Handler: s.Write(d.refuse), Returns: wire.Payout{}},
		{Method: "GET", Path: one + "/approvals", Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PayoutApproval]{}},
	}
}

type approvalDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

func (d approvalDoor) approve(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.mayJudge(ctx, tx, r, payouts.Agree); err != nil {
		return nil, err
	}
	p, err := d.payouts.Approve(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id"))
	return shown(p, rest.Kept(err))
}

func (d approvalDoor) refuse(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Reason string `form:"reason"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := d.mayJudge(ctx, tx, r, payouts.Object); err != nil {
		return nil, err
	}
	refused, err := d.payouts.Refuse(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id"), p.Reason)
	return shown(refused, rest.Kept(err))
}

// mayJudge refuses those who may not say anything about payouts, and keeps that they tried.
func (d approvalDoor) mayJudge(ctx context.Context, tx bun.Tx, r *rest.Request, decision string) error {
	if err := byPlatform(r); err != nil {
		return err // not even of that platform's payouts
	}
	if r.Principal.Scopes == nil || slices.Contains(r.Principal.Scopes, approvalScope) {
		return nil
	}
	return rest.Kept(d.payouts.Unheard(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id"), decision, mayNotApprove()))
}

func (d approvalDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.Opinions(ctx, d.pool, r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payouts/"+r.Path("id")+"/approvals", payouts.Opinion.Wire), nil
}
