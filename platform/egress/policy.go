package egress

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// ErrRefused is a connection that the policy, or the operator's proxy, does not allow.
var ErrRefused = errors.New("egress: this destination is not allowed")

// Policy says where calls may go. The zero value allows every public address, over TLS.
type Policy struct {
	// Allow are networks to reach although they are not public, and to which plain
	// http is allowed. Empty in production, as a rule; loopback in development.
	Allow []netip.Prefix
	// Proxy carries every call by HTTP CONNECT: http(s)://[user:password@]host:port.
	// nil is no proxy. Its own address is the operator's word and is not checked.
	Proxy *url.URL
	// Resolver finds the addresses of names; nil is the machine's.
	Resolver *net.Resolver

	trusted []string
}

// Loopback is the allow-list of a development machine.
func Loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// Trusting is a policy under which the host is reached over TLS wherever it is.
// It is for what the operator names in the settings, never for users' input.
func (p Policy) Trusting(host string) Policy {
	p.trusted = append(slices.Clone(p.trusted), strings.ToLower(host))
	return p
}

func (p Policy) trusts(host string) bool { return slices.Contains(p.trusted, strings.ToLower(host)) }

// check refuses an address and port. plain is for connections without TLS, which
// the allow-list alone may take.
func (p Policy) check(addr netip.Addr, port int, plain bool) error {
	addr = addr.Unmap()
	if within(p.Allow, addr) || !plain && public(addr) && !slices.Contains(badPorts, port) {
		return nil
	}
	return ErrRefused
}

// MaxURL is the longest URL that CheckURL takes.
const MaxURL = 2048

// CheckURL refuses what can be seen to be wrong before any look-up, with a fault
// that names the parameter url; the rest is refused when connecting.
func (p Policy) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return fault.Missing("url")
	case len(raw) > MaxURL || err != nil || u.Hostname() == "" || u.Opaque != "":
		return badURL("An explicit scheme (such as https) and a host must be provided.")
	case u.User != nil || u.Fragment != "":
		return badURL("It must not contain a user name, a password or a fragment.")
	case !ascii(u.Host):
		return badURL("The host must be written in ASCII (xn--…).")
	case u.Scheme == "https":
	case u.Scheme == "http" && len(p.Allow) > 0:
	case u.Scheme == "http":
		return badURL("The URL must be https.")
	default:
		return badURL("An explicit scheme (such as https) must be provided.")
	}
	return p.checkHost(u)
}

func (p Policy) checkHost(u *url.URL) error {
	port, err := portOf(u)
	if err != nil {
		return badURL("The port must be a number between 1 and 65535.")
	}
	host, plain := u.Hostname(), u.Scheme == "http"
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, literal, err := literalAddr(host)
	switch {
	case err == nil && !literal:
		if len(p.Allow) == 0 && slices.Contains(badPorts, port) {
			return badURL("The port must be one that web servers use.")
		}
		return nil // what it resolves to is checked when connecting
	case err == nil && p.check(addr, port, plain) == nil:
		return nil
	}
	return badURL("The URL must be publicly accessible.")
}

func portOf(u *url.URL) (int, error) {
	switch text := u.Port(); {
	case text != "":
		return parsePort(text)
	case u.Scheme == "http":
		return 80, nil
	}
	return 443, nil
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, ErrRefused
	}
	return int(port), nil
}

func badURL(why string) error { return fault.Invalidf("url_invalid", "url", "Invalid URL: %s", why) }

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}
