package wire

// APIKey is a credential of the API; an extension of Sluice.
type APIKey struct {
	ID         string   `json:"id"`
	Object     string   `json:"object"`      // "api_key"
	AllowedIPs []string `json:"allowed_ips"` // addresses and networks it is good from; null: everywhere
	Created    int64    `json:"created"`
	ExpiresAt  *int64   `json:"expires_at"`
	Last4      string   `json:"last4"`
	LastUsedAt *int64   `json:"last_used_at"`
	Livemode   bool     `json:"livemode"`
	Name       *string  `json:"name"`
	Prefix     string   `json:"prefix"` // "sk_test_"
	ReplacedBy *string  `json:"replaced_by"`
	RevokedAt  *int64   `json:"revoked_at"`
	Scopes     []string `json:"scopes"`           // null: no restriction
	Secret     string   `json:"secret,omitempty"` // the key itself, at creation and roll only
	Status     string   `json:"status"`           // active, expired, revoked
	Type       string   `json:"type"`             // secret, publishable, restricted
}
