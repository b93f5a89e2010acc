package wire

import "encoding/json"

// APIVersion is the Stripe API version whose shapes Sluice speaks; requests that name none get it.
const APIVersion = "2026-08-26.dahlia"

// Event is one thing that happened. Account is there only for events of connected accounts.
type Event struct {
	ID              string       `json:"id"`
	Object          string       `json:"object"` // always "event"
	Account         string       `json:"account,omitempty"`
	APIVersion      string       `json:"api_version"`
	Created         int64        `json:"created"`
	Data            EventData    `json:"data"`
	Livemode        bool         `json:"livemode"`
	PendingWebhooks int          `json:"pending_webhooks"`
	Request         EventRequest `json:"request"`
	Type            string       `json:"type"`
	ObjectVersion   int64        `json:"object_version"` // extension: 1..n without gap per object
}

// EventData is the object after the change, and what an update replaced.
type EventData struct {
	Object             json.RawMessage `json:"object"`
	PreviousAttributes json.RawMessage `json:"previous_attributes,omitempty"`
}

// EventRequest is the API request that caused the event; both null for automatic ones.
type EventRequest struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}
