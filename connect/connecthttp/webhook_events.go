package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// webhookEventDoor sends events of the log again, as Stripe's CLI asks for it.
type webhookEventDoor struct {
	endpoints *webhook.Endpoints
	accounts  webhook.Directory
	clocks    clock.Modes // of the log; deliveries go by the live one, which is real time
}

// WebhookEventRoutes are the operations on events that concern webhooks.
func WebhookEventRoutes(s *rest.Server, endpoints *webhook.Endpoints, accounts webhook.Directory, clocks clock.Modes) []rest.Route {
	d := webhookEventDoor{endpoints: endpoints, accounts: accounts, clocks: clocks}
	return []rest.Route{
		{Method: http.MethodPost, Path: "/v1/events/{id}/retry", Resource: "events", Handler: s.Write(d.retry), Returns: wire.Event{}},
	}
}

func (d webhookEventDoor) retry(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Endpoint  string `form:"webhook_endpoint"`
		Account   string `form:"account"`
		Listeners bool   `form:"for_stripecli"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if p.Endpoint == "" && !p.Listeners {
		return nil, fault.Missing("webhook_endpoint")
	}
	e, err := d.event(ctx, tx, r, p.Account)
	if err != nil {
		return nil, err
	}
	body, err := e.Envelope()
	if err != nil {
		return nil, err
	}
	sent := webhook.Incoming{
		ID: e.ID, Type: e.Type, Account: e.Account, Platform: e.Platform, Livemode: e.Livemode,
		ObjectID: e.ObjectID, ObjectVersion: e.ObjectVersion, Envelope: body,
	}
	if p.Endpoint != "" {
		err = d.endpoints.Retry(ctx, tx, d.clocks.Live.Now(), r.Scope, sent, p.Endpoint)
	} else {
		err = d.endpoints.RetryListeners(ctx, tx, d.clocks.Live.Now(), r.Scope, sent)
	}
	if err != nil {
		return nil, err
	}
	pending, err := webhook.Count{}.Pending(ctx, tx, []string{e.ID})
	if err != nil {
		return nil, err
	}
	w := e.Wire()
	w.PendingWebhooks = pending[e.ID]
	return w, nil
}

// event is one of the caller's own, or of an account that it hears of. What it names
// in account must be whose event it is.
func (d webhookEventDoor) event(ctx context.Context, tx bun.Tx, r *rest.Request, account string) (event.Event, error) {
	id := r.Path("id")
	e, err := event.Heard(ctx, tx, r.Scope, d.clocks.For(r.Scope.Livemode).Now(), id)
	if err != nil {
		return event.Event{}, err
	}
	if account != "" && account != e.Account {
		return event.Event{}, fault.NoSuch("event", id)
	}
	if e.Account != r.Scope.Account && e.Type != webhook.Deauthorized {
		hears, err := d.accounts.Hears(ctx, tx, r.Scope.Platform, e.Account, e.Livemode)
		if err != nil {
			return event.Event{}, err
		}
		if !hears {
			return event.Event{}, fault.NoSuch("event", id)
		}
	}
	return e, nil
}
