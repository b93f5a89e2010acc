// Package eventhttp is the door of the event log, GET /v1/events and /v1/events/{id},
// and of the catalogue of events.
//
// An account sees its own events. A platform sees those of a connected account
// by naming it in the Stripe-Account header.
package eventhttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// Routes are the door's operations; clocks decide what is too old to show.
func Routes(s *rest.Server, pool *bun.DB, clocks clock.Modes) []rest.Route {
	d := door{pool, clocks}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/v1/events", Resource: "events", Handler: s.Read(d.list), Returns: wire.List[wire.Event]{}},
		{Method: http.MethodGet, Path: "/v1/events/{id}", Resource: "events", Handler: s.Read(d.get), Returns: wire.Event{}},
	}
}

type door struct {
	pool   *bun.DB
	clocks clock.Modes
}

func (d door) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := event.Get(ctx, d.pool, r.Scope, d.clocks.For(r.Scope.Livemode).Now(), r.Path("id"))
	if err != nil {
		return nil, err
	}
	return e.Wire(), nil
}

type listParams struct {
	page.Params
	Type            string       `form:"type"`
	Types           []string     `form:"types"`
	Created         page.Range   `form:"created"`
	DeliverySuccess rest.Ignored `form:"delivery_success"`
}

// types merges the two spellings; the API allows only one of them, and at most twenty names.
func (p listParams) types() ([]string, error) {
	switch {
	case p.Type != "" && len(p.Types) > 0:
		return nil, fault.Invalidf("parameters_exclusive", "types", "You may only specify one of these parameters: type, types.")
	case len(p.Types) > 20:
		return nil, fault.Invalidf("parameter_invalid", "types", "You may list at most 20 types.")
	case p.Type != "":
		return []string{p.Type}, nil
	}
	return p.Types, nil
}

func (d door) list(ctx context.Context, r *rest.Request) (any, error) {
	var p listParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	types, err := p.types()
	if err != nil {
		return nil, err
	}
	found, err := event.List(ctx, d.pool, r.Scope, d.clocks.For(r.Scope.Livemode).Now(),
		event.Filter{Params: p.Params, Types: types, Created: p.Created})
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/events", func(e event.Event) *wire.Event { return e.Wire() }), nil
}
