package egress

import (
	"net/netip"
	"strings"
)

// special4 are the blocks of IPv4 that are not the public Internet: the IANA IPv4
// special-purpose registry as of 2025-10, whole, multicast, and one address of a cloud. What is "globally
// reachable" in it is a service of the network itself, never a receiver.
var special4 = prefixes(
	"0.0.0.0/8",        // this network; Linux takes 0.0.0.0 for this machine
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // between carrier and customer (CGNAT), clouds' metadata
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // public by its form, but Azure's own services on every machine there
	"169.254.0.0/16",   // link-local, clouds' metadata
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // IETF protocol assignments: DS-Lite, NAT64 discovery, PCP and TURN anycast
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // AMT
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and 255.255.255.255, broadcast
)

// public6 is all of IPv6 that is given out as global unicast. Outside of it are
// unspecified, loopback, IPv4-mapped, -compatible and -translated, NAT64
// (64:ff9b::/96, 64:ff9b:1::/48), discard-only and dummy (100::/64, 100:0:0:1::/64),
// SRv6 (5f00::/16), unique and site local, link-local and multicast.
var public6 = netip.MustParsePrefix("2000::/3")

// special6 are the blocks within public6 that are not the public Internet.
var special6 = prefixes(
	"2001::/23",         // IETF: Teredo, benchmarks, AMT, AS112, ORCHID 1 and 2, DRIP
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: an IPv4 address is inside
	"2620:4f:8000::/48", // AS112
	"3ffe::/16",         // 6bone, given back
	"3fff::/20",         // documentation
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public reports whether addr, unmapped, belongs to the Internet at large.
func public(addr netip.Addr) bool {
	switch {
	case !addr.IsValid() || addr.Zone() != "":
		return false
	case addr.Is4():
		return !within(special4, addr)
	}
	return public6.Contains(addr) && !within(special6, addr) && !isatap(addr)
}

// isatap reports whether an IPv4 address is in the lower half, in the way of RFC 5214:
// a tunnel that knows the prefix would send to it.
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// literalAddr reads a host that is an address. It fails with ErrRefused on what is
// neither an address as we write them nor a name: a zone, an IPv4 address in IPv6
// form, and everything that ends in a number (the URL standard's rule), which some
// resolvers read as an IPv4 address in decimal, octal, hexadecimal or short form.
func literalAddr(host string) (addr netip.Addr, literal bool, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || addr.Is4In6() {
			return addr, true, ErrRefused
		}
		return addr, true, nil
	}
	last := strings.TrimSuffix(host, ".")
	last = strings.ToLower(last[strings.LastIndexByte(last, '.')+1:])
	if last == "" || strings.ContainsAny(host, ":%") || allDigits(last) || strings.HasPrefix(last, "0x") && allHex(last[2:]) {
		return netip.Addr{}, false, ErrRefused
	}
	return netip.Addr{}, false, nil
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func allHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// badPorts are those of the Fetch standard (https://fetch.spec.whatwg.org/#port-blocking).
var badPorts = []int{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
	113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548,
	554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665,
	6666, 6667, 6668, 6669, 6679, 6697, 10080,
}
