package egress

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// proxy is an operator's proxy that notes what it is asked for.
type proxy struct {
	listener net.Listener
	answer   func(*http.Request) string // what to say instead of connecting; "" connects

	mu    sync.Mutex
	asked []*http.Request
}

func newProxy(t *testing.T, answer func(*http.Request) string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, answer: answer}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	return p
}

func (p *proxy) url(t *testing.T) *url.URL {
	t.Helper()
	u, err := ParseProxy("http://sluice:let-me@" + p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (p *proxy) targets() (hosts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.asked {
		hosts = append(hosts, r.Method+" "+r.Host)
	}
	return hosts
}

func (p *proxy) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, req)
	p.mu.Unlock()
	if p.answer != nil {
		if text := p.answer(req); text != "" {
			_, _ = io.WriteString(conn, text)
			return
		}
	}
	to, err := net.Dial("tcp", req.Host)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { defer func() { _ = to.Close() }(); _, _ = io.Copy(to, in) }()
	_, _ = io.Copy(conn, to)
}

func TestTheProxyIsAskedForTheCheckedAddressAndTLSForTheName(t *testing.T) {
	var name string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name = r.TLS.ServerName
		_, _ = io.WriteString(w, "here")
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	dns := newNames(t)
	dns.put("example.com", "127.0.0.1") // httptest's certificate is for this name
	through := newProxy(t, nil)
	policy := Policy{Allow: Loopback(), Proxy: through.url(t), Resolver: dns.resolver()}
	client := policy.Client(Options{Roots: roots})
	defer client.CloseIdleConnections()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	res, err := client.Get("https://example.com:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "here" || name != "example.com" || !slices.Equal(through.targets(), []string{"CONNECT 127.0.0.1:" + port}) {
		t.Errorf("body %q, name %q, the proxy was asked for %v", body, name, through.targets())
	}
	if got := through.asked[0].Header.Get("Proxy-Authorization"); got != "Basic c2x1aWNlOmxldC1tZQ==" {
		t.Errorf("Proxy-Authorization is %q", got)
	}
}

func TestPlainHTTPGoesThroughATunnelToo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	defer server.Close()
	through := newProxy(t, nil)
	client := Policy{Allow: Loopback(), Proxy: through.url(t)}.Client(Options{})
	defer client.CloseIdleConnections()
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if want := "CONNECT " + server.Listener.Addr().String(); !slices.Equal(through.targets(), []string{want}) {
		t.Errorf("the proxy was asked for %v, want %s", through.targets(), want)
	}
}

func TestWhatAProxyAnswersIsTheOperatorsOrTheReceivers(t *testing.T) {
	for answer, wants := range map[string]func(error) bool{
		"HTTP/1.1 403 Forbidden\r\n\r\n":                            func(err error) bool { return errors.Is(err, ErrRefused) },
		"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n":        func(err error) bool { return errors.Is(err, ErrProxy) },
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n": func(err error) bool { return errors.Is(err, ErrProxy) },
		"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n":            func(err error) bool { return errors.Is(err, ErrProxy) }, // it talks into the tunnel
		"hello": func(err error) bool { return errors.Is(err, ErrProxy) },
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxConnectAnswer) + "\r\n\r\n": func(err error) bool { return errors.Is(err, ErrProxy) },
		"HTTP/1.1 502 Bad Gateway\r\n\r\n": func(err error) bool {
			var op *net.OpError
			return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, ErrProxy)
		},
	} {
		through := newProxy(t, func(*http.Request) string { return answer })
		client := Policy{Proxy: through.url(t)}.Client(Options{})
		_, err := client.Get("https://8.8.8.8/")
		if err == nil || !wants(err) {
			t.Errorf("%.60q became %v", answer, err)
		}
		if err != nil && strings.Contains(err.Error(), "let-me") {
			t.Errorf("%.60q: the error shows the password: %v", answer, err)
		}
	}
}

func TestAProxyThatIsNotThereIsOurFailure(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	nowhere, _ := ParseProxy("http://" + closed.Addr().String())
	if _, err := (Policy{Proxy: nowhere}).Client(Options{}).Get("https://8.8.8.8/"); !errors.Is(err, ErrProxy) {
		t.Errorf("the failure is %v", err)
	}
}

func TestASilentProxyEndsWithTheCall(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: the kernel does, and nothing follows
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	silent, _ := ParseProxy("http://" + listener.Addr().String())
	_, err = Policy{Proxy: silent}.Client(Options{Timeout: 100_000_000}).Get("https://8.8.8.8/")
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("the failure is %v", err)
	}
}

func TestProxySettingsAreReadWithoutShowingThem(t *testing.T) {
	for raw, fine := range map[string]bool{
		"http://proxy:4750": true, "https://user:hunter2@proxy.example:8443/": true, "proxy:4750": false, "socks5://user:hunter2@proxy": false,
		"http://user:hunter2@proxy/path": false, "http://user:hunter2@": false, "http://proxy/?hunter2": false, "http://user:hunter2@proxy:x": false, "": false,
	} {
		_, err := ParseProxy(raw)
		if (err == nil) != fine {
			t.Errorf("%q: %v", raw, err)
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%q: the error shows the password", raw)
		}
	}
}
