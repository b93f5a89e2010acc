package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/checkout"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// CheckoutRoutes are sessions of the hosted checkout.
func CheckoutRoutes(s *rest.Server, pool *bun.DB, sessions *checkout.Service) []rest.Route {
	d := checkoutDoor{pool, sessions}
	const all, one = "/v1/checkout/sessions", "/v1/checkout/sessions/{id}"
	return []rest.Route{
		{Method: http.MethodPost, Path: all, Resource: "checkout_sessions", Handler: s.Prepared(d.create), Returns: wire.CheckoutSession{}},
		{Method: http.MethodGet, Path: all, Resource: "checkout_sessions", Handler: s.Read(d.list), Returns: wire.List[wire.CheckoutSession]{}},
		{Method: http.MethodGet, Path: one, Resource: "checkout_sessions", Handler: s.Read(d.get), Returns: wire.CheckoutSession{}},
		{Method: http.MethodPost, Path: one + "/expire", Resource: "checkout_sessions", Handler: s.Prepared(d.expire), Returns: wire.CheckoutSession{}},
		{Method: http.MethodGet, Path: one + "/line_items", Resource: "checkout_sessions", Handler: s.Read(d.lineItems), Returns: wire.List[wire.CheckoutItem]{}},
	}
}

// CheckoutLoaders fetch sessions and their lines for expand[].
func CheckoutLoaders(sessions *checkout.Service) rest.Loaders {
	return rest.Loaders{
		checkout.LineItems: func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			return sessions.ShowLineItems(ctx, idb, scope, id, page.Params{})
		},
	}
}

type checkoutDoor struct {
	pool     *bun.DB
	sessions *checkout.Service
}

func (d checkoutDoor) create(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	var p checkout.Params
	if err := r.Decode(&p); err != nil {
		return nil, onlyPayments(err)
	}
	session, err := d.sessions.Draft(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx bun.Tx, _ *rest.Request) (any, error) {
		return d.sessions.Wire(session), d.sessions.Create(ctx, tx, session)
	}, nil
}

// onlyPayments says why parameters of Stripe's Checkout are not known here.
func onlyPayments(err error) error {
	f := fault.As(err)
	if f == nil || f.Code != "parameter_unknown" {
		return err
	}
	told := *f
	told.Message += ". This checkout takes one-off card payments for line_items with price_data; whatever else Stripe's Checkout has is not supported."
	return &told
}

func (d checkoutDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f checkout.Filter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	sessions, err := d.sessions.List(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(sessions, "/v1/checkout/sessions", d.sessions.Wire), nil
}

func (d checkoutDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	session, err := d.sessions.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.sessions.Wire(session), nil
}

func (d checkoutDoor) expire(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.sessions.PrepareExpiry(ctx, r.Scope, r.Path("id")); err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
		session, err := d.sessions.Expire(ctx, tx, r.Scope, r.Path("id"))
		if err != nil {
			return nil, err
		}
		return d.sessions.Wire(session), nil
	}, nil
}

func (d checkoutDoor) lineItems(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.sessions.ShowLineItems(ctx, d.pool, r.Scope, r.Path("id"), p)
}
