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

// PersonRoutes are the persons behind accounts, under both names Stripe has for them.
func PersonRoutes(s *rest.Server, svc *connect.Accounts) []rest.Route {
	d := personDoor{svc}
	var routes []rest.Route
	for _, path := range []string{"/v1/accounts/{id}/persons", "/v1/accounts/{id}/people"} {
		route := func(method, path string, h http.Handler, returns any) {
			routes = append(routes, rest.Route{Method: method, Path: path, Resource: "accounts", Handler: h, Returns: returns})
		}
		route("POST", path, s.Write(d.create), wire.Person{})
		route("GET", path, s.Read(d.list), wire.List[wire.Person]{})
		route("GET", path+"/{person}", s.Read(d.get), wire.Person{})
		route("POST", path+"/{person}", s.Write(d.update), wire.Person{})
		route("DELETE", path+"/{person}", s.Write(d.remove), wire.Deleted{})
	}
	return routes
}

type personDoor struct{ svc *connect.Accounts }

func (d personDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.PersonParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, person, err := d.svc.CreatePerson(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return showPerson(a, person)
}

func (d personDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Relationship connect.PersonFilter `form:"relationship"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	persons, err := a.ListPersons(p.Params, p.Relationship)
	if err != nil {
		return nil, err
	}
	return page.List(persons, "/v1/accounts/"+a.ID+"/persons", a.PersonWire), nil
}

func (d personDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return showPerson(a, r.Path("person"))
}

func (d personDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.PersonParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.UpdatePerson(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), r.Path("person"), p)
	if err != nil {
		return nil, err
	}
	return showPerson(a, r.Path("person"))
}

func (d personDoor) remove(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.svc.DeletePerson(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), r.Path("person")); err != nil {
		return nil, err
	}
	return connect.DeletedPersonWire(r.Path("person")), nil
}

func showPerson(a connect.Account, person string) (any, error) {
	p, err := a.Person(person)
	if err != nil {
		return nil, err
	}
	return a.PersonWire(p), nil
}
