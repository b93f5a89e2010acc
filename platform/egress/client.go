package egress

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"
)

// Options are what callers differ in; zero fields get the defaults.
type Options struct {
	Roots       *x509.CertPool // default: the system's
	MaxHeader   int64          // bytes of a response's header, default 64 KiB
	Idle        int            // connections kept for later, default 64
	IdlePerHost int            // of these to one host, default 8
	Timeout     time.Duration  // of a call with its body; default none: the caller's context bounds it
}

// Client makes calls under the policy. It follows no redirects, reads no
// environment, and does not unpack what it was not asked to unpack: a body has the
// size it has on the wire.
func (p Policy) Client(o Options) *http.Client {
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     p.Transport(o),
	}
}

// Transport is what Client sends with. It keeps connections with and without TLS
// apart, because the rules for them differ.
type Transport struct{ secure, plain *http.Transport }

// Transport makes one, with a pool of its own.
func (p Policy) Transport(o Options) *Transport {
	return &Transport{secure: p.transport(o, false), plain: p.transport(o, true)}
}

func (p Policy) transport(o Options, plain bool) *http.Transport {
	orDefault := func(n, usual int) int {
		if n == 0 {
			return usual
		}
		return n
	}
	return &http.Transport{
		Proxy:       nil, // see Policy.Proxy
		DialContext: dialer{policy: p, plain: plain}.dial,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: o.Roots, ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
		},
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second}, // all of a host share one connection: notice its death
		DisableCompression:     true,
		MaxIdleConns:           orDefault(o.Idle, 64),
		MaxIdleConnsPerHost:    orDefault(o.IdlePerHost, 8),
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: int64(orDefault(int(o.MaxHeader), 64<<10)),
	}
}

// sessions is how many TLS sessions are remembered for a cheaper handshake.
const sessions = 1024

// RoundTrip sends one request; every scheme but https is treated as plain.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return t.secure.RoundTrip(r)
	}
	return t.plain.RoundTrip(r)
}

// CloseIdleConnections ends what nobody uses.
func (t *Transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	t.plain.CloseIdleConnections()
}
