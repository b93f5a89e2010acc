package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/egress"
)

const (
	sendTimeout = 10 * time.Second
	// bodyTimeout bounds how long we listen to a body once the status has decided.
	bodyTimeout = time.Second
	// maxResponse is how much of a response the attempt log keeps.
	maxResponse       = 16 << 10
	maxResponseHeader = 64 << 10
	// maxDrain is how much more of a body is read away so that its connection can be used again.
	maxDrain = 256 << 10
)

// The pool of connections. A place in it costs about 30 KB on our side; one that is
// missing costs a handshake.
const (
	idleConns        = 1024
	idleConnsPerHost = 64
)

// Message is one event on its way to one URL.
type Message struct {
	ID       string // the event's id: the same on every try
	Endpoint string // whose secrets these are
	URL      string
	Secrets  []Secret // the live ones, the newest first
	Body     []byte
}

// Answer is what came of one try.
type Answer struct {
	Status     int    // HTTP status, 0 when there was no answer
	Failure    string // "" after 2xx; else one of the failures below
	RemoteIP   string
	Response   []byte // at most 16 KiB
	RetryAfter time.Duration
	Duration   time.Duration
	Steps      Steps
}

// Steps are when each step of a try was done, counted from its start. Zero is a step
// that was not needed or not reached: a connection used again has only a first byte.
type Steps struct {
	DNS, Connect, TLS, FirstByte time.Duration
}

// What can go wrong with a try. Most are the receiver's; FailureProxy and FailureOther are ours.
const (
	FailureStatus          = "status"           // an answer, but neither 2xx nor 3xx
	FailureRedirect        = "redirect"         // 3xx, which is not followed
	FailureConnectTimeout  = "connect_timeout"  // no connection in time, TLS included
	FailureResponseTimeout = "response_timeout" // a connection, but no answer in time
	FailureDNS             = "dns"              // the name has no address
	FailureConnect         = "connect"          // nobody listens there
	FailureTLS             = "tls"              // no agreement, or a certificate that does not prove the name
	FailureRefused         = "refused"          // we do not send there, see platform/egress
	FailureReset           = "reset"            // the connection ended without an answer
	FailureMalformed       = "malformed"        // what came is not an answer, or its header is too large
	FailureProxy           = "proxy"            // the operator's proxy failed
	FailureOther           = "other"
)

// Delivered reports whether the receiver took the event.
func (a Answer) Delivered() bool { return a.Status >= 200 && a.Status <= 299 }

// Sender posts messages, only where platform/egress lets it.
type Sender struct {
	transport *egress.Transport // no http.Client: nothing of a redirect is even read
	signer    *Signer
}

// NewSender makes a sender; roots nil means the system's certificate authorities.
func NewSender(policy egress.Policy, signer *Signer, roots *x509.CertPool) *Sender {
	return &Sender{
		transport: policy.Transport(egress.Options{
			Roots: roots, MaxHeader: maxResponseHeader, Idle: idleConns, IdlePerHost: idleConnsPerHost,
		}),
		signer: signer,
	}
}

// Close ends idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send signs a message as of at and posts it. What the receiver or the network
// does wrong is in the answer; an error means that we could not even try.
func (s *Sender) Send(ctx context.Context, m Message, at time.Time) (Answer, error) {
	if db.Inside(ctx) {
		return Answer{}, errors.New("webhook: sending inside a transaction")
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	trip := newTrip()
	req, err := s.request(trip.watch(ctx), m, at)
	if err != nil {
		return Answer{}, err
	}
	res, err := s.transport.RoundTrip(req)
	if err != nil {
		return trip.failed(err), nil
	}
	defer func() { _ = res.Body.Close() }()
	answer := trip.answered(res.StatusCode)
	answer.Response = read(res, cancel)
	answer.Duration = trip.sofar()
	if !answer.Delivered() {
		answer.RetryAfter = parseRetryAfter(res.Header.Get("Retry-After"), at)
	}
	return answer, nil
}

// read keeps the beginning of a body. The status has decided: a body that is broken,
// endless or slow changes nothing, and costs at most bodyTimeout.
func read(res *http.Response, cancel context.CancelFunc) []byte {
	if res.ContentLength == 0 {
		return nil
	}
	slow := time.AfterFunc(bodyTimeout, cancel)
	defer slow.Stop()
	kept, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	if err == nil && len(kept) == maxResponse {
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain)
	}
	return kept
}

func (s *Sender) request(ctx context.Context, m Message, at time.Time) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("webhook: endpoint has an unusable URL")
	}
	if len(m.Secrets) == 0 {
		return nil, errors.New("webhook: endpoint has no live secret")
	}
	if req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		return nil, errors.New("webhook: endpoint's URL is neither https nor http")
	}
	req.Header["Content-Type"] = []string{contentType}
	req.Header["User-Agent"] = []string{userAgent}
	// Not sent: it says that the same request may come twice (it has an id for that). So
	// net/http uses another connection when the receiver was just closing the idle one.
	req.Header["X-Idempotency-Key"] = nil
	return req, s.signer.sign(req.Header, m, targetURI(req.URL), at)
}

// targetURI is @target-uri as a receiver sees it: what it reads in Host and in the
// request line, behind the scheme.
func targetURI(u *url.URL) string {
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	u.Host = host // and so Host says the same
	return u.Scheme + "://" + host + u.RequestURI()
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
