package verification

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/secret"
)

// HTTPConfig is how to reach a verifier of the operator's choice.
type HTTPConfig struct {
	URL  string      // https://…; checks are POSTed to URL/checks
	Key  secret.Text // signs requests to it and callbacks from it; at least 32 characters
	Name string      // what evidence calls it; default "http"

	Egress   egress.Policy  // the way out; the verifier's own host is always allowed
	Roots    *x509.CertPool // default: the system's
	Timeout  time.Duration  // of one call; default 10 s
	Loopback bool           // development: plain http to this machine is fine
}

// HTTP asks a verifier that speaks JSON over HTTPS:
//
//	POST URL/checks                       start; the same check twice is one check
//	GET  URL/checks/{reference}           the present answer
//	POST URL/checks/{reference}/expire    nobody waits any more
//
// Every request is signed like a webhook (SignatureHeader; a GET signs its path).
// Answers are at most MaxBody, within the timeout, and not from elsewhere: redirects
// are refused. Numbers are in the body of start and nowhere else.
type HTTP struct {
	cfg    HTTPConfig
	client *http.Client
}

// NewHTTP refuses configurations that would send identities in the clear.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("verification: the verifier's URL needs a host, and no user, query or fragment")
	case u.Scheme != "https" && !(cfg.Loopback && u.Scheme == "http" && loopback(u.Hostname())):
		return nil, errors.New("verification: the verifier's URL must be https")
	case len(cfg.Key.Reveal()) < 32:
		return nil, errors.New("verification: the verifier's key needs at least 32 characters")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Name == "" {
		cfg.Name = "http"
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	if cfg.Loopback {
		cfg.Egress.Allow = append(egress.Loopback(), cfg.Egress.Allow...)
	}
	way := cfg.Egress.Trusting(u.Hostname()) // the operator named it: it may stand in his own network
	return &HTTP{cfg: cfg, client: way.Client(egress.Options{Roots: cfg.Roots, Timeout: cfg.Timeout})}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Name is what the operator calls the verifier.
func (h *HTTP) Name() (name, version string) { return h.cfg.Name, "1" }

// wireSubject is a subject as it is sent: with its numbers.
type wireSubject struct {
	Subject
	Numbers map[string]string `json:"numbers,omitempty"`
}

// Start sends the subject.
func (h *HTTP) Start(ctx context.Context, s Subject) (Answer, error) {
	sent := wireSubject{Subject: s, Numbers: make(map[string]string, len(s.Numbers))}
	for kind, number := range s.Numbers {
		sent.Numbers[kind] = number.Reveal()
	}
	body, err := json.Marshal(sent)
	if err != nil {
		return Answer{}, fmt.Errorf("verification: encode subject: %w", err)
	}
	answer, err := h.call(ctx, http.MethodPost, "/checks", body)
	if err == nil && answer.Check != s.Check {
		err = errors.New("verification: the answer is about another check")
	}
	return answer, err
}

// Get asks again.
func (h *HTTP) Get(ctx context.Context, reference string) (Answer, error) {
	return h.call(ctx, http.MethodGet, "/checks/"+url.PathEscape(reference), nil)
}

// Expire says that nobody waits.
func (h *HTTP) Expire(ctx context.Context, reference string) error {
	_, err := h.do(ctx, http.MethodPost, "/checks/"+url.PathEscape(reference)+"/expire", []byte("{}"))
	return err
}

// Handle reads a callback.
func (h *HTTP) Handle(signature string, body []byte) (Answer, error) {
	return handle(h.cfg.Key, signature, body, time.Now())
}

func (h *HTTP) call(ctx context.Context, method, path string, body []byte) (Answer, error) {
	raw, err := h.do(ctx, method, path, body)
	if err != nil {
		return Answer{}, err
	}
	return parse(raw)
}

// do makes one call. Whatever goes wrong is an error without a word of the body:
// the operator learns that there is no answer, and nobody reads identities in a log.
func (h *HTTP) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	if db.Inside(ctx) {
		return nil, errors.New("verification: asking inside a transaction")
	}
	req, err := http.NewRequestWithContext(ctx, method, h.cfg.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("verification: the verifier's URL cannot be used")
	}
	signed := body
	if method == http.MethodGet {
		signed = []byte(req.URL.EscapedPath())
	}
	req.Header.Set(SignatureHeader, Sign(h.cfg.Key, signed, time.Now()))
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := h.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("verification: no answer from the verifier: %w", cause(err))
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, errors.New("verification: the verifier's answer broke off")
	case len(raw) > MaxBody:
		return nil, errors.New("verification: the verifier's answer is too large")
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, fmt.Errorf("verification: the verifier answered with status %d", res.StatusCode)
	}
	return raw, nil
}

// cause drops the URL that net/http puts in front: references are in it.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
