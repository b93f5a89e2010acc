package wire

import "encoding/json"

// WebhookDelivery is one event on its way to one endpoint; Sluice's own extension.
type WebhookDelivery struct {
	ID              string                `json:"id"`
	Object          string                `json:"object"` // "webhook_delivery"
	AttemptCount    int                   `json:"attempt_count"`
	Attempts        *List[WebhookAttempt] `json:"attempts,omitempty"` // in order; only of a single delivery
	Created         int64                 `json:"created"`
	DeliveredAt     *int64                `json:"delivered_at"`
	Event           string                `json:"event"`
	EventType       string                `json:"event_type"`
	Livemode        bool                  `json:"livemode"`
	NextAttempt     *int64                `json:"next_attempt"` // of a pending one
	Ordered         bool                  `json:"ordered"`      // waits for earlier ones of its object
	Payload         json.RawMessage       `json:"payload,omitempty"`
	RelatedObject   *string               `json:"related_object"` // the id of the event's object
	Status          string                `json:"status"`         // pending, delivered, failed, undelivered
	WebhookEndpoint string                `json:"webhook_endpoint"`
	WebhookReplay   *string               `json:"webhook_replay"` // the replay that sent it again
}

// WebhookAttempt is one try of a delivery; Sluice's own extension. The body that
// was sent is the delivery's payload, the same on every try.
type WebhookAttempt struct {
	ID              string                 `json:"id"`
	Object          string                 `json:"object"` // "webhook_attempt"
	Created         int64                  `json:"created"`
	DurationMS      int64                  `json:"duration_ms"`
	Event           string                 `json:"event"`
	EventType       string                 `json:"event_type"`
	ExpungedAt      *int64                 `json:"expunged_at"` // the response was erased on request
	Failure         *string                `json:"failure"`     // null after 2xx; else a class: status, dns, connect, tls, refused, …
	Livemode        bool                   `json:"livemode"`
	Number          int                    `json:"number"` // from 1; numbers lost to a crash are missing
	RemoteIP        *string                `json:"remote_ip"`
	Request         WebhookAttemptRequest  `json:"request"`
	Response        WebhookAttemptResponse `json:"response"`
	RetryAt         *int64                 `json:"retry_at"` // of the last try of a pending delivery
	Timing          WebhookAttemptTiming   `json:"timing"`
	WebhookDelivery string                 `json:"webhook_delivery"`
	WebhookEndpoint string                 `json:"webhook_endpoint"`
}

// WebhookAttemptRequest is what was sent, as far as it is known afterwards:
// signatures are made for the moment and not kept.
type WebhookAttemptRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"` // where it went; of tries before 2026-12 the endpoint as it is registered now
	Headers map[string]string `json:"headers"`
}

// WebhookAttemptResponse is what came back: the first 16 KiB of the body, as text or,
// if it is none, in base64.
type WebhookAttemptResponse struct {
	Status     *int   `json:"status"` // null when there was no answer
	Body       string `json:"body"`
	BodyBase64 string `json:"body_base64,omitempty"`
}

// WebhookAttemptTiming is how long each step took, in milliseconds; null was not
// needed (a connection was there) or not reached.
type WebhookAttemptTiming struct {
	DNS       *int64 `json:"dns_ms"`
	Connect   *int64 `json:"connect_ms"`
	TLS       *int64 `json:"tls_ms"`
	FirstByte *int64 `json:"first_byte_ms"`
}
