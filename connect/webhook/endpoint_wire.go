package webhook

import "github.com/sluicepay/sluice/platform/wire"

// Wire is the endpoint as the API and its own events show it, without its secret.
func (e Endpoint) Wire() wire.WebhookEndpoint {
	return wire.WebhookEndpoint{
		ID: e.ID, Object: "webhook_endpoint", APIVersion: wire.Nullable(e.APIVersion), Created: wire.Unix(e.CreatedAt),
		Description: wire.Nullable(e.Description), EnabledEvents: e.EnabledEvents, Livemode: e.Livemode,
		Metadata: e.Metadata, Status: e.Status(), URL: e.URL,
	}
}
