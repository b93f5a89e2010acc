package oauth

import "net/url"

// AuthorizeError is why an authorization request cannot go on. If the client and
// its redirect URI are known to be good, the client may be told; otherwise the
// person is told on our own page, and nothing is redirected.
type AuthorizeError struct {
	// Code is a registered error code, or one of ours for what only the person can
	// mend: "request_expired", "request_used", "wrong_browser", "wrong_user".
	Code        string
	Description string

	redirectURI string
	state       string
	issuer      string
}

func (e *AuthorizeError) Error() string { return e.Code + ": " + e.Description }

// RedirectURL is where to send the browser, if the client may be told.
func (e *AuthorizeError) RedirectURL() (string, bool) {
	if e.redirectURI == "" {
		return "", false
	}
	return withQuery(e.redirectURI, answer(e.issuer, e.state, url.Values{
		"error": {e.Code}, "error_description": {e.Description},
	})), true
}

// answer adds what every authorization response carries: state as it came (also
// on denial, where Stripe drops it), and iss (RFC 9207, F6), so that a client of
// several servers knows whose answer it has.
func answer(issuer, state string, params url.Values) url.Values {
	if state != "" {
		params.Set("state", state)
	}
	params.Set("iss", issuer)
	return params
}

// onPage is an error that only the person sees.
func onPage(code, description string) *AuthorizeError {
	return &AuthorizeError{Code: code, Description: description}
}
