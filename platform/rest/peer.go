package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behindProxies makes RemoteAddr the address of whoever asked, when the request came
// through proxies that the operator trusts. Throttles, accepted terms and the log of
// a person's activity go by it.
//
// X-Forwarded-For is read from its end: each trusted proxy has appended whom it heard
// from, and what stands before the last of them is a claim of the caller's own.
func behindProxies(trusted []netip.Prefix, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, ok := peerOf(r, trusted); ok {
			r = r.WithContext(r.Context()) // the caller's request stays as it was
			r.RemoteAddr = net.JoinHostPort(peer.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

// peerOf is the first address from the end that is not a trusted proxy's; false if
// the request did not come through one, or the header is not a list of addresses.
func peerOf(r *http.Request, trusted []netip.Prefix) (netip.Addr, bool) {
	direct, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !within(direct.Addr(), trusted) {
		return netip.Addr{}, false
	}
	var peer netip.Addr
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return peer, peer.IsValid()
		}
		if peer = addr.Unmap().WithZone(""); !within(peer, trusted) {
			return peer, true
		}
	}
	return peer, peer.IsValid()
}

func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// From reports whether whoever asked is within one of networks; an empty list is everywhere.
// An address that cannot be told is within none.
func From(r *http.Request, networks []netip.Prefix) bool {
	if len(networks) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(PeerIP(r))
	return err == nil && within(addr.WithZone(""), networks)
}

// PeerIP is the IP address of whoever asked, the one that SLUICE_TRUSTED_PROXIES
// leads to; "" when the connection has none.
func PeerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
