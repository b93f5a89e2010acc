package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Nothing is inline, so nothing inline is allowed: text that slipped into a page as
// markup can neither run, nor style, nor load, nor post to somebody else.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// permissions are refused but for passkeys, and copying to the clipboard.
const permissions = "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), " +
	"gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), " +
	"clipboard-write=(self), publickey-credentials-create=(self), publickey-credentials-get=(self)"

// pageHeaders are on every page, redirect and error of the kit. formAction are more
// places where this page's forms may lead: Chromium holds the redirects that follow
// a POST against form-action, too.
func (k *Kit) pageHeaders(w http.ResponseWriter, formAction ...string) {
	k.baseHeaders(w)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	policy := contentSecurity
	for _, place := range formAction {
		if source := formSource(place); source != "" && !slices.Contains(strings.Fields(policy), source) {
			policy += " " + source
		}
	}
	h.Set("Content-Security-Policy", policy)
}

func (k *Kit) baseHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer") // URLs of links hold tokens
	h.Set("Permissions-Policy", permissions)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !k.cfg.Dev {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// formSource is what a form-action directive says for a URL: its origin, or the
// scheme alone for an app's own scheme. It is "" for what is neither.
func formSource(place string) string {
	u, err := url.Parse(place)
	if err != nil || u.Scheme == "" || u.User != nil {
		return ""
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "javascript", "data", "blob", "about", "file", "filesystem", "vbscript":
		return ""
	case "http", "https":
		if !sourceHost(u.Host) {
			return ""
		}
		return scheme + "://" + u.Host
	default:
		return scheme + ":"
	}
}

// sourceHost keeps out what would end the directive, and wildcards.
func sourceHost(host string) bool {
	return host != "" && strings.IndexFunc(host, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(".-:[]", c))
	}) < 0
}
