// Package eventhttp is the door of the event log and of the catalogue of events: GET
// /v1/events, /v1/events/{id}, and /v2/core/events/{id}, where an SDK fetches what a
// thin webhook told it of.
//
// An account sees its own events. A platform sees those of a connected account
// by naming it in the Stripe-Account header. What a notification names it may fetch
// without the header, for as long as it is connected to the account.
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

// Deliveries tells of the webhooks about events.
type Deliveries interface {
	// Pending counts the deliveries of each event that are still to come; an event without any is not in the map.
	Pending(ctx context.Context, idb bun.IDB, events []string) (map[string]int, error)
	// Succeeded narrows events, whose alias is e, to those without a delivery that has not happened, or to the others.
	Succeeded(all bool) page.Filter
}

// Directory tells whether a platform may hear of an account.
type Directory interface {
	Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error)
}

// Routes are the door's operations; clocks decide what is too old to show.
func Routes(s *rest.Server, pool *bun.DB, clocks clock.Modes, deliveries Deliveries, accounts Directory) []rest.Route {
	d := door{pool, clocks, deliveries, accounts}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/v1/events", Resource: "events", Handler: s.Read(d.list), Returns: wire.List[wire.Event]{}},
		{Method: http.MethodGet, Path: "/v1/events/{id}", Resource: "events", Handler: s.Read(d.get), Returns: wire.Event{}},
		{Method: http.MethodGet, Path: "/v2/core/events/{id}", Resource: "events", Handler: s.Read(d.fetch), Returns: wire.EventNotification{}},
	}
}

type door struct {
	pool       *bun.DB
	clocks     clock.Modes
	deliveries Deliveries
	accounts   Directory
}

func (d door) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := event.Get(ctx, d.pool, r.Scope, d.clocks.For(r.Scope.Livemode).Now(), r.Path("id"))
	if err != nil {
		return nil, err
	}
	shown, err := d.show(ctx, e)
	if err != nil {
		return nil, err
	}
	return shown[0], nil
}

// fetch is an event a notification told of, for whom its account is open to now.
func (d door) fetch(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := event.Heard(ctx, d.pool, r.Scope, d.clocks.For(r.Scope.Livemode).Now(), r.Path("id"))
	if err != nil {
		return nil, err
	}
	if e.Account != r.Scope.Account {
		hears, err := d.accounts.Hears(ctx, d.pool, r.Scope.Platform, e.Account, e.Livemode)
		if err != nil {
			return nil, err
		}
		if !hears {
			return nil, fault.NoSuch("event", e.ID)
		}
	}
	w := e.Wire()
	n := event.Notification(w)
	n.Data = &w.Data
	return n, nil
}

// show is events as the API shows them, with their pending webhooks, counted at once for all.
func (d door) show(ctx context.Context, events ...event.Event) ([]*wire.Event, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	pending, err := d.deliveries.Pending(ctx, d.pool, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]*wire.Event, len(events))
	for i, e := range events {
		shown[i] = e.Wire()
		shown[i].PendingWebhooks = pending[e.ID]
	}
	return shown, nil
}

type listParams struct {
	page.Params
	Type            string     `form:"type"`
	Types           []string   `form:"types"`
	Created         page.Range `form:"created"`
	DeliverySuccess *bool      `form:"delivery_success"`
	ObjectID        string     `form:"object_id"`  // ours in /v1; it is what /v2/core/events calls it
	ObjectIDs       []string   `form:"object_ids"` // ours: events of any of these
}

// objects merges the two spellings, as types does.
func (p listParams) objects() ([]string, error) {
	switch {
	case p.ObjectID != "" && len(p.ObjectIDs) > 0:
		return nil, fault.Invalidf("parameters_exclusive", "object_ids", "You may only specify one of these parameters: object_id, object_ids.")
	case len(p.ObjectIDs) > page.MaxLimit:
		return nil, fault.Invalidf("parameter_invalid", "object_ids", "You may list at most %d objects.", page.MaxLimit)
	case p.ObjectID != "":
		return []string{p.ObjectID}, nil
	}
	return p.ObjectIDs, nil
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
	objects, err := p.objects()
	if err != nil {
		return nil, err
	}
	filter := event.Filter{Params: p.Params, Types: types, Objects: objects, Created: p.Created}
	if p.DeliverySuccess != nil {
		filter.Also = d.deliveries.Succeeded(*p.DeliverySuccess)
	}
	found, err := event.List(ctx, d.pool, r.Scope, d.clocks.For(r.Scope.Livemode).Now(), filter)
	if err != nil {
		return nil, err
	}
	shown, err := d.show(ctx, found.Items...)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/events", found.HasMore, shown), nil
}
