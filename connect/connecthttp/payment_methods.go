package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// PaymentMethodRoutes are payment methods; publishable keys may make them.
func PaymentMethodRoutes(s *rest.Server, methods *payment.Methods) []rest.Route {
	d := methodDoor{methods: methods, customers: payment.NewCustomers(methods)}
	const resource, all, one = "payment_methods", "/v1/payment_methods", "/v1/payment_methods/{id}"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: resource, Handler: s.Write(d.create), Publishable: true, Returns: wire.PaymentMethod{}},
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PaymentMethod]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PaymentMethod{}},
		{Method: "POST", Path: one, Resource: resource, Handler: s.Write(d.update), Returns: wire.PaymentMethod{}},
		{Method: "POST", Path: one + "/attach", Resource: resource, Handler: s.Write(d.attach), Returns: wire.PaymentMethod{}},
		{Method: "POST", Path: one + "/detach", Resource: resource, Handler: s.Write(d.detach), Returns: wire.PaymentMethod{}},
		{Method: "GET", Path: "/v1/customers/{id}/payment_methods", Resource: resource, Handler: s.Read(d.listOfCustomer), Returns: wire.List[wire.PaymentMethod]{}},
		{Method: "GET", Path: "/v1/customers/{id}/payment_methods/{method}", Resource: resource, Handler: s.Read(d.getOfCustomer), Returns: wire.PaymentMethod{}},
	}
}

type methodDoor struct {
	methods   *payment.Methods
	customers *payment.Customers
}

// methodFilter narrows lists of payment methods. Cards are the only type, so another one lists nothing.
type methodFilter struct {
	page.Params
	Type           string       `form:"type"`
	AllowRedisplay rest.Ignored `form:"allow_redisplay"`
}

func (d methodDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payment.MethodParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	m, err := d.methods.Create(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, p)
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}

func (d methodDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	m, err := d.methods.Get(ctx, d.methods.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}

func (d methodDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		methodFilter
		Customer string `form:"customer"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.page(ctx, r, "/v1/payment_methods", p.Customer, p.methodFilter)
}

func (d methodDoor) listOfCustomer(ctx context.Context, r *rest.Request) (any, error) {
	var p methodFilter
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	customer, err := d.customers.Get(ctx, d.methods.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.page(ctx, r, "/v1/customers/"+customer.ID+"/payment_methods", customer.ID, p)
}

func (d methodDoor) page(ctx context.Context, r *rest.Request, url, customer string, p methodFilter) (any, error) {
	if p.Type != "" && p.Type != "card" || customer == "" {
		return wire.ListOf[wire.PaymentMethod](url, false, nil), nil
	}
	methods, err := d.methods.List(ctx, d.methods.Pool(), r.Scope, customer, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(methods, url, payment.Method.Wire), nil
}

func (d methodDoor) getOfCustomer(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	m, err := d.methods.OfCustomer(ctx, d.methods.Pool(), r.Scope, r.Path("id"), r.Path("method"))
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}

func (d methodDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payment.MethodUpdate
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	m, err := d.methods.Update(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}

func (d methodDoor) attach(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Customer string `form:"customer,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	m, err := d.methods.Attach(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"), p.Customer)
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}

func (d methodDoor) detach(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	m, err := d.methods.Detach(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return m.Wire(), nil
}
