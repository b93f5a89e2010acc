package webhook

import (
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the endpoint as the API and its own events show it, without its secret.
func (e Endpoint) Wire() wire.WebhookEndpoint {
	w := wire.WebhookEndpoint{
		ID: e.ID, Object: "webhook_endpoint", APIVersion: wire.Nullable(e.APIVersion), Created: wire.Unix(e.CreatedAt),
		Description: wire.Nullable(e.Description), EnabledEvents: e.EnabledEvents, Livemode: e.Livemode,
		Metadata: e.Metadata, Status: e.Status(), URL: e.URL,
		Connect: e.Connect, DisabledAt: wire.NullableUnix(e.DisabledAt), DisabledReason: wire.Nullable(e.DisabledReason),
		EventPayload: string(e.Payload), MaxConcurrency: wire.Nullable(e.MaxConcurrency), Ordered: e.Ordered, Paused: e.Paused,
		RateLimit: wire.Nullable(e.RateLimit),
	}
	for _, wait := range e.waits() {
		w.RetrySchedule = append(w.RetrySchedule, int64(wait/time.Second))
	}
	return w
}

// Wire is the health as of at.
func (h Health) Wire(at time.Time) *wire.WebhookHealth {
	return &wire.WebhookHealth{
		State: h.State(at), Failures: h.Failures, LastSuccess: wire.NullableUnix(h.LastSuccessAt),
		LastFailure: wire.NullableUnix(h.LastFailureAt), OpenUntil: wire.NullableUnix(h.OpenUntil),
	}
}
