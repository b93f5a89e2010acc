package wire

// WebhookEndpoint is a URL that events are posted to. What follows URL is our extension.
type WebhookEndpoint struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"` // "webhook_endpoint"
	APIVersion    *string           `json:"api_version"`
	Application   *string           `json:"application"`
	Created       int64             `json:"created"`
	Description   *string           `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	Livemode      bool              `json:"livemode"`
	Metadata      map[string]string `json:"metadata"`
	Secret        string            `json:"secret,omitempty"` // whsec_…, at creation only
	Status        string            `json:"status"`           // enabled, disabled
	URL           string            `json:"url"`

	Connect        bool           `json:"connect"`
	DisabledAt     *int64         `json:"disabled_at"`
	DisabledReason *string        `json:"disabled_reason"` // gone, failing; null by its owner
	EventPayload   string         `json:"event_payload"`   // snapshot, thin
	Health         *WebhookHealth `json:"health,omitempty"`
	MaxConcurrency *int           `json:"max_concurrency"` // requests at a time
	Ordered        bool           `json:"ordered"`         // one object's events one after the other
	Paused         bool           `json:"paused"`
	PublicKey      string         `json:"public_key,omitempty"`     // whpk_…
	RateLimit      *int           `json:"rate_limit"`               // events a second
	RetrySchedule  []int64        `json:"retry_schedule"`           // seconds after each failed try
	SecretCreated  *int64         `json:"secret_created,omitempty"` // of the present signing secret; of a single endpoint only
}

// WebhookHealth is how an endpoint does.
type WebhookHealth struct {
	State       string `json:"state"`    // healthy, failing, open, half_open
	Failures    int    `json:"failures"` // in a row
	LastSuccess *int64 `json:"last_success"`
	LastFailure *int64 `json:"last_failure"`
	OpenUntil   *int64 `json:"open_until"` // nothing is sent until then
}
