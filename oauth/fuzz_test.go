package oauth_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicepay/sluice/oauth"
)

// FuzzAuthorize sends any query to /oauth/authorize. Whatever it is, there is a
// stored request or a refusal and no failure of ours; a redirect goes to the
// registered address only, carries iss, and state as it came.
func FuzzAuthorize(f *testing.F) {
	h := newHouse(f)
	a := h.app(f, func(c *oauth.NewClient) { c.RedirectURIs = []string{callback, "https://tutorhub.example/cb?keep=1"} })
	for _, seed := range []string{
		"response_type=code&scope=read_write&state=x", "response_type=token&state=%ff%00", "response_type=code&redirect_uri=https://attacker.example",
		"response_type=code&redirect_uri=https%3A%2F%2Ftutorhub.example%2Fcb%3Fkeep%3D1&scope=planets", "state=a&state=b", "response_type=code&code_challenge=x",
		"response_type=code&stripe_user[email]=%00", "response_type=code&suggested_capabilities[]=a&suggested_capabilities[]=b", "a;b", "%zz", "request_uri=urn:ietf:params:oauth:request_uri:x",
		"response_type=code&prompt=none", "request=x", "&&&=", "response_type=code&stripe_user[first_name]=%E2%80%AE", "client_id=other", "response_mode=fragment", "%00pushed=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if !utf8.ValidString(query) || strings.ContainsAny(query, " \r\n\t") {
			return // not a request line
		}
		r := httptest.NewRequest("GET", "/oauth/authorize", nil)
		r.URL.RawQuery = "client_id=" + a.ID + "&" + query
		request, _, err := h.provider.Begin(t.Context(), r, false)
		if err == nil {
			if request.ID == "" || request.RedirectURI != callback && request.RedirectURI != "https://tutorhub.example/cb?keep=1" {
				t.Fatalf("%q was stored with %q", query, request.RedirectURI)
			}
			return
		}
		var refused *oauth.AuthorizeError
		if !errors.As(err, &refused) {
			t.Fatalf("%q is a failure: %v", query, err)
		}
		redirect, tellable := refused.RedirectURL()
		if !tellable {
			return
		}
		u, err := url.Parse(redirect)
		if err != nil || u.Host != "tutorhub.example" || u.Query().Get("iss") != h.provider.Issuer() || u.Query().Get("error") == "" {
			t.Fatalf("%q redirects to %q", query, redirect)
		}
		sent, _ := url.ParseQuery(query)
		if state := u.Query().Get("state"); state != "" && state != sent.Get("state") {
			t.Fatalf("%q came back with state %q", query, state)
		}
	})
}
