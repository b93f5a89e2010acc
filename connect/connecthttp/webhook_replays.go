package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

const webhookReplays = "/v1/webhook_replays"

// webhookReplayDoor serves /v1/webhook_replays, an extension.
type webhookReplayDoor struct {
	pool    *bun.DB
	replays *webhook.Replays
	clock   clock.Clock // real time, as for endpoints
}

// WebhookReplayRoutes are the operations on /v1/webhook_replays.
func WebhookReplayRoutes(s *rest.Server, pool *bun.DB, replays *webhook.Replays, clk clock.Clock) []rest.Route {
	d := webhookReplayDoor{pool: pool, replays: replays, clock: clk}
	const one = webhookReplays + "/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "webhook_endpoints", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodPost, webhookReplays, s.Write(d.create), wire.WebhookReplay{}),
		route(http.MethodGet, webhookReplays, s.Read(d.list), wire.List[wire.WebhookReplay]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.WebhookReplay{}),
		route(http.MethodPost, one+"/cancel", s.Write(d.cancel), wire.WebhookReplay{}),
	}
}

func (d webhookReplayDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Endpoint  string     `form:"webhook_endpoint,required"`
		Created   page.Range `form:"created"`
		Types     []string   `form:"types"`
		Status    []string   `form:"status"`
		DryRun    bool       `form:"dry_run"`
		RateLimit *int64     `form:"rate_limit"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	want := webhook.NewReplay{Endpoint: p.Endpoint, Created: p.Created, Types: p.Types, DryRun: p.DryRun, RateLimit: p.RateLimit}
	for _, status := range p.Status {
		want.Statuses = append(want.Statuses, webhook.Status(status))
	}
	made, err := d.replays.Create(ctx, tx, d.clock.Now(), r.Scope, want)
	if err != nil {
		return nil, err
	}
	return made.Wire(), nil
}

func (d webhookReplayDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Endpoint string `form:"webhook_endpoint"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.replays.List(ctx, d.pool, r.Scope, p.Endpoint, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, webhookReplays, webhook.Replay.Wire), nil
}

func (d webhookReplayDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	found, err := d.replays.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return found.Wire(), nil
}

func (d webhookReplayDoor) cancel(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	ended, err := d.replays.Cancel(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return ended.Wire(), nil
}
