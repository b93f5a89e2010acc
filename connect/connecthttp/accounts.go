package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// AccountRoutes are accounts, their capabilities and external accounts.
func AccountRoutes(s *rest.Server, svc *connect.Accounts) []rest.Route {
	d := accountDoor{svc}
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "accounts", Handler: h, Returns: returns}
	}
	const one, capabilities, externals = "/v1/accounts/{id}", "/v1/accounts/{id}/capabilities", "/v1/accounts/{id}/external_accounts"
	return []rest.Route{
		route("GET", "/v1/account", s.Read(d.own), wire.Account{}),
		route("POST", "/v1/accounts", s.Write(d.create), wire.Account{}),
		route("GET", "/v1/accounts", s.Read(d.list), wire.List[wire.Account]{}),
		route("GET", "/v1/accounts/summary", s.Read(d.summary), wire.AccountSummary{}), // an extension of ours
		route("GET", one, s.Read(d.get), wire.Account{}),
		route("POST", one, s.Write(d.update), wire.Account{}),
		route("DELETE", one, s.Write(d.remove), wire.Deleted{}),
		route("POST", one+"/reject", s.Write(d.reject), wire.Account{}),
		route("POST", one+"/unreject", s.Write(d.unreject), wire.Account{}),
		route("GET", capabilities, s.Read(d.capabilities), wire.List[wire.Capability]{}),
		route("GET", capabilities+"/{capability}", s.Read(d.capability), wire.Capability{}),
		route("POST", capabilities+"/{capability}", s.Write(d.request), wire.Capability{}),
		route("POST", externals, s.Write(d.addExternal), wire.BankAccount{}),
		route("GET", externals, s.Read(d.listExternals), wire.List[wire.BankAccount]{}),
		route("GET", externals+"/{external}", s.Read(d.getExternal), wire.BankAccount{}),
		route("POST", externals+"/{external}", s.Write(d.updateExternal), wire.BankAccount{}),
		route("DELETE", externals+"/{external}", s.Write(d.removeExternal), wire.DeletedBankAccount{}),
	}
}

type accountDoor struct{ svc *connect.Accounts }

func (d accountDoor) own(ctx context.Context, r *rest.Request) (any, error) {
	return d.show(ctx, r, r.Scope.Account)
}

func (d accountDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	return d.show(ctx, r, r.Path("id"))
}

func (d accountDoor) show(ctx context.Context, r *rest.Request, account string) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, account)
	if err != nil {
		return nil, err
	}
	return a.Wire(), nil
}

func (d accountDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.CreateParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.Create(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, p)
	if err != nil {
		return nil, err
	}
	return a.Wire(), nil
}

func (d accountDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f connect.AccountFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	accounts, err := d.svc.List(ctx, d.svc.Pool(), r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(accounts, "/v1/accounts", connect.Account.Wire), nil
}

func (d accountDoor) summary(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return d.svc.Summary(ctx, d.svc.Pool(), r.Scope)
}

func (d accountDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.UpdateParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.Update(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return a.Wire(), nil
}

func (d accountDoor) remove(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.svc.Close(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id")); err != nil {
		return nil, err
	}
	return connect.DeletedWire(r.Path("id")), nil
}

func (d accountDoor) reject(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Reason        string `form:"reason,required"`
		PayoutsAction string `form:"payouts_action"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.Reject(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p.Reason, p.PayoutsAction)
	if err != nil {
		return nil, err
	}
	return a.Wire(), nil
}

func (d accountDoor) unreject(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Unreject(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return a.Wire(), nil
}

func (d accountDoor) capabilities(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return a.CapabilitiesWire(), nil
}

func (d accountDoor) capability(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return showCapability(a, r.Path("capability"))
}

func (d accountDoor) request(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Requested *bool `form:"requested"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	name := r.Path("capability")
	if p.Requested == nil {
		a, err := d.svc.Get(ctx, tx, r.Scope, r.Path("id"))
		if err != nil {
			return nil, err
		}
		return showCapability(a, name)
	}
	a, err := d.svc.RequestCapability(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), name, *p.Requested)
	if err != nil {
		return nil, err
	}
	return showCapability(a, name)
}

func showCapability(a connect.Account, name string) (any, error) {
	c, err := a.Capability(name)
	if err != nil {
		return nil, err
	}
	return a.CapabilityWire(c), nil
}

func (d accountDoor) addExternal(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		connect.ExternalAccountParams
		BankAccount connect.ExternalAccountParam `form:"bank_account"` // the older name
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if !p.ExternalAccount.Given() {
		p.ExternalAccount = p.BankAccount
	}
	e, err := d.svc.AddExternalAccount(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p.ExternalAccountParams)
	if err != nil {
		return nil, err
	}
	return e.Wire(), nil
}

func (d accountDoor) listExternals(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Object string `form:"object"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	if p.Object == "card" { // no account has debit cards
		a.ExternalAccounts = nil
	}
	externals, err := a.ListExternalAccounts(p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(externals, "/v1/accounts/"+a.ID+"/external_accounts", connect.ExternalAccount.Wire), nil
}

func (d accountDoor) getExternal(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	e, err := a.ExternalAccount(r.Path("external"))
	if err != nil {
		return nil, err
	}
	return e.Wire(), nil
}

func (d accountDoor) updateExternal(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.ExternalAccountUpdate
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	e, err := d.svc.UpdateExternalAccount(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), r.Path("external"), p)
	if err != nil {
		return nil, err
	}
	return e.Wire(), nil
}

func (d accountDoor) removeExternal(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := d.svc.DeleteExternalAccount(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), r.Path("external"))
	if err != nil {
		return nil, err
	}
	return wire.DeletedBankAccount{
		Deleted: wire.Deleted{ID: e.ID, Object: "bank_account", Deleted: true}, Currency: &e.Currency,
	}, nil
}
