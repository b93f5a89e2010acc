package connecthttp

import (
	"context"
	"net/http"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

const (
	webhookDeliveries = "/v1/webhook_deliveries"
	webhookAttempts   = "/v1/webhook_attempts"
)

// webhookDeliveryDoor serves what was sent to an account's endpoints.
type webhookDeliveryDoor struct {
	pool      *bun.DB
	endpoints *webhook.Endpoints
	accounts  webhook.Directory
	clock     clock.Clock // real time, as for endpoints
}

// WebhookDeliveryRoutes are the operations on /v1/webhook_deliveries and /v1/webhook_attempts, which are extensions.
func WebhookDeliveryRoutes(s *rest.Server, pool *bun.DB, endpoints *webhook.Endpoints, accounts webhook.Directory, clk clock.Clock) []rest.Route {
	d := webhookDeliveryDoor{pool: pool, endpoints: endpoints, accounts: accounts, clock: clk}
	const one = webhookDeliveries + "/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "webhook_endpoints", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodGet, webhookEndpoints+"/{id}/deliveries", s.Read(d.listOfEndpoint), wire.List[wire.WebhookDelivery]{}),
		route(http.MethodGet, webhookDeliveries, s.Read(d.list), wire.List[wire.WebhookDelivery]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.WebhookDelivery{}),
		route(http.MethodGet, one+"/attempts", s.Read(d.attempts), wire.List[wire.WebhookAttempt]{}),
		route(http.MethodPost, one+"/resend", s.Write(d.resend), wire.WebhookDelivery{}),
		route(http.MethodPost, one+"/expunge", s.Write(d.expunge), wire.WebhookDelivery{}),
		route(http.MethodGet, webhookAttempts, s.Read(d.listAttempts), wire.List[wire.WebhookAttempt]{}),
	}
}

// webhookDeliveryFilter is what lists of deliveries are narrowed by.
type webhookDeliveryFilter struct {
	page.Params
	Status  string     `form:"status"`
	Type    string     `form:"type"`
	Event   string     `form:"event"`
	Object  string     `form:"object"`
	Created page.Range `form:"created"`
}

func (d webhookDeliveryDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		webhookDeliveryFilter
		Endpoint string `form:"webhook_endpoint"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.page(ctx, r, p.webhookDeliveryFilter, p.Endpoint, webhookDeliveries)
}

func (d webhookDeliveryDoor) listOfEndpoint(ctx context.Context, r *rest.Request) (any, error) {
	var p webhookDeliveryFilter
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.page(ctx, r, p, r.Path("id"), r.URL.Path)
}

func (d webhookDeliveryDoor) page(ctx context.Context, r *rest.Request, p webhookDeliveryFilter, endpointID, url string) (any, error) {
	found, err := d.endpoints.Deliveries(ctx, d.pool, r.Scope, webhook.DeliveryFilter{
		Endpoint: endpointID, Status: webhook.Status(p.Status), Type: p.Type, Event: p.Event, Object: p.Object, Created: p.Created,
	}, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, url, func(d webhook.Delivery) wire.WebhookDelivery { return d.Wire(r.Scope.Livemode) }), nil
}

func (d webhookDeliveryDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return d.whole(ctx, d.pool, r, r.Path("id"))
}

// whole is a delivery with its payload and its tries, in order; of very many tries the last hundred.
func (d webhookDeliveryDoor) whole(ctx context.Context, idb bun.IDB, r *rest.Request, deliveryID string) (any, error) {
	found, err := d.endpoints.Delivery(ctx, idb, r.Scope, deliveryID)
	if err != nil {
		return nil, err
	}
	w := found.Wire(r.Scope.Livemode)
	if w.Payload, err = d.endpoints.Payload(ctx, idb, d.accounts, r.Scope, found); err != nil {
		return nil, err
	}
	most := int64(page.MaxLimit)
	tries, err := d.endpoints.AttemptsOf(ctx, idb, r.Scope, found.ID, page.Params{Limit: &most})
	if err != nil {
		return nil, err
	}
	slices.Reverse(tries.Items)
	shown := page.List(tries, webhookDeliveries+"/"+found.ID+"/attempts", showWebhookAttempt(r))
	w.Attempts = &shown
	return w, nil
}

func showWebhookAttempt(r *rest.Request) func(webhook.LoggedAttempt) wire.WebhookAttempt {
	return func(a webhook.LoggedAttempt) wire.WebhookAttempt { return a.Wire(r.Scope.Livemode) }
}

func (d webhookDeliveryDoor) attempts(ctx context.Context, r *rest.Request) (any, error) {
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.endpoints.AttemptsOf(ctx, d.pool, r.Scope, r.Path("id"), p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, r.URL.Path, showWebhookAttempt(r)), nil
}

func (d webhookDeliveryDoor) resend(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	sent, err := d.endpoints.Resend(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return sent.Wire(r.Scope.Livemode), nil
}

func (d webhookDeliveryDoor) expunge(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Payload bool `form:"payload"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	cleared, err := d.endpoints.Expunge(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"), p.Payload)
	if err != nil {
		return nil, err
	}
	return d.whole(ctx, tx, r, cleared.ID)
}

func (d webhookDeliveryDoor) listAttempts(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Endpoint string     `form:"webhook_endpoint"`
		Failure  string     `form:"failure"`
		Status   page.Range `form:"status"`
		Created  page.Range `form:"created"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.endpoints.Attempts(ctx, d.pool, r.Scope,
		webhook.AttemptFilter{Endpoint: p.Endpoint, Failure: p.Failure, Status: p.Status, Created: p.Created}, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, webhookAttempts, showWebhookAttempt(r)), nil
}
