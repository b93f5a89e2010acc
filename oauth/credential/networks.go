package credential

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// MaxNetworks bounds the addresses that one key is limited to: they are looked
// through on every request.
const MaxNetworks = 50

// ParseNetworks reads the addresses that a key is to be good from: an address, or a
// network as CIDR, of IPv4 or IPv6. Networks come back once each, in the order given;
// nil is no limit. Fails with Invalid, of the parameter allowed_ips.
//
// Bits beyond the prefix are refused: 10.1.2.3/8 is a slip of the pen, and to read it
// as 10.0.0.0/8 would open a door that nobody meant to open.
func ParseNetworks(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		network, ok := parseNetwork(strings.TrimSpace(text))
		if !ok {
			return nil, fault.Invalidf("parameter_invalid", "allowed_ips",
				"Invalid allowed_ips: each must be an IP address or a network such as 203.0.113.0/24 or 2001:db8::/32.")
		}
		if network != network.Masked() {
			return nil, fault.Invalidf("parameter_invalid", "allowed_ips", "Invalid allowed_ips: %s has bits beyond its prefix. Write %s for the network, or %s for the one address.",
				network, network.Masked(), network.Addr())
		}
		if !slices.Contains(out, network) {
			out = append(out, network)
		}
	}
	if len(out) > MaxNetworks {
		return nil, fault.Invalidf("parameter_invalid", "allowed_ips", "Invalid allowed_ips: at most %d.", MaxNetworks)
	}
	return out, nil
}

// parseNetwork reads one. An IPv4 address in the clothes of IPv6 is itself.
func parseNetwork(text string) (netip.Prefix, bool) {
	const clothes = 96 // bits of ::ffff:0:0/96
	if network, err := netip.ParsePrefix(text); err == nil {
		if !network.Addr().Is4In6() {
			return network, true
		}
		if network.Bits() < clothes {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-clothes), true
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

// ShowNetworks is how people and the API read them: a single address without its prefix.
func ShowNetworks(networks []netip.Prefix) []string {
	var out []string
	for _, n := range networks {
		if n.IsSingleIP() {
			out = append(out, n.Addr().String())
		} else {
			out = append(out, n.String())
		}
	}
	return out
}
