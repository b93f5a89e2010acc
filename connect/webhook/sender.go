package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/platform/db"
)

const (
	sendTimeout = 10 * time.Second
	// bodyTimeout bounds how long we listen to a body once the status has decided.
	bodyTimeout = time.Second
	// maxResponse is how much of a response the attempt log keeps.
	maxResponse       = 16 << 10
	maxResponseHeader = 64 << 10
)

// Message is one event on its way to one URL.
type Message struct {
	ID      string // the event's id: the same on every try
	URL     string
	Secrets []Secret // the live ones, the newest first
	Body    []byte
}

// Answer is what came of one try.
type Answer struct {
	Status     int    // HTTP status, 0 when there was no answer
	Failure    string // "" after 2xx; else a class: status, timeout, dns, connect, tls, refused, other
	RemoteIP   string
	Response   []byte // at most 16 KiB
	RetryAfter time.Duration
	Duration   time.Duration
}

// Delivered reports whether the receiver took the event.
func (a Answer) Delivered() bool { return a.Status >= 200 && a.Status <= 299 }

// Sender posts messages. It follows no redirects, uses no proxy, and connects
// only where its Egress allows.
type Sender struct {
	clients map[string]*http.Client // by URL scheme
}

// NewSender makes a sender; roots nil means the system's certificate authorities.
func NewSender(egress Egress, roots *x509.CertPool) *Sender {
	return &Sender{
		clients: map[string]*http.Client{
			"https": newClient(egress, false, roots),
			"http":  newClient(egress, true, roots),
		},
	}
}

func newClient(egress Egress, plain bool, roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: sendTimeout, Control: egress.control(plain)}
	return &http.Client{
		Timeout:       sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxResponseHeader,
		},
	}
}

// Close ends idle connections.
func (s *Sender) Close() {
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
}

// Send signs a message as of at and posts it. What the receiver or the network
// does wrong is in the answer; an error means that we could not even try.
func (s *Sender) Send(ctx context.Context, m Message, at time.Time) (Answer, error) {
	if db.Inside(ctx) {
		return Answer{}, errors.New("webhook: sending inside a transaction")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var answer Answer
	req, err := s.request(ctx, m, at, &answer)
	if err != nil {
		return Answer{}, err
	}
	start := time.Now()
	res, err := s.clients[req.URL.Scheme].Do(req)
	if err != nil {
		answer.Duration, answer.Failure = time.Since(start), classify(err)
		return answer, nil
	}
	defer func() { _ = res.Body.Close() }()
	slow := time.AfterFunc(bodyTimeout, cancel)
	defer slow.Stop()
	answer.Response, _ = io.ReadAll(io.LimitReader(res.Body, maxResponse)) // the status has decided; a broken body changes nothing
	answer.Duration, answer.Status = time.Since(start), res.StatusCode
	if !answer.Delivered() {
		answer.Failure = "status"
		answer.RetryAfter = parseRetryAfter(res.Header.Get("Retry-After"), at)
	}
	return answer, nil
}

func (s *Sender) request(ctx context.Context, m Message, at time.Time, answer *Answer) (*http.Request, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if to, ok := c.Conn.RemoteAddr().(*net.TCPAddr); ok {
			answer.RemoteIP = to.IP.String()
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("webhook: endpoint has an unusable URL")
	}
	if s.clients[req.URL.Scheme] == nil {
		return nil, errors.New("webhook: endpoint's URL is neither https nor http")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", userAgent)
	return req, sign(req.Header, m.Secrets, m.ID, at, m.Body)
}

// classify names a failure without its text, which may hold the URL's query.
func classify(err error) string {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		ue   *url.Error
		op   *net.OpError
	)
	switch {
	case errors.Is(err, errEgress):
		return "refused"
	case errors.As(err, &dns):
		return "dns"
	case errors.As(err, &ue) && ue.Timeout():
		return "timeout"
	case errors.As(err, &cert), errors.As(err, &rec):
		return "tls"
	case errors.As(err, &op) && op.Op == "dial":
		return "connect"
	}
	return "other"
}

// parseRetryAfter reads both forms: seconds and an HTTP date.
func parseRetryAfter(value string, at time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if until, err := http.ParseTime(value); err == nil && until.After(at) {
		return until.Sub(at)
	}
	return 0
}
