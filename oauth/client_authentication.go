package oauth

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
)

// caller is who makes a protocol request.
type caller struct {
	client   *Client // nil: a platform's key without client_id; the code or token names the client
	platform string
	livemode bool
	byKey    bool // proved by the platform's secret key
	proved   bool // false: a public client that only names itself
}

// speaksFor reports whether the caller may act as this client.
func (c caller) speaksFor(client *Client) bool {
	if c.client != nil {
		return c.client.ID == client.ID
	}
	return c.platform == client.Platform && c.livemode == client.Livemode
}

// name is the caller in an incident.
func (c caller) name() string {
	if c.client != nil {
		return c.client.ID
	}
	return c.platform
}

// proof is what a request says of its client.
type proof struct {
	clientID string
	secret   string
	scheme   string // of the Authorization header, for the challenge of a 401
}

// proofOf reads the client's authentication. One request authenticates once:
// two methods are refused even when both are right (F12, RFC 6749, 2.3). The
// exception is stripe-go, which sends the same secret key as Bearer and as
// client_secret: equal values are one authentication.
func proofOf(header http.Header, form url.Values) (proof, error) {
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return proof{}, badClient() // no JWT of whatever kind (O22)
	}
	given := proof{clientID: form.Get("client_id"), secret: form.Get("client_secret")}
	if len(header.Values("Authorization")) > 1 {
		return proof{}, invalidRequest("The Authorization header must not be repeated.")
	}
	fromHeader, err := headerProof(header)
	if err != nil {
		return proof{}, err
	}
	if fromHeader.clientID != "" && given.clientID != "" && fromHeader.clientID != given.clientID {
		return proof{}, invalidRequest("The client_id in the body is not the one that authenticates.")
	}
	if fromHeader.secret != "" && given.secret != "" && !equal(fromHeader.secret, given.secret) {
		return proof{}, invalidRequest("Only one method of client authentication may be used.")
	}
	if fromHeader.secret != "" && given.secret != "" && !isKey(given.secret) {
		return proof{}, invalidRequest("Only one method of client authentication may be used.")
	}
	given.scheme = fromHeader.scheme
	if given.clientID == "" {
		given.clientID = fromHeader.clientID
	}
	if given.secret == "" {
		given.secret = fromHeader.secret
	}
	return given, nil
}

// headerProof reads the Authorization header: Bearer with the platform's secret
// key; Basic with that key as the user, or with client id and secret.
func headerProof(header http.Header) (proof, error) {
	text := strings.TrimSpace(header.Get("Authorization"))
	if text == "" {
		return proof{}, nil
	}
	scheme, rest, _ := strings.Cut(text, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return proof{secret: strings.TrimSpace(rest), scheme: "Bearer"}, nil
	}
	user, password, ok := (&http.Request{Header: header}).BasicAuth()
	if !ok {
		return proof{}, invalidRequest("The Authorization header must be Basic or Bearer.")
	}
	if isKey(user) {
		if password != "" {
			return proof{}, invalidRequest("Only one method of client authentication may be used.")
		}
		return proof{secret: user, scheme: "Basic"}, nil
	}
	// RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
	id, errID := url.QueryUnescape(user)
	word, errWord := url.QueryUnescape(password)
	if errID != nil || errWord != nil {
		return proof{}, invalidRequest("The Basic credentials are not well-formed.")
	}
	return proof{clientID: id, secret: word, scheme: "Basic"}, nil
}

// isKey reports whether a secret is an API key rather than a client's secret.
func isKey(text string) bool {
	key, err := credential.Parse(text)
	return err == nil && key.Kind == credential.Secret
}

// authenticate finds out who makes the request. Wrong, missing and disabled are
// one answer after the same work (O14): the same look-ups, a hash, two comparisons.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (caller, error) {
	given, err := proofOf(r.Header, form)
	if err != nil {
		return caller{}, err
	}
	if !fine(given.clientID) || len(given.clientID) > 64 {
		return caller{}, badClient()
	}
	subject := network(r)
	if err := p.wait(ctx, subject); err != nil {
		return caller{}, err
	}
	who, err := p.identify(ctx, r, given)
	if err != nil {
		return caller{}, err
	}
	if who == nil {
		p.failed(ctx, subject)
		refused := badClient()
		if given.scheme != "" {
			refused.Challenge = given.scheme
		}
		return caller{}, refused
	}
	return *who, nil
}

// identify is the caller, or nil if the proof is not good.
func (p *Provider) identify(ctx context.Context, r *http.Request, given proof) (*caller, error) {
	if isKey(given.secret) {
		return p.identifyKey(ctx, r, given)
	}
	client, err := findClient(ctx, p.cfg.Pool, given.clientID)
	if err != nil {
		return nil, err
	}
	right := p.secretFits(client, given.secret)
	switch {
	case client == nil || !client.Enabled():
		return nil, nil
	case client.Public && given.secret == "":
		return &caller{client: client, platform: client.Platform, livemode: client.Livemode}, nil
	case client.Public || !right:
		return nil, nil
	}
	return &caller{client: client, platform: client.Platform, livemode: client.Livemode, proved: true}, nil
}

// identifyKey is a platform that presents its unrestricted secret key, from an address
// that the key is good from.
func (p *Provider) identifyKey(ctx context.Context, r *http.Request, given proof) (*caller, error) {
	key, err := p.cfg.Keys.Authenticate(ctx, given.secret)
	if fault.Is(err, fault.Unauthenticated) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if key.Kind != credential.Secret || key.Scopes != nil || key.Platform != "" {
		return nil, nil
	}
	if !rest.From(r, key.Networks) {
		return nil, keyElsewhere(rest.PeerIP(r))
	}
	who := &caller{platform: key.Account, livemode: key.Livemode, byKey: true, proved: true}
	if given.clientID == "" {
		return who, nil
	}
	client, err := findClient(ctx, p.cfg.Pool, given.clientID)
	if err != nil {
		return nil, err
	}
	if client == nil || !client.Enabled() || client.Platform != key.Account || client.Livemode != key.Livemode {
		return nil, nil
	}
	who.client = client
	return who, nil
}

// secretFits compares with as many hashes as a client can have, whether it has
// them or not.
func (p *Provider) secretFits(client *Client, plain string) bool {
	fits := 0
	for _, sum := range p.sums(plain) {
		for i := range MaxSecrets {
			var stored [32]byte // no text has this hash
			if client != nil && i < len(client.Secrets) {
				stored = client.Secrets[i].hash
			}
			fits |= subtle.ConstantTimeCompare(sum, stored[:])
		}
	}
	return fits == 1 && plain != ""
}

func equal(a, b string) bool { return same([]byte(a), []byte(b)) }

func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// network is whom the throttle counts a caller as.
func network(r *http.Request) string { return throttle.Network(rest.PeerIP(r)) }

// wait refuses a caller that failed too often. A throttle that cannot be asked
// stops nobody: secrets are too long to be guessed, it only keeps noise down.
func (p *Provider) wait(ctx context.Context, subject string) error {
	if p.cfg.Throttle == nil {
		return nil
	}
	left, err := p.cfg.Throttle.Wait(ctx, subject)
	if err != nil {
		p.cfg.Log.WarnContext(ctx, "throttle not asked", "error", err)
		return nil
	}
	if left > 0 {
		return &Error{
			Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", RetryAfter: left,
			Description: "Too many failed attempts. Please try again later.",
		}
	}
	return nil
}

func (p *Provider) failed(ctx context.Context, subject string) {
	if p.cfg.Throttle == nil {
		return
	}
	if err := p.cfg.Throttle.Fail(ctx, subject); err != nil {
		p.cfg.Log.WarnContext(ctx, "failed attempt not counted", "error", err)
	}
}
