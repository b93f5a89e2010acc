package wire

// EventNotification is the thin form of an event, in the shape of Stripe's second
// API: what happened to which object, and where to read it.
type EventNotification struct {
	ID            string         `json:"id"`
	Object        string         `json:"object"` // "v2.core.event"
	Type          string         `json:"type"`
	Livemode      bool           `json:"livemode"`
	Created       string         `json:"created"` // RFC 3339
	Context       *string        `json:"context"` // the connected account; null for the receiver's own events
	Reason        *EventReason   `json:"reason"`
	RelatedObject *RelatedObject `json:"related_object"`
	ObjectVersion int64          `json:"object_version"` // extension: 1..n without gap per object
	Data          *EventData     `json:"data,omitempty"` // of an event that was fetched, not of a notification
}

// EventReason is why an event happened; null when nobody asked for it.
type EventReason struct {
	Type    string             `json:"type"` // "request"
	Request EventReasonRequest `json:"request"`
}

// EventReasonRequest is the API request behind an event.
type EventReasonRequest struct {
	ID             string `json:"id"`
	IdempotencyKey string `json:"idempotency_key"`
}

// RelatedObject is where the object of an event is read.
type RelatedObject struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	URL  string `json:"url"`
}
