package webhook

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/secret"
)

func message(t *testing.T, url string) Message {
	t.Helper()
	key, err := newSigningSecret()
	if err != nil {
		t.Fatal(err)
	}
	return Message{ID: "evt_1", Endpoint: "we_1", URL: url, Secrets: []Secret{{ID: "whs_1", Key: key}}, Body: []byte(`{"id":"evt_1"}`)}
}

func post(t *testing.T, s *Sender, url string) Answer {
	t.Helper()
	answer, err := s.Send(t.Context(), message(t, url), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func devSender(t *testing.T, roots *x509.CertPool) *Sender {
	s := NewSender(egress.Policy{Allow: egress.Loopback()}, NewSigner(secret.RandomPepper()), roots)
	t.Cleanup(s.Close)
	return s
}

// quietTLS is a TLS server that does not log the handshakes it is meant to fail.
func quietTLS(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	return server
}

func TestSenderReportsStatusBodyAndRetryAfter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "busy")
	}))
	defer server.Close()
	got := post(t, devSender(t, nil), server.URL)
	if got.Delivered() || got.Status != 503 || got.Failure != "status" || got.RetryAfter != 2*time.Minute || string(got.Response) != "busy" || got.RemoteIP != "127.0.0.1" {
		t.Fatalf("answer %+v", got)
	}
}

func TestSenderKeepsAtMost16KiBOfTheResponse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	defer server.Close()
	if got := post(t, devSender(t, nil), server.URL); !got.Delivered() || len(got.Response) != 16<<10 {
		t.Fatalf("status %d, %d bytes kept", got.Status, len(got.Response))
	}
}

func TestSenderDoesNotFollowRedirects(t *testing.T) {
	var followed bool
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer target.Close()
	server := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	if got := post(t, devSender(t, nil), server.URL); got.Delivered() || got.Status != 307 || got.Failure != FailureRedirect || followed {
		t.Fatalf("answer %+v, followed %v", got, followed)
	}
}

func TestSenderTakesTheStatusOfADrippingBody(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	got := post(t, devSender(t, nil), server.URL)
	if !got.Delivered() || got.Duration > bodyTimeout+2*time.Second {
		t.Fatalf("answer %+v after %s", got.Status, got.Duration)
	}
}

func TestSenderRefusesPrivateAddressesWhenConnecting(t *testing.T) {
	server := quietTLS(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	production := NewSender(egress.Policy{}, NewSigner(secret.RandomPepper()), nil)
	defer production.Close()
	for _, url := range []string{server.URL, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://0:" + port, "http://127.0.0.1:" + port} {
		if got := post(t, production, url); got.Failure != "refused" && got.Failure != "dns" {
			t.Errorf("%s: %+v", url, got)
		}
	}
}

// rawServer answers each connection in its own words.
func rawServer(t *testing.T, serve func(n int, conn net.Conn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(n, conn)
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	return "http://" + listener.Addr().String() + "/hooks?token=canary"
}

// say reads a request and answers with text.
func say(text string) func(int, net.Conn) {
	return func(_ int, conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, text)
		}
	}
}

func TestSenderNamesTheFailure(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	server := quietTLS(http.NotFoundHandler())
	defer server.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	const untilGone = 20 * time.Second // the sender hangs up long before
	silent := rawServer(t, func(_ int, conn net.Conn) {
		_ = conn.SetReadDeadline(time.Now().Add(untilGone))
		_, _ = io.Copy(io.Discard, conn)
	})
	redirect := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "%zz")
		w.WriteHeader(http.StatusMovedPermanently)
	}))
	defer redirect.Close()
	var sends sync.WaitGroup
	for _, c := range []struct{ name, url, want string }{
		{"nobody listens", "http://" + closed.Addr().String(), FailureConnect},
		{"nobody's certificate", server.URL, FailureTLS},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), FailureTLS},
		{"no such name", "https://no-such-host.invalid/", FailureDNS},
		{"a private address", "https://10.0.0.1/?token=canary", FailureRefused},
		{"404", plain.URL, FailureStatus},
		{"410", rawServer(t, say("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")), FailureStatus},
		{"a redirect to nowhere", redirect.URL, FailureRedirect},
		{"304", rawServer(t, say("HTTP/1.1 304 Not Modified\r\n\r\n")), FailureRedirect},
		{"no answer", silent, FailureResponseTimeout},
		{"no handshake", strings.Replace(silent, "http:", "https:", 1), FailureConnectTimeout},
		{"half an answer, then silence", rawServer(t, func(n int, conn net.Conn) {
			say("HTTP/1.1 200 OK\r\nX: ")(n, conn)
			_ = conn.SetReadDeadline(time.Now().Add(untilGone))
			_, _ = io.Copy(io.Discard, conn)
		}), FailureResponseTimeout},
		{"an end before an answer", rawServer(t, say("")), FailureReset},
		{"an end within an answer", rawServer(t, say("HTTP/1.1 200 OK\r\nX: ")), FailureReset},
		{"a reset", rawServer(t, func(_ int, conn net.Conn) {
			_, _ = conn.Read(make([]byte, 10))
			_ = conn.(*net.TCPConn).SetLinger(0)
		}), FailureReset},
		{"another protocol", rawServer(t, say("SSH-2.0-OpenSSH_9.6\r\n\r\n")), FailureMalformed},
		{"an endless header", rawServer(t, say("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2*maxResponseHeader)+"\r\n\r\n")), FailureMalformed},
		{"endless hints", rawServer(t, say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", maxResponseHeader/10))), FailureMalformed},
		{"many headers", rawServer(t, say("HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", maxResponseHeader/2)+"\r\n")), FailureMalformed},
	} {
		sender, m, patience := devSender(t, nil), message(t, c.url), sendTimeout
		if strings.HasSuffix(c.want, "_timeout") {
			patience = 5 * time.Second
		}
		sends.Go(func() { // at the same time, for some take all their patience
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := sender.Send(ctx, m, time.Now())
			if err != nil || got.Failure != c.want || got.Delivered() {
				t.Errorf("%s: failure %q, want %q (status %d, error %v)", c.name, got.Failure, c.want, got.Status, err)
			}
		})
	}
	sends.Wait()
}

func TestSenderTellsWhenEachStepWasDone(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer secure.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	s := devSender(t, roots)

	byName := post(t, s, strings.Replace(plain.URL, "127.0.0.1", "localhost", 1))
	if at := byName.Steps; at.DNS <= 0 || at.Connect < at.DNS || at.TLS != 0 || at.FirstByte < at.Connect || byName.Duration < at.FirstByte {
		t.Errorf("by name: %+v of %s", at, byName.Duration)
	}
	first := post(t, s, secure.URL)
	if at := first.Steps; at.DNS != 0 || at.Connect <= 0 || at.TLS < at.Connect || at.FirstByte < at.TLS || first.Duration < at.FirstByte {
		t.Errorf("by address, over TLS: %+v of %s", at, first.Duration)
	}
	again := post(t, s, secure.URL)
	if at := again.Steps; at.DNS != 0 || at.Connect != 0 || at.TLS != 0 || at.FirstByte <= 0 || again.RemoteIP != "127.0.0.1" {
		t.Errorf("on the same connection: %+v from %s", at, again.RemoteIP)
	}
	foreign := post(t, devSender(t, nil), quietTLSURL(t))
	if at := foreign.Steps; at.Connect <= 0 || at.TLS != 0 || at.FirstByte != 0 || foreign.Failure != FailureTLS {
		t.Errorf("without a handshake: %+v, %s", at, foreign.Failure)
	}
}

func quietTLSURL(t *testing.T) string {
	server := quietTLS(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

// A server that closes an idle connection just when we use it has not failed.
func TestSenderTakesAnotherConnectionWhenTheIdleOneEnds(t *testing.T) {
	var requests atomic.Int64
	url := rawServer(t, func(n int, conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if _, sent := req.Header["X-Idempotency-Key"]; sent {
				t.Error("the mark for net/http was sent")
			}
			if requests.Add(1) == 2 {
				return // without a word
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	s := devSender(t, nil)
	for range 2 {
		if got := post(t, s, url); !got.Delivered() {
			t.Fatalf("answer %+v", got)
		}
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests, want 3: one, and two tries of the other", n)
	}
}

func TestSenderUsesAConnectionAgainAfterALongAnswer(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	s := devSender(t, nil)
	for range 5 {
		if got := post(t, s, server.URL); !got.Delivered() || len(got.Response) != maxResponse {
			t.Fatalf("answer %+v", got)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestSenderDeliversOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if got := post(t, devSender(t, roots), server.URL); !got.Delivered() {
		t.Fatalf("answer %+v", got)
	}
}

func TestSenderSpeaksHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || len(body) == 0 || r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Header().Set("X", strings.Repeat("x", 1<<10))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := devSender(t, roots)
	first := post(t, s, server.URL)
	if at := first.Steps; !first.Delivered() || at.Connect <= 0 || at.TLS < at.Connect || at.FirstByte < at.TLS {
		t.Errorf("answer %+v", first)
	}
	if again := post(t, s, server.URL); !again.Delivered() || again.Steps.TLS != 0 {
		t.Errorf("on the same connection: %+v", again)
	}
}

// BenchmarkSend is one request to one receiver on this machine, at as many at a time
// as a dispatcher has places for it.
func BenchmarkSend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for _, body := range []int{1 << 10, 16 << 10} {
		b.Run(strconv.Itoa(body>>10)+"KiB", func(b *testing.B) {
			s := NewSender(egress.Policy{Allow: egress.Loopback()}, NewSigner(secret.RandomPepper()), nil)
			defer s.Close()
			key, err := newSigningSecret()
			if err != nil {
				b.Fatal(err)
			}
			m := Message{ID: "evt_1", Endpoint: "we_1", URL: server.URL, Secrets: []Secret{{ID: "whs_1", Key: key}}, Body: make([]byte, body)}
			b.SetParallelism(4)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if answer, err := s.Send(b.Context(), m, time.Now()); err != nil || !answer.Delivered() {
						b.Errorf("%+v, %v", answer, err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkSign is what of that is the signatures.
func BenchmarkSign(b *testing.B) {
	signer := NewSigner(secret.RandomPepper())
	key, err := newSigningSecret()
	if err != nil {
		b.Fatal(err)
	}
	m := Message{ID: "evt_1", Endpoint: "we_1", Secrets: []Secret{{ID: "whs_1", Key: key}}, Body: make([]byte, 1<<10)}
	b.ReportAllocs()
	for b.Loop() {
		if err := signer.sign(http.Header{}, m, "https://a.example/", time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
