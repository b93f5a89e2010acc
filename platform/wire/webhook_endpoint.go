package wire

// WebhookEndpoint is a URL that events are posted to.
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
}
