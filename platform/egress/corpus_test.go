package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The corpus: every special class of addresses, in every notation, as a host in a URL
// and behind a name. $port is where the canary sings.

// classes4 has at least the first and last address of each special block of IPv4.
var classes4 = map[string][]string{
	"this network":     {"0.0.0.0", "0.1.2.3", "0.255.255.255"},
	"private":          {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"},
	"CGNAT":            {"100.64.0.0", "100.100.100.200", "100.127.255.255"},
	"loopback":         {"127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255"},
	"link-local":       {"169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255"},
	"IETF":             {"192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.192", "192.0.0.255"},
	"documentation":    {"192.0.2.0", "192.0.2.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255"},
	"AS112 and AMT":    {"192.31.196.0", "192.31.196.255", "192.52.193.0", "192.52.193.255", "192.175.48.0", "192.175.48.255"},
	"6to4 relay":       {"192.88.99.0", "192.88.99.1", "192.88.99.255"},
	"benchmarks":       {"198.18.0.0", "198.19.255.255"},
	"multicast":        {"224.0.0.0", "224.0.0.1", "239.255.255.250", "239.255.255.255"},
	"reserved":         {"240.0.0.0", "254.1.1.1", "255.255.255.254"},
	"broadcast":        {"255.255.255.255"},
	"clouds' metadata": {"169.254.169.253", "192.0.0.192", "100.100.100.200", "168.63.129.16"},
}

var classes6 = map[string][]string{
	"unspecified and loopback": {"::", "::1"},
	"mapped":                   {"::ffff:0:0", "::ffff:7f00:1", "::ffff:a9fe:a9fe"},
	"compatible":               {"::2", "::7f00:1", "::ffff"},
	"translated":               {"::ffff:0:7f00:1", "::ffff:0:a00:1"},
	"NAT64":                    {"64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:7f00:1"},
	"discard and dummy":        {"100::", "100::1", "100:0:0:1::", "100:0:0:1::1"},
	"IETF":                     {"2001::", "2001:1::1", "2001:1::2", "2001:1::3", "2001:1ff:ffff::"},
	"Teredo":                   {"2001::7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe"},
	"benchmarks":               {"2001:2::", "2001:2:0:ffff::"},
	"AMT and AS112":            {"2001:3::", "2001:4:112::", "2620:4f:8000::", "2620:4f:8000:ffff::1"},
	"ORCHID":                   {"2001:10::", "2001:1f:ffff::", "2001:20::", "2001:2f:ffff::"},
	"DRIP":                     {"2001:30::", "2001:3f:ffff::"},
	"documentation":            {"2001:db8::", "2001:db8:ffff::1", "3fff::", "3fff:fff:ffff::"},
	"6to4":                     {"2002::", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:ffff::"},
	"6bone":                    {"3ffe::1"},
	"SRv6":                     {"5f00::", "5f00::1", "5f00:ffff::"},
	"unique local":             {"fc00::", "fd00:ec2::254", "fdff:ffff::1"},
	"link-local":               {"fe80::", "fe80::1", "fe80::a9fe:a9fe", "febf:ffff::1"},
	"site local":               {"fec0::1", "feff:ffff::1"},
	"multicast":                {"ff00::", "ff02::1", "ff05::2", "ffff:ffff::1"},
	"ISATAP":                   {"2606:4700::5efe:7f00:1", "2606:4700::200:5efe:10.0.0.1"},
	"not given out":            {"1::1", "200::1", "400::1", "1fff::1", "4000::1", "8000::1", "e000::1", "fe00::1"},
}

// notations4 are the ways to write an IPv4 address as a host: those of inet_aton,
// of the URL standard, of Unicode, and those that hide it in IPv6.
func notations4(addr netip.Addr) []string {
	b := addr.As4()
	whole, tail := binary.BigEndian.Uint32(b[:]), binary.BigEndian.Uint32(b[:])&0xffffff
	hex := fmt.Sprintf("%x:%x", whole>>16, whole&0xffff)
	return []string{
		addr.String(),
		addr.String() + ".",
		fmt.Sprintf("%d", whole), fmt.Sprintf("%d.", whole), // decimal
		fmt.Sprintf("0x%x", whole), fmt.Sprintf("0X%08X", whole), // hexadecimal
		fmt.Sprintf("0%o", whole),                                                                                              // octal
		fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),                                                             // dotted hexadecimal
		fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]),                                                                 // dotted octal
		fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]),                                                             // zeros in front
		fmt.Sprintf("%d.%d", b[0], tail), fmt.Sprintf("%d.%d.%d", b[0], b[1], tail&0xffff), fmt.Sprintf("0x%x.%d", b[0], tail), // short
		fmt.Sprintf("%d.0x%x.0%o.%d", b[0], b[1], b[2], b[3]), // mixed
		fmt.Sprintf("%d", uint64(whole)+1<<32),                // overflowing
		wide(addr.String(), '０'), wide(addr.String(), '𝟎'), strings.ReplaceAll(addr.String(), ".", "。"), strings.ReplaceAll(addr.String(), ".", "%2e"),
		"[::ffff:" + addr.String() + "]", "[::ffff:" + hex + "]", "[0:0:0:0:0:ffff:" + addr.String() + "]", "[::" + addr.String() + "]",
		"[::ffff:0:" + addr.String() + "]", "[64:ff9b::" + addr.String() + "]", "[64:ff9b:1::" + hex + "]", "[2002:" + hex + "::1]",
		fmt.Sprintf("[2001:0:4136:e378:8000:63bf:%x:%x]", ^whole>>16, ^whole&0xffff), // Teredo
		"[2606:4700::5efe:" + addr.String() + "]",
		"[::ffff:" + addr.String() + "%25lo]",
	}
}

// wide writes digits in another block of Unicode, which IDNA maps back.
func wide(text string, zero rune) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, text)
}

// tricks are URLs that say one thing and mean another.
var tricks = []string{
	"https://public.test@127.0.0.1:$port/", "https://public.test:443@127.0.0.1:$port/", "https://8.8.8.8@127.0.0.1:$port/",
	"https://127.0.0.1:$port\\@public.test/", "https://public.test\\@127.0.0.1:$port/", "https://127.0.0.1:$port#@public.test/",
	"https://127.0.0.1:$port?@public.test/", "https://127.0.0.1:$port/@public.test", "https:127.0.0.1:$port/", "https:///127.0.0.1:$port/",
	"https://127.0.0.1:$port\t/", "https://127.0.0.1\x00.public.test:$port/", "https://127.0.0.1%00.public.test:$port/", "https:// 127.0.0.1:$port/",
	"https://localhost:$port/", "https://LOCALHOST:$port/", "https://localhost.:$port/", "https://ip6-localhost:$port/", "https://ⓛocalhost:$port/",
	"https://[::1%25lo]:$port/", "https://[fe80::1%25lo]:$port/", "https://[fe80::1%25eth0]:$port/", "https://[fe80::1%251]:$port/",
	"https://[2606:4700:4700::1111%25lo]:$port/", "https://[::1]:$port@public.test/",
	"http://127.0.0.1:$port/", "http://[::1]:$port/", "http://8.8.8.8/", "http://[2606:4700:4700::1111]/", "http://public.test/", // plain
	"https://8.8.8.8:25/", "https://8.8.8.8:22/", "https://[2606:4700:4700::1111]:6667/", "https://public.test:110/", // bad ports
	"https://8.8.8.8:0/", "https://8.8.8.8:65536/", "https://8.8.8.8:-1/", "https://8.8.8.8:443443/", "https://8.8.8.8:http/",
	"gopher://127.0.0.1:$port/", "file:///etc/passwd", "ftp://127.0.0.1:$port/", "unix:///run/docker.sock", "//127.0.0.1:$port/",
}

// corpus is every URL, and the names that they need.
func corpus(dns *names) (urls []string) {
	add := func(host string) { urls = append(urls, "https://"+host+":$port/") }
	behind := func(addrs ...string) {
		name := fmt.Sprintf("n%d.corpus.test", len(urls))
		dns.put(name, addrs...)
		add(name)
	}
	for _, list := range classes4 {
		for _, text := range list {
			for _, host := range notations4(netip.MustParseAddr(text)) {
				add(host)
			}
			behind(text)
			behind("::ffff:" + text)
			behind("8.8.8.8", text) // a name is only as good as its worst address
			behind(text, "8.8.8.8")
			behind("2606:4700:4700::1111", "8.8.8.8", text)
		}
	}
	for _, list := range classes6 {
		for _, text := range list {
			addr := netip.MustParseAddr(text)
			add("[" + text + "]")
			add("[" + addr.StringExpanded() + "]")
			add("[" + strings.ToUpper(text) + "]")
			add("[" + text + "%25lo]")
			behind(text)
			behind("8.8.8.8", text)
			behind("2606:4700:4700::1111", text)
		}
	}
	dns.put("public.test", "8.8.8.8")
	for _, name := range []string{"metadata.google.internal", "metadata", "instance-data"} {
		dns.put(name, "169.254.169.254")
		add(name)
	}
	dns.change("rebinding.test", func(lookup int) []netip.Addr { // the second of two look-ups would be let through
		return parseAll([]string{[]string{"127.0.0.1", "8.8.8.8"}[min(lookup, 1)]})
	})
	add("rebinding.test")
	return append(urls, tricks...)
}

// canary counts who comes by on every address of this machine.
type canary struct {
	port string
	seen atomic.Int64
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{}
	_, c.port, _ = net.SplitHostPort(listener.Addr().String())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.seen.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return c
}

func TestTheWholeCorpusIsRefused(t *testing.T) {
	sings := newCanary(t)
	stranger := newCanary(t) // the environment's proxy
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+stranger.port)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	asked, _ := http.NewRequest(http.MethodGet, "https://public.test/", nil)
	if via, err := http.ProxyFromEnvironment(asked); err != nil || via == nil {
		t.Fatalf("the environment's proxy is not in force: %v, %v", via, err)
	}
	proxy := newProxy(t, nil)
	for name, policy := range map[string]Policy{"directly": {}, "through the operator's proxy": {Proxy: proxy.url(t)}} {
		t.Run(name, func(t *testing.T) {
			dns := newNames(t)
			urls := corpus(dns)
			policy.Resolver = dns.resolver()
			client := policy.Client(Options{Timeout: 5 * time.Second})
			refused := 0
			for _, raw := range urls {
				raw = strings.ReplaceAll(raw, "$port", sings.port)
				if why := refusal(client, raw); why != "" {
					t.Errorf("%q: %s", raw, why)
					continue
				}
				refused++
			}
			t.Logf("%d of %d refused", refused, len(urls))
		})
	}
	if n := sings.seen.Load(); n > 0 {
		t.Errorf("%d connections reached this machine", n)
	}
	if n := stranger.seen.Load(); n > 0 {
		t.Errorf("%d connections reached the environment's proxy", n)
	}
	if asked := proxy.targets(); len(asked) > 0 {
		t.Errorf("the operator's proxy was asked for %v", asked)
	}
}

// refusal posts to a URL; "" if it was refused, or if it is none.
func refusal(client *http.Client, raw string) string {
	req, err := http.NewRequest(http.MethodPost, raw, strings.NewReader("{}"))
	if err != nil {
		return ""
	}
	res, err := client.Do(req)
	var unknown *net.DNSError
	var unusable *url.Error
	switch {
	case err == nil:
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return "answered " + res.Status
	case errors.Is(err, ErrRefused):
		return ""
	case errors.As(err, &unknown) && unknown.IsNotFound: // a name that nobody has leads nowhere
		return ""
	case errors.As(err, &unusable) && (strings.Contains(err.Error(), "no Host") || strings.Contains(err.Error(), "unsupported protocol scheme")):
		return ""
	}
	return "not refused: " + err.Error()
}

// What the corpus calls special must be refused by its address alone; and what is not must not.
func TestOnlyPublicUnicastIsAllowed(t *testing.T) {
	for _, table := range []map[string][]string{classes4, classes6} {
		for class, list := range table {
			for _, text := range list {
				if (Policy{}).check(netip.MustParseAddr(text), 443, false) == nil {
					t.Errorf("%s (%s) is allowed", text, class)
				}
			}
		}
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700:4700::1111",
		"2620:4f:7fff::1", "2a00:1450::1", "3ffd::1", "::ffff:8.8.8.8",
	} {
		addr := netip.MustParseAddr(text)
		if err := (Policy{}).check(addr, 443, false); err != nil {
			t.Errorf("%s is refused", text)
		}
		if (Policy{}).check(addr, 80, true) == nil {
			t.Errorf("%s is allowed without TLS", text)
		}
	}
}
