package wire

// OAuthClient is an application that connects accounts to its platform; an
// extension of Sluice.
type OAuthClient struct {
	ID           string              `json:"id"`
	Object       string              `json:"object"` // "oauth_client"
	Created      int64               `json:"created"`
	Disabled     bool                `json:"disabled"`
	DisabledAt   *int64              `json:"disabled_at"`
	Livemode     bool                `json:"livemode"`
	Name         string              `json:"name"`
	RedirectURIs []string            `json:"redirect_uris"`
	RequirePAR   bool                `json:"require_pushed_authorization_requests"`
	Scopes       []string            `json:"scopes"` // read_only, read_write
	Secrets      []OAuthClientSecret `json:"secrets"`
	Type         string              `json:"type"` // confidential, public
}

// OAuthClientSecret is a secret of a client.
type OAuthClientSecret struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "oauth_client_secret"
	Created int64  `json:"created"`
	Last4   string `json:"last4"`
	Prefix  string `json:"prefix"`           // "cs_test_"
	Secret  string `json:"secret,omitempty"` // the secret itself, when it is made only
}

// OAuthCode is an authorization code that a sandbox gives without a person.
type OAuthCode struct {
	Object string `json:"object"`         // always "oauth_code"
	Code   string `json:"code,omitempty"` // once
}
