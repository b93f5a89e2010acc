package oauth

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// Redirect URIs are where codes go, so they are compared byte for byte and
// registered strictly. fosite knows an exception for loopback addresses (F8: a
// registered https://127.0.0.1/cb accepts http://127.0.0.1:9999/cb) and admits
// any custom scheme; neither is asked.

const (
	maxRedirectURIs = 20
	maxRedirectURI  = 2000
)

// reverseDomain is a custom scheme that names its owner: "com.example.app".
var reverseDomain = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$`)

// checkRedirectURIs refuses URIs that could send a code astray.
func checkRedirectURIs(uris []string, livemode, public bool) error {
	if len(uris) == 0 {
		return fault.Missing("redirect_uris")
	}
	if len(uris) > maxRedirectURIs {
		return fault.Invalidf("parameter_invalid", "redirect_uris", "A client can have at most %d redirect URIs.", maxRedirectURIs)
	}
	seen := map[string]bool{}
	for _, uri := range uris {
		if why := redirectFault(uri, livemode, public); why != "" {
			return fault.Invalidf("parameter_invalid", "redirect_uris", "Invalid redirect URI: %s.", why)
		}
		if seen[uri] {
			return fault.Invalidf("parameter_invalid", "redirect_uris", "Invalid redirect URI: the same URI stands there twice.")
		}
		seen[uri] = true
	}
	return nil
}

// redirectFault says what is wrong with a redirect URI, "" if nothing.
func redirectFault(uri string, livemode, public bool) string {
	if len(uri) > maxRedirectURI {
		return "it is too long"
	}
	if strings.ContainsFunc(uri, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`\*#<>"{}|^`+"`", c) }) {
		return "it must be plain ASCII without spaces, wildcards, backslashes or a fragment"
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return "it must be an absolute URI"
	}
	if u.User != nil || strings.Contains(u.Host, "@") {
		return "it must not contain a user name or password"
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "its path must not contain . or .. segments"
		}
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		return webFault(u, livemode)
	case !public:
		return "custom schemes are for public clients; it must be https"
	case !reverseDomain.MatchString(u.Scheme):
		return "a custom scheme must be a reversed domain name, such as com.example.app"
	}
	return ""
}

func webFault(u *url.URL, livemode bool) string {
	host := u.Hostname()
	switch {
	case host == "" || strings.HasSuffix(host, "."):
		return "it must name a host"
	case loopback(host) && livemode:
		return "a live client cannot redirect to this machine"
	case u.Scheme == "http" && !loopback(host):
		return "it must be https; http is for localhost in test mode"
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.Unmap().IsLoopback() || address.IsUnspecified())
}

// withQuery is a registered redirect URI with parameters added. What the URI has
// of its own stays as it was registered.
func withQuery(uri string, params url.Values) string {
	joint := "?"
	if strings.Contains(uri, "?") {
		joint = "&"
	}
	return uri + joint + params.Encode()
}

// originOf is scheme and host of a redirect URI, as a content security policy
// names it: "https://example.com", or "com.example.app:".
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}
