package oauth

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// MaxSecrets is how many secrets of a client live at one time: the one in use,
// and the next one during a rotation.
const MaxSecrets = 2

const maxClientName = 100

// Client is an application of a platform that connects accounts to it.
type Client struct {
	ID           string // ca_…
	Platform     string
	Livemode     bool
	Name         string   // shown on the consent page
	Public       bool     // runs where a secret cannot be kept; always uses PKCE
	RedirectURIs []string // exact; the first one is the default
	Scopes       []tenant.Access
	RequirePAR   bool // its requests must be pushed (RFC 9126)
	CreatedAt    time.Time
	DisabledAt   time.Time // zero: enabled
	Secrets      []ClientSecret
}

// ClientSecret is a secret of a client as it may be shown: everything but itself.
type ClientSecret struct {
	ID        string // csec_…
	Prefix    string // "cs_test_"
	Last4     string
	CreatedAt time.Time

	hash [32]byte
}

// Enabled reports whether the client works.
func (c *Client) Enabled() bool { return c.DisabledAt.IsZero() }

// Allows reports whether the client may ask for this access. Whoever may write may read.
func (c *Client) Allows(access tenant.Access) bool {
	for _, s := range c.Scopes {
		if includes(s, access) {
			return access != tenant.NoAccess
		}
	}
	return false
}

// DefaultScope is what a request without scope asks for: the least there is, as Stripe has it.
func (c *Client) DefaultScope() tenant.Access {
	if c.Allows(tenant.ReadOnly) {
		return tenant.ReadOnly
	}
	return tenant.NoAccess
}

// widest is the most that the client may ask for.
func (c *Client) widest() tenant.Access {
	most := tenant.NoAccess
	for _, s := range c.Scopes {
		most = wider(most, s)
	}
	return most
}

// redirects reports whether uri is registered, byte for byte.
func (c *Client) redirects(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

// check refuses a client that could not work or would be unsafe.
func (c *Client) check() error {
	name := strings.TrimSpace(c.Name)
	if name == "" {
		return fault.Missing("name")
	}
	if utf8.RuneCountInString(name) > maxClientName || name != c.Name || strings.ContainsFunc(name, unprintable) {
		return fault.Invalidf("parameter_invalid", "name", "Invalid name: must be at most %d printable characters.", maxClientName)
	}
	if len(c.Scopes) == 0 || len(c.Scopes) > 2 {
		return fault.Invalidf("parameter_invalid", "scopes", "Invalid scopes: must be read_only, read_write, or both.")
	}
	for _, s := range c.Scopes {
		if rank(s) == 0 {
			return fault.Invalidf("parameter_invalid", "scopes", "Invalid scopes: must be read_only, read_write, or both.")
		}
	}
	return checkRedirectURIs(c.RedirectURIs, c.Livemode, c.Public)
}

// unprintable are control characters and those that change the direction of
// text: a name must not pretend to be another one.
func unprintable(c rune) bool {
	return c < ' ' || c == 0x7f || c >= 0x80 && c <= 0x9f || c >= 0x200b && c <= 0x200f ||
		c >= 0x2028 && c <= 0x202e || c >= 0x2060 && c <= 0x206f || c == utf8.RuneError || c == 0xfeff
}
