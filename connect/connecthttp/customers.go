package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// CustomerRoutes are customers.
func CustomerRoutes(s *rest.Server, methods *payment.Methods) []rest.Route {
	d := customerDoor{methods: methods, customers: payment.NewCustomers(methods)}
	const resource, all, one = "customers", "/v1/customers", "/v1/customers/{id}"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: resource, Handler: s.Write(d.create), Returns: wire.Customer{}},
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.Customer]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.Customer{}},
		{Method: "POST", Path: one, Resource: resource, Handler: s.Write(d.update), Returns: wire.Customer{}},
		{Method: "DELETE", Path: one, Resource: resource, Handler: s.Write(d.remove), Returns: wire.Deleted{}},
	}
}

type customerDoor struct {
	methods   *payment.Methods
	customers *payment.Customers
}

func (d customerDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		payment.CustomerParams
		PaymentMethod string       `form:"payment_method"`
		TaxIDData     rest.Ignored `form:"tax_id_data"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	c, err := d.customers.Create(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, p.PaymentMethod, p.CustomerParams)
	if err != nil {
		return nil, err
	}
	return c.Wire(), nil
}

func (d customerDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	c, err := d.customers.Get(ctx, d.methods.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return c.Wire(), nil
}

func (d customerDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Created page.Range `form:"created"`
		Email   string     `form:"email"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	customers, err := d.customers.List(ctx, d.methods.Pool(), r.Scope, p.Email, p.Params, p.Created)
	if err != nil {
		return nil, err
	}
	return page.List(customers, "/v1/customers", payment.Customer.Wire), nil
}

func (d customerDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		payment.CustomerParams
		DefaultSource *string `form:"default_source"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	c, err := d.customers.Update(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p.DefaultSource, p.CustomerParams)
	if err != nil {
		return nil, err
	}
	return c.Wire(), nil
}

func (d customerDoor) remove(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.customers.Delete(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id")); err != nil {
		return nil, err
	}
	return wire.Deleted{ID: r.Path("id"), Object: "customer", Deleted: true}, nil
}
