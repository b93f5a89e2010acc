package webhook

import (
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func message(t *testing.T, url string) Message {
	t.Helper()
	key, err := newSigningSecret()
	if err != nil {
		t.Fatal(err)
	}
	return Message{ID: "evt_1", URL: url, Secrets: []Secret{{ID: "whs_1", Key: key}}, Body: []byte(`{"id":"evt_1"}`)}
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
	s := NewSender(Egress{Allow: Loopback()}, roots)
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
	if got := post(t, devSender(t, nil), server.URL); got.Delivered() || got.Status != 307 || followed {
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
	production := NewSender(Egress{}, nil)
	defer production.Close()
	for _, url := range []string{server.URL, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://0:" + port, "http://127.0.0.1:" + port} {
		if got := post(t, production, url); got.Failure != "refused" && got.Failure != "dns" {
			t.Errorf("%s: %+v", url, got)
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
	for url, want := range map[string]string{
		"http://" + closed.Addr().String(): "connect",
		server.URL:                         "tls", // its certificate is nobody's
		"https://no-such-host.invalid/":    "dns",
	} {
		if got := post(t, devSender(t, nil), url); got.Failure != want {
			t.Errorf("%s: failure %q, want %q", url, got.Failure, want)
		}
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
