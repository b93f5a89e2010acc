package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire"
)

const webhookEndpoints = "/v1/webhook_endpoints"

// webhookEndpointDoor serves /v1/webhook_endpoints.
type webhookEndpointDoor struct {
	pool      *bun.DB
	endpoints *webhook.Endpoints
	clock     clock.Clock // real time: endpoints do not follow the sandbox
}

// WebhookEndpointRoutes are the operations on /v1/webhook_endpoints.
func WebhookEndpointRoutes(s *rest.Server, pool *bun.DB, endpoints *webhook.Endpoints, clk clock.Clock) []rest.Route {
	d := webhookEndpointDoor{pool: pool, endpoints: endpoints, clock: clk}
	const one = webhookEndpoints + "/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "webhook_endpoints", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodPost, webhookEndpoints, s.Reveal(d.create), wire.WebhookEndpoint{}),
		route(http.MethodGet, webhookEndpoints, s.Read(d.list), wire.List[wire.WebhookEndpoint]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.WebhookEndpoint{}),
		route(http.MethodPost, one, s.Write(d.update), wire.WebhookEndpoint{}),
		route(http.MethodDelete, one, s.Write(d.delete), wire.Deleted{}),
		route(http.MethodPost, one+"/test", s.Write(d.test), wire.WebhookDelivery{}),
	}
}

func (d webhookEndpointDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	var p struct {
		URL           string         `form:"url"`
		EnabledEvents []string       `form:"enabled_events"`
		Connect       bool           `form:"connect"`
		APIVersion    string         `form:"api_version"`
		Description   string         `form:"description"`
		Metadata      metadata.Patch `form:"metadata"`
		webhookTerms
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	e, key, err := d.endpoints.Create(ctx, tx, d.clock.Now(), r.Scope, webhook.NewEndpoint{
		URL: p.URL, EnabledEvents: p.EnabledEvents, Connect: p.Connect,
		APIVersion: p.APIVersion, Description: p.Description, Metadata: p.Metadata, Terms: p.terms(),
	})
	if err != nil {
		return nil, nil, err
	}
	return d.reveal(ctx, tx, e, key)
}

func (d webhookEndpointDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.endpoints.List(ctx, d.pool, r.Scope, p.Params)
	if err != nil {
		return nil, err
	}
	shown, err := d.showAll(ctx, d.pool, found.Items...)
	if err != nil {
		return nil, err
	}
	return wire.ListOf(webhookEndpoints, found.HasMore, shown), nil
}

func (d webhookEndpointDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := d.endpoints.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	shown, err := d.show(ctx, d.pool, e)
	if err != nil {
		return nil, err
	}
	since, err := d.endpoints.SecretSince(ctx, d.pool, e.ID)
	shown.SecretCreated = wire.NullableUnix(since)
	return shown, err
}

func (d webhookEndpointDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		URL           *string        `form:"url"`
		EnabledEvents []string       `form:"enabled_events"`
		Description   *string        `form:"description"`
		Disabled      *bool          `form:"disabled"`
		ReplayMissed  *bool          `form:"replay_missed"`
		Metadata      metadata.Patch `form:"metadata"`
		webhookTerms
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	e, err := d.endpoints.Update(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"), webhook.EndpointPatch{
		URL: p.URL, EnabledEvents: p.EnabledEvents, Description: p.Description,
		Disabled: p.Disabled, LeaveMissed: p.ReplayMissed != nil && !*p.ReplayMissed, Metadata: p.Metadata, Terms: p.terms(),
	})
	if err != nil {
		return nil, err
	}
	return d.show(ctx, tx, e)
}

func (d webhookEndpointDoor) delete(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.endpoints.Delete(ctx, tx, d.clock.Now(), r.Scope, r.Path("id")); err != nil {
		return nil, err
	}
	return wire.Deleted{ID: r.Path("id"), Object: "webhook_endpoint", Deleted: true}, nil
}

// test sends an example of an event.
func (d webhookEndpointDoor) test(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Type string `form:"type"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	sent, err := d.endpoints.Test(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"), p.Type)
	if err != nil {
		return nil, err
	}
	return sent.Wire(r.Scope.Livemode), nil
}

// webhookTerms are the parameters of how an endpoint wants its events.
type webhookTerms struct {
	Payload        *string `form:"event_payload"`
	Ordered        *bool   `form:"ordered"`
	Paused         *bool   `form:"paused"`
	RateLimit      *int64  `form:"rate_limit"`
	MaxConcurrency *int64  `form:"max_concurrency"`
	RetrySchedule  []int64 `form:"retry_schedule"`
}

func (p webhookTerms) terms() webhook.Terms {
	return webhook.Terms{
		Payload: (*webhook.Payload)(p.Payload), Ordered: p.Ordered, Paused: p.Paused,
		RateLimit: p.RateLimit, MaxConcurrency: p.MaxConcurrency, RetrySchedule: p.RetrySchedule,
	}
}

func (d webhookEndpointDoor) show(ctx context.Context, idb bun.IDB, e webhook.Endpoint) (wire.WebhookEndpoint, error) {
	shown, err := d.showAll(ctx, idb, e)
	if err != nil {
		return wire.WebhookEndpoint{}, err
	}
	return shown[0], nil
}

// reveal is the endpoint with a secret that is shown this once, and as it is kept for the request's key.
func (d webhookEndpointDoor) reveal(ctx context.Context, idb bun.IDB, e webhook.Endpoint, key secret.Text) (shown, kept any, err error) {
	without, err := d.show(ctx, idb, e)
	if err != nil {
		return nil, nil, err
	}
	with := without
	with.Secret = key.Reveal()
	return with, without, nil
}

// showAll is the endpoints as the API shows them, with their health and public keys, read at once for all.
func (d webhookEndpointDoor) showAll(ctx context.Context, idb bun.IDB, endpoints ...webhook.Endpoint) ([]wire.WebhookEndpoint, error) {
	health, err := d.endpoints.Health(ctx, idb, endpoints...)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(endpoints))
	for i, e := range endpoints {
		ids[i] = e.ID
	}
	keys, err := d.endpoints.PublicKeys(ctx, idb, ids...)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.WebhookEndpoint, len(endpoints))
	for i, e := range endpoints {
		shown[i] = e.Wire()
		shown[i].PublicKey = keys[e.ID]
		shown[i].Health = health[e.ID].Wire(d.clock.Now())
	}
	return shown, nil
}
