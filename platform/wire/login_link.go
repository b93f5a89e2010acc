package wire

// LoginLink leads an account's holder to an overview of the account, once.
type LoginLink struct {
	Object  string `json:"object"` // always "login_link"
	Created int64  `json:"created"`
	URL     string `json:"url"` // shown at creation only
}
