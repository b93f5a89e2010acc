// Package payoutshttp is the door of payouts: /v1/payouts.
package payoutshttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

type payoutDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

// Routes are the operations on /v1/payouts.
func Routes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := payoutDoor{pool: pool, payouts: service}
	const all, one = "/v1/payouts", "/v1/payouts/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "payouts", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodPost, all, s.Write(d.create), wire.Payout{}),
		route(http.MethodGet, all, s.Read(d.list), wire.List[wire.Payout]{}),
		route(http.MethodGet, all+"/totals", s.Read(d.totals), wire.ListTotals{}),
		route(http.MethodGet, all+"/next", s.Read(d.next), wire.List[wire.NextPayout]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.Payout{}),
		route(http.MethodPost, one, s.Write(d.update), wire.Payout{}),
		route(http.MethodPost, one+"/cancel", s.Write(d.cancel), wire.Payout{}),
		route(http.MethodPost, one+"/recall", s.Write(d.recall), wire.Payout{}),
		route(http.MethodPost, one+"/retry", s.Write(d.retry), wire.Payout{}),
		route(http.MethodPost, one+"/reverse", s.Write(d.reverse), wire.Payout{}),
		route(http.MethodGet, one+"/explanation", s.Read(d.explain), wire.PayoutExplanation{}),
	}
}

// Load is the loader of po_… for expand[].
func Load(service *payouts.Service) rest.Loader {
	return func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
		return shown(service.Get(ctx, idb, scope, id))
	}
}

func (d payoutDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payouts.CreateParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, rest.Unsaved(err)
	}
	p.Actor = r.Principal.KeyID
	return shown(d.payouts.Create(ctx, tx, r.Scope, p))
}

func (d payoutDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p payouts.ListParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := mayAsk(r, p); err != nil {
		return nil, err
	}
	found, err := d.payouts.List(ctx, d.pool, r.Scope, p)
	if err != nil {
		return nil, err
	}
	if p.Account == "" {
		return page.List(found, "/v1/payouts", (*payouts.Payout).Wire), nil
	}
	return d.counted(ctx, r.Scope, found)
}

// mayAsk refuses a question about other accounts to whom they are none of their business.
func mayAsk(r *rest.Request, p payouts.ListParams) error {
	if p.Account == "" {
		return nil
	}
	return platformOnly(r)
}

func (d payoutDoor) totals(ctx context.Context, r *rest.Request) (any, error) {
	var p payouts.ListParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := mayAsk(r, p); err != nil {
		return nil, err
	}
	return d.payouts.Totals(ctx, d.pool, r.Scope, p)
}

// counted says of each payout how many lines it consists of.
func (d payoutDoor) counted(ctx context.Context, scope tenant.Scope, found page.Of[*payouts.Payout]) (any, error) {
	ids := make([]string, len(found.Items))
	for i, p := range found.Items {
		ids[i] = p.ID
	}
	counts, err := balance.CountItems(ctx, d.pool, scope.Livemode, ids)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payouts", func(p *payouts.Payout) wire.ListedPayout {
		return wire.ListedPayout{Payout: p.Wire(), ItemCount: counts[p.ID]}
	}), nil
}

// next foresees the automatic payouts of the account, one per currency.
func (d payoutDoor) next(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	all, err := d.payouts.Next(ctx, r.Scope)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.NextPayout, len(all))
	for i, n := range all {
		shown[i] = n.Wire()
	}
	return wire.ListOf("/v1/payouts/next", false, shown), nil
}

func (d payoutDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return shown(d.payouts.Get(ctx, d.pool, r.Scope, r.Path("id")))
}

func (d payoutDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Metadata metadata.Patch `form:"metadata"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return shown(d.payouts.Update(ctx, tx, r.Scope, r.Path("id"), p.Metadata))
}

func (d payoutDoor) cancel(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return shown(d.payouts.Cancel(ctx, tx, r.Scope, r.Path("id")))
}

func (d payoutDoor) recall(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return shown(d.payouts.Recall(ctx, tx, r.Scope, r.Path("id"), r.Principal.KeyID))
}

func (d payoutDoor) retry(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payouts.RetryParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	p.Actor = r.Principal.KeyID
	return shown(d.payouts.Retry(ctx, tx, r.Scope, r.Path("id"), p))
}

func (d payoutDoor) reverse(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payouts.ReverseParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	p.Actor = r.Principal.KeyID
	return shown(d.payouts.Reverse(ctx, tx, r.Scope, r.Path("id"), p))
}

func shown(p *payouts.Payout, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return p.Wire(), nil
}
