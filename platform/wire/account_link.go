package wire

// AccountLink leads an account's holder to the hosted pages, once.
type AccountLink struct {
	Object    string `json:"object"` // always "account_link"
	Created   int64  `json:"created"`
	ExpiresAt int64  `json:"expires_at"`
	URL       string `json:"url"` // shown at creation only
}
