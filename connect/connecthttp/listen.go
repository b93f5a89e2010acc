package connecthttp

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// listenFeature is what a connection is good for; Stripe's CLI has others for other commands.
const listenFeature = "webhooks"

// reconnectDelay is after how many seconds a device should connect anew, so that
// devices find their way to other servers.
const reconnectDelay = 3600

// listenDoor serves developers' command lines, ours and Stripe's: a session, and the
// socket that events come through.
//
// A session is asked for with a secret key of the platform, or a restricted one that
// may write webhook endpoints: who listens sees every event, as an endpoint does. The
// socket needs no key but the session, which the server sealed; see webhook.Listeners.
type listenDoor struct {
	listeners *webhook.Listeners
	origin    string // "" is what the request's Host says
	clock     clock.Clock
}

const subscribe = "/v1/stripecli/subscribe"

// ListenRoutes are /v1/stripecli. origin is this server's public address, "" if it has none of its own.
func ListenRoutes(s *rest.Server, listeners *webhook.Listeners, origin string, clk clock.Clock) []rest.Route {
	d := listenDoor{listeners: listeners, origin: origin, clock: clk}
	return []rest.Route{
		{Method: http.MethodPost, Path: "/v1/stripecli/sessions", Resource: "webhook_endpoints", Handler: s.Reveal(d.open), Returns: wire.CLISession{}},
		{Method: http.MethodGet, Path: subscribe, Public: true, Handler: http.HandlerFunc(d.connect)},
	}
}

func (d listenDoor) open(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	var p struct {
		DeviceName           string       `form:"device_name"`
		WebSocketFeatures    []string     `form:"websocket_features"`
		ForwardToURL         string       `form:"forward_to_url"` // only whether there is one
		ForwardConnectToURL  string       `form:"forward_connect_to_url"`
		ForwardThinToURL     rest.Ignored `form:"forward_thin_to_url"`
		ForwardThinConnectTo rest.Ignored `form:"forward_thin_connect_to_url"`
		Filters              rest.Ignored `form:"filters"`
		EnabledEvents        []string     `form:"enabled_events"` // extension
		Since                string       `form:"since"`          // extension: evt_…, or now
		SinceSeconds         int64        `form:"since_seconds"`  // extension
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	if len(p.WebSocketFeatures) > 0 && !slices.Contains(p.WebSocketFeatures, listenFeature) {
		return nil, nil, fault.Invalidf("parameter_invalid", "websocket_features", "Invalid websocket_features: this server has the feature %s.", listenFeature)
	}
	if r.Principal.Platform != "" {
		return nil, nil, &fault.Error{Kind: fault.Forbidden, Message: "An access token cannot listen. Use an API key of the platform."}
	}
	now := d.clock.Now()
	since, err := sinceOf(now, p.Since, p.SinceSeconds)
	if err != nil {
		return nil, nil, err
	}
	opened, err := d.listeners.Open(ctx, tx, now, r.Scope, webhook.NewListener{
		Device: p.DeviceName, EnabledEvents: p.EnabledEvents, Since: since, Key: r.Principal.KeyID,
		Forwards: p.ForwardToURL != "", ForwardsConnect: p.ForwardConnectToURL != "",
	})
	if err != nil {
		return nil, nil, err
	}
	without := wire.CLISession{
		DefaultVersion: wire.APIVersion, LatestVersion: wire.APIVersion, ReconnectDelay: reconnectDelay,
		WebSocketAuthorizedFeature: listenFeature, WebSocketURL: d.socketURL(r.Request),
	}
	with := without
	with.Secret, with.WebSocketID = opened.Secret.Reveal(), opened.Session.Reveal()
	return with, without, nil
}

// maxSince is how far back a device may ask: the events of the API reach as far.
const maxSince = 30 * 24 * time.Hour

func sinceOf(now time.Time, event string, seconds int64) (webhook.Since, error) {
	switch {
	case event != "" && seconds != 0:
		return webhook.Since{}, fault.Invalidf("parameters_exclusive", "since", "You may only specify one of these parameters: since, since_seconds.")
	case event == "now":
		return webhook.Since{Now: true}, nil
	case event != "":
		happened, ok := id.Time(event)
		if !ok || !strings.HasPrefix(event, "evt_") {
			return webhook.Since{}, fault.Invalidf("parameter_invalid", "since", "Invalid since: must be the id of an event, evt_…, or now.")
		}
		if happened.Before(now.Add(-maxSince)) {
			return webhook.Since{}, fault.Invalidf("parameter_invalid", "since", "Invalid since: events are kept for %d days.", int64(maxSince/(24*time.Hour)))
		}
		return webhook.Since{Event: event}, nil
	case seconds < 0 || seconds > int64(maxSince/time.Second):
		return webhook.Since{}, fault.Invalidf("parameter_invalid", "since_seconds", "Invalid since_seconds: must be from 1 to %d.", int64(maxSince/time.Second))
	case seconds > 0:
		return webhook.Since{At: now.Add(-time.Duration(seconds) * time.Second)}, nil
	}
	return webhook.Since{}, nil
}

// socketURL is where to connect. Devices add a query to it, so it has none.
func (d listenDoor) socketURL(r *http.Request) string {
	origin := d.origin
	if origin == "" {
		origin = "http://" + r.Host
	}
	return "ws" + strings.TrimPrefix(strings.TrimRight(origin, "/"), "http") + subscribe
}
