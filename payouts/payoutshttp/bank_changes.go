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

// BankChangeRoutes are what banks say is out of date in bank accounts, and what
// people say of that; an extension of ours. Who may approve payouts may accept
// changes; the door asks and not the router, so that attempts are on record.
func BankChangeRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := bankChangeDoor{pool: pool, payouts: service}
	const all, one, resource = "/v1/payout_bank_changes", "/v1/payout_bank_changes/{id}", "payouts"
	return []rest.Route{
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PayoutBankChange]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PayoutBankChange{}},
		{Method: "POST", Path: one + "/accept", Resource: resource, Handler: s.Write(d.accept), Returns: wire.PayoutBankChange{}},
		{Method: "POST", Path: one + "/refuse", Resource: resource, Handler: s.Write(d.refuse), Returns: wire.PayoutBankChange{}},
	}
}

type bankChangeDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

func (d bankChangeDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f payouts.BankChangeFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.BankChanges(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_bank_changes", func(c *payouts.BankChange) wire.PayoutBankChange { return c.Wire() }), nil
}

func (d bankChangeDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	c, said, err := d.payouts.BankChange(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return c.Wire(said...), nil
}

func (d bankChangeDoor) accept(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := d.mayJudge(ctx, tx, r, payouts.Agree); err != nil {
		return nil, err
	}
	return showBankChange(d.payouts.AcceptBankChange(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id")))
}

func (d bankChangeDoor) refuse(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := d.mayJudge(ctx, tx, r, payouts.Object); err != nil {
		return nil, err
	}
	return showBankChange(d.payouts.RefuseBankChange(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id")))
}

// mayJudge refuses those who may not say anything, and keeps that they tried.
func (d bankChangeDoor) mayJudge(ctx context.Context, tx bun.Tx, r *rest.Request, decision string) error {
	if err := r.Decode(&struct{}{}); err != nil {
		return err
	}
	if err := byPlatform(r); err != nil {
		return err
	}
	if r.Principal.Scopes == nil || slices.Contains(r.Principal.Scopes, approvalScope) {
		return nil
	}
	return rest.Kept(d.payouts.UnheardOfChange(ctx, tx, r.Scope, r.Principal.KeyID, r.Path("id"), decision, mayNotApprove()))
}

func showBankChange(c *payouts.BankChange, err error) (any, error) {
	if err != nil {
		return nil, rest.Kept(err)
	}
	return c.Wire(), nil
}
