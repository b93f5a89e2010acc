package egress

import (
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAllowListOpensExactlyItself(t *testing.T) {
	dev := Policy{Allow: Loopback()}
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		for _, port := range []int{443, 25, 9} { // the network is the operator's, with all its ports
			if err := dev.check(netip.MustParseAddr(text), port, true); err != nil {
				t.Errorf("%s:%d is refused in development", text, port)
			}
		}
	}
	for _, text := range []string{"10.0.0.1", "169.254.169.254", "fe80::1", "::1%lo"} {
		if dev.check(netip.MustParseAddr(text), 443, false) == nil {
			t.Errorf("%s is allowed in development", text)
		}
	}
}

func TestURLsAreCheckedBeforeAnyLookup(t *testing.T) {
	dev := Policy{Allow: Loopback()}
	for _, c := range []struct {
		url            string
		live, loopback bool
	}{
		{"https://example.com/hooks", true, true},
		{"https://example.com:8443/hooks?a=b", true, true},
		{"http://example.com/hooks", false, true}, // refused when connecting unless it resolves to the allow-list
		{"http://127.0.0.1:7070/_dev/hooks", false, true},
		{"http://127.0.0.1:9/", false, true},
		{"http://localhost:3000/hooks", false, true},
		{"https://localhost/hooks", false, true},
		{"https://example.com:25/", false, true}, // the same
		{"https://8.8.8.8:25/", false, false},
		{"https://8.8.8.8/", true, true},
		{"http://10.0.0.1/", false, false},
		{"https://10.0.0.1/", false, false},
		{"https://[::1]/", false, true},
		{"https://[::ffff:10.0.0.1]/", false, false},
		{"https://[::ffff:8.8.8.8]/", false, false},
		{"https://[fe80::1%25lo]/", false, false},
		{"https://2130706433/", false, false},
		{"https://0x7f.1/", false, false},
		{"https://127.1/", false, false},
		{"https://1.2.3.4.5/", false, false},
		{"https://example.0x/", false, false},
		{"https://example.com:0/", false, false},
		{"https://example.com:65536/", false, false},
		{"https://example。com/", false, false},
		{"https://xn--fsqu00a.example/", true, true},
		{"https://user:pass@example.com/", false, false},
		{"https://example.com/#x", false, false},
		{"ftp://example.com/", false, false},
		{"example.com/hooks", false, false},
		{"https://", false, false},
		{"https:example.com", false, false},
		{"", false, false},
		{"https://example.com/" + strings.Repeat("x", MaxURL), false, false},
	} {
		if got := (Policy{}).CheckURL(c.url) == nil; got != c.live {
			t.Errorf("production: %q accepted = %v", c.url, got)
		}
		if got := dev.CheckURL(c.url) == nil; got != c.loopback {
			t.Errorf("development: %q accepted = %v", c.url, got)
		}
	}
}

// TestARebindingNameIsConnectedToWhereItWasChecked: 127.0.0.3 stands for the public
// address of the first answer, 127.0.0.1 for what the attacker is after.
func TestARebindingNameIsConnectedToWhereItWasChecked(t *testing.T) {
	front, behind, port := samePort(t, "127.0.0.3", "127.0.0.1")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "front") }))
	_ = server.Listener.Close()
	server.Listener = front
	server.Start()
	defer server.Close()
	victim := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the victim was reached") }))
	_ = victim.Listener.Close()
	victim.Listener = behind
	victim.Start()
	defer victim.Close()

	dns := newNames(t)
	dns.change("rebinding.test", func(lookup int) []netip.Addr {
		return parseAll([]string{[]string{"127.0.0.3", "127.0.0.1"}[lookup%2]})
	})
	client := Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")}, Resolver: dns.resolver()}.Client(Options{})
	for i := range 6 {
		res, err := client.Get("http://rebinding.test:" + port + "/")
		client.CloseIdleConnections()
		switch {
		case i%2 == 1:
			if !errors.Is(err, ErrRefused) {
				t.Errorf("look-up %d: %v", i, err)
			}
		case err != nil:
			t.Errorf("look-up %d: %v", i, err)
		default:
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(body) != "front" {
				t.Errorf("look-up %d: %q", i, body)
			}
		}
	}
}

// samePort listens on one port of two addresses.
func samePort(t *testing.T, one, other string) (first, second net.Listener, port string) {
	t.Helper()
	var err error
	for range 100 {
		if first, err = net.Listen("tcp", net.JoinHostPort(one, "0")); err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(first.Addr().String())
		if second, err = net.Listen("tcp", net.JoinHostPort(other, port)); err == nil {
			return first, second, port
		}
		_ = first.Close() // somebody has it
	}
	t.Fatal(err)
	return nil, nil, ""
}

func TestRedirectsAreAnswersAndNotFollowed(t *testing.T) {
	victim := newCanary(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"http://127.0.0.2:$port/", "https://127.0.0.2:$port/", "//127.0.0.2:$port/", "http://[::1]:$port/", "gopher://127.0.0.2:$port/", "/again", "%zz", ""} {
			location = strings.ReplaceAll(location, "$port", victim.port)
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}))
			client := Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}.Client(Options{})
			res, err := client.Post(server.URL, "application/json", strings.NewReader("{}"))
			if err != nil && location == "%zz" { // http.Client wants to understand it, Transport does not
				req, _ := http.NewRequest(http.MethodPost, server.URL, nil)
				requests = 0
				res, err = client.Transport.RoundTrip(req)
			}
			if err != nil {
				t.Errorf("%d to %q: %v", status, location, err)
			} else {
				_ = res.Body.Close()
				if res.StatusCode != status || requests != 1 {
					t.Errorf("%d to %q: status %d after %d requests", status, location, res.StatusCode, requests)
				}
			}
			client.CloseIdleConnections()
			server.Close()
		}
	}
	if n := victim.seen.Load(); n > 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestATrustedHostIsReachedAnywhereButOnlyOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	dns := newNames(t)
	dns.put("example.com", "127.0.0.1")
	dns.put("other.example.com", "127.0.0.1")
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	policy := Policy{Resolver: dns.resolver()}
	client := policy.Trusting("Example.com").Client(Options{Roots: roots})
	defer client.CloseIdleConnections()
	res, err := client.Get("https://example.com:" + port)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for _, url := range []string{"http://example.com:" + port, "https://other.example.com:" + port, "https://127.0.0.1:" + port} {
		if _, err := client.Get(url); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := policy.Client(Options{Roots: roots}).Get("https://example.com:" + port); !errors.Is(err, ErrRefused) {
		t.Errorf("trusting one client opened another: %v", err)
	}
}

func TestTheOtherFamilyAnswersWhenTheFirstDoesNot(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close() // on 127.0.0.1 alone
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	dns := newNames(t)
	dns.put("both.test", "::1", "127.0.0.2", "127.0.0.1")
	dns.put("neither.test", "::1", "127.0.0.2")
	client := Policy{Allow: Loopback(), Resolver: dns.resolver()}.Client(Options{})
	defer client.CloseIdleConnections()
	res, err := client.Get("http://both.test:" + port)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	var op *net.OpError
	if _, err := client.Get("http://neither.test:" + port); !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("the failure is %v", err)
	}
}

// Whatever stands in a special block is refused, and so is every IPv6 address that carries it.
func TestEveryAddressOfASpecialBlockIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		block := rapid.SampledFrom(special4).Draw(t, "block")
		raw := block.Addr().As4()
		host := uint32(rapid.Uint64().Draw(t, "host")) & (1<<(32-block.Bits()) - 1)
		binary.BigEndian.PutUint32(raw[:], binary.BigEndian.Uint32(raw[:])|host)
		addr := netip.AddrFrom4(raw)
		for _, text := range notations4(addr) {
			host := strings.NewReplacer("[", "", "]", "", "%25", "%").Replace(text)
			inside, literal, err := literalAddr(host)
			if err != nil || !literal { // refused, or a name for IDNA and DNS: the corpus has those
				continue
			}
			if (Policy{}).check(inside, 443, false) == nil {
				t.Fatalf("%s is allowed as %s", addr, text)
			}
		}
	})
}

// FuzzCheckURL: what CheckURL takes in production can only lead to a name or to a public address.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range tricks {
		f.Add(strings.ReplaceAll(raw, "$port", "8443"))
	}
	for _, text := range []string{"127.0.0.1", "169.254.169.254"} {
		for _, host := range notations4(netip.MustParseAddr(text)) {
			f.Add("https://" + host + "/")
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if (Policy{}).CheckURL(raw) != nil {
			return
		}
		req, err := http.NewRequest(http.MethodPost, raw, nil)
		if err != nil {
			t.Fatalf("%q was taken and cannot be called: %v", raw, err)
		}
		host := req.URL.Hostname()
		if req.URL.Scheme != "https" || req.URL.User != nil || req.URL.Fragment != "" || !ascii(host) {
			t.Fatalf("%q was taken", raw)
		}
		if addr, err := netip.ParseAddr(host); err == nil && !public(addr) {
			t.Fatalf("%q was taken: %s", raw, addr)
		}
		if last := strings.TrimRight(host, "."); last != "" && strings.ContainsAny(last[len(last)-1:], "0123456789") && net.ParseIP(host) == nil {
			if label := last[strings.LastIndexByte(last, '.')+1:]; allDigits(label) {
				t.Fatalf("%q ends in a number", raw)
			}
		}
	})
}

func TestBodiesAreNotUnpacked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if encoding := r.Header.Get("Accept-Encoding"); encoding != "" {
			t.Errorf("we accept %s", encoding)
		}
	}))
	defer server.Close()
	client := Policy{Allow: Loopback()}.Client(Options{})
	defer client.CloseIdleConnections()
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
}
