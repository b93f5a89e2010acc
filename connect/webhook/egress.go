package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"

	"github.com/sluicepay/sluice/platform/fault"
)

// errEgress is a connection the guard refused.
var errEgress = errors.New("address is not allowed")

// Egress decides which addresses webhooks may be sent to. Only public unicast
// addresses are, unless the operator allows more: a receiver's URL is input
// from outside, and our own network must not be reachable through it.
type Egress struct {
	// Allow are networks to reach although they are not public, and to which
	// plain http is allowed. Empty in production; loopback in development.
	Allow []netip.Prefix
}

// Loopback is the allow-list of a development machine.
func Loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// special are the unicast blocks that are not public, from the IANA
// special-purpose registries (RFC 6890 and its updates).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// public6 is all that is global unicast in IPv6. Whatever else there is (NAT64,
// unique local, SRv6, site local) is outside of it.
var public6 = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public reports whether addr belongs to the Internet at large.
func public(addr netip.Addr) bool {
	if addr.Zone() != "" || addr.IsPrivate() || addr.IsLoopback() || !addr.IsGlobalUnicast() {
		return false
	}
	if addr.Is6() && !public6.Contains(addr) {
		return false
	}
	return !within(special, addr)
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// check refuses an address. plain is for connections without TLS, which the
// allow-list alone may take.
func (e Egress) check(addr netip.Addr, plain bool) error {
	addr = addr.Unmap()
	if within(e.Allow, addr) || !plain && public(addr) {
		return nil
	}
	return errEgress
}

// control is a net.Dialer.Control: it sees the resolved address just before
// connect, so a name that changes its answer between check and use gains nothing.
func (e Egress) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return errEgress
		}
		return e.check(to.Addr(), plain)
	}
}

// CheckURL refuses what can be seen to be wrong before any look-up; the rest is
// refused when connecting.
func (e Egress) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return fault.Missing("url")
	case len(raw) > maxURL || err != nil || u.Hostname() == "" || u.Opaque != "":
		return badURL("An explicit scheme (such as https) and a host must be provided.")
	case u.User != nil || u.Fragment != "":
		return badURL("It must not contain a user name, a password or a fragment.")
	case u.Scheme == "https":
	case u.Scheme == "http" && len(e.Allow) > 0:
	case u.Scheme == "http":
		return badURL("The URL must be https.")
	default:
		return badURL("An explicit scheme (such as https) must be provided.")
	}
	host := u.Hostname()
	if host == "localhost" {
		host = net.IPv4(127, 0, 0, 1).String()
	}
	if addr, err := netip.ParseAddr(host); err == nil && e.check(addr, u.Scheme == "http") != nil {
		return badURL("The URL must be publicly accessible.")
	}
	return nil
}

func badURL(why string) error {
	return fault.Invalidf("url_invalid", "url", "%s", fmt.Sprintf("Invalid URL: %s", why))
}
