package webhook

import (
	"net/netip"
	"strings"
	"testing"
)

func TestEgressDeniesWhatIsNotPublic(t *testing.T) {
	denied := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1%eth0",
	}
	for _, text := range denied {
		if (Egress{}).check(netip.MustParseAddr(text), false) == nil {
			t.Errorf("%s is allowed", text)
		}
	}
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if err := (Egress{}).check(netip.MustParseAddr(text), false); err != nil {
			t.Errorf("%s is denied", text)
		}
		if (Egress{}).check(netip.MustParseAddr(text), true) == nil {
			t.Errorf("%s is allowed without TLS", text)
		}
	}
}

func TestEgressAllowListOpensExactlyItself(t *testing.T) {
	dev := Egress{Allow: Loopback()}
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		if err := dev.check(netip.MustParseAddr(text), true); err != nil {
			t.Errorf("%s is denied in development", text)
		}
	}
	for _, text := range []string{"10.0.0.1", "169.254.169.254", "fe80::1"} {
		if dev.check(netip.MustParseAddr(text), false) == nil {
			t.Errorf("%s is allowed in development", text)
		}
	}
}

func TestEndpointURLsAreCheckedBeforeAnyLookup(t *testing.T) {
	dev := Egress{Allow: Loopback()}
	for _, c := range []struct {
		url            string
		live, loopback bool
	}{
		{"https://example.com/hooks", true, true},
		{"https://example.com:8443/hooks?a=b", true, true},
		{"http://example.com/hooks", false, true}, // refused when connecting unless it resolves to the allow-list
		{"http://127.0.0.1:7070/_dev/hooks", false, true},
		{"http://localhost:3000/hooks", false, true},
		{"https://localhost/hooks", false, true},
		{"http://10.0.0.1/", false, false},
		{"https://10.0.0.1/", false, false},
		{"https://[::1]/", false, true},
		{"https://[::ffff:10.0.0.1]/", false, false},
		{"https://user:pass@example.com/", false, false},
		{"https://example.com/#x", false, false},
		{"ftp://example.com/", false, false},
		{"example.com/hooks", false, false},
		{"https://", false, false},
		{"https:example.com", false, false},
		{"", false, false},
		{"https://example.com/" + strings.Repeat("x", maxURL), false, false},
	} {
		if got := (Egress{}).CheckURL(c.url) == nil; got != c.live {
			t.Errorf("production: %q accepted = %v", c.url, got)
		}
		if got := dev.CheckURL(c.url) == nil; got != c.loopback {
			t.Errorf("development: %q accepted = %v", c.url, got)
		}
	}
}
