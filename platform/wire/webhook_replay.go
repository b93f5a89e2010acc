package wire

// WebhookReplay sends again what an endpoint missed, or all of a time; Sluice's own extension.
type WebhookReplay struct {
	ID              *string              `json:"id"`     // null for a dry run
	Object          string               `json:"object"` // "webhook_replay"
	Created         int64                `json:"created"`
	DeliveryCreated WebhookReplayCreated `json:"delivery_created"` // of the deliveries that belong to it
	DryRun          bool                 `json:"dry_run"`
	EndedAt         *int64               `json:"ended_at"`
	Livemode        bool                 `json:"livemode"`
	Percent         int64                `json:"percent"`
	RateLimit       *int                 `json:"rate_limit"` // deliveries a second
	Replayed        int64                `json:"replayed"`
	Status          string               `json:"status"` // dry_run, running, done, canceled
	Statuses        []string             `json:"statuses"`
	Total           int64                `json:"total"`
	Types           []string             `json:"types"`
	WebhookEndpoint string               `json:"webhook_endpoint"`
}

// WebhookReplayCreated is a span of time; null is open.
type WebhookReplayCreated struct {
	GTE *int64 `json:"gte"`
	LTE *int64 `json:"lte"`
}
