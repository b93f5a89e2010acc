package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/secret"
)

// Config is what the OAuth server stands on. Durations of zero take the default.
type Config struct {
	Pool        *bun.DB
	Issuer      string          // our own origin, "https://connect.example.com"; http only on this machine
	Pepper      secret.Pepper   // keys the hashes of codes, tokens and secrets
	Successors  secret.Pepper   // another one: derives what follows a used refresh token
	Former      []secret.Pepper // earlier ones, during a rotation: what they hashed stays good
	Keys        Keys
	Publishable PublishableKeys
	Marketplace Marketplace
	Members     Members
	Throttle    Throttle    // nil: nobody is slowed down
	Clock       clock.Clock // of codes and tokens; nil is the machine's clock
	Clocks      clock.Modes // of events; the zero value is the machine's clock
	Log         *slog.Logger
	// Resources that an access token reaches, as the API's route table names them.
	// What is not here cannot be reached with one, whatever its scope.
	Resources []string

	CodeFor    time.Duration // 60 s, and no longer
	AccessFor  time.Duration // 1 hour, and no longer
	RefreshFor time.Duration // 1 year since its last use
	PushedFor  time.Duration // 90 s
	RequestFor time.Duration // 1 hour: to sign up, verify an address and consent

	// Step is called after each named step of an exchange or refresh. An error
	// stands for a crash at that point; only tests set it.
	Step func(name string) error
}

// Defaults and bounds of lifetimes (F14: fosite's codes live 15 minutes).
const (
	maxCodeFor   = time.Minute
	maxAccessFor = time.Hour
	// graceFor is how long a used refresh token still gives its successors to its
	// own client: an answer may be lost on the way.
	graceFor = time.Minute
)

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Clocks.Live == nil {
		c.Clocks.Live = clock.System{}
	}
	if c.Clocks.Test == nil {
		c.Clocks.Test = clock.System{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.CodeFor = atMost(c.CodeFor, maxCodeFor)
	c.AccessFor = atMost(c.AccessFor, maxAccessFor)
	c.RefreshFor = orDefault(c.RefreshFor, 365*24*time.Hour)
	c.PushedFor = orDefault(c.PushedFor, 90*time.Second)
	c.RequestFor = orDefault(c.RequestFor, time.Hour)
	return c
}

func orDefault(d, usual time.Duration) time.Duration {
	if d <= 0 {
		return usual
	}
	return d
}

func atMost(d, most time.Duration) time.Duration { return min(orDefault(d, most), most) }

// check refuses a server that would be unsafe or could not work.
func (c Config) check() error {
	issuer, err := url.Parse(c.Issuer)
	switch {
	case err != nil || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" || strings.HasSuffix(c.Issuer, "/"):
		return errors.New("oauth: the issuer must be a URL without query, fragment and trailing slash")
	case issuer.Scheme != "https" && (issuer.Scheme != "http" || !loopback(issuer.Hostname())):
		return errors.New("oauth: the issuer must be https, or http on this machine")
	case c.Pepper.IsZero() || c.Successors.IsZero():
		return errors.New("oauth: peppers are required")
	case c.Pool == nil || c.Keys == nil || c.Publishable == nil || c.Marketplace == nil || c.Members == nil:
		return errors.New("oauth: pool, keys, publishable keys, marketplace and members are required")
	}
	return nil
}

// Provider is the OAuth server.
type Provider struct {
	cfg         Config
	fosite      fosite.OAuth2Provider
	clients     *Clients
	connections *Connections
	tokens      *Tokens
}

// New composes the server.
func New(cfg Config) (*Provider, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	p := &Provider{cfg: cfg.withDefaults()}
	p.tokens = newTokens(p.cfg)
	p.connections = &Connections{
		pool: p.cfg.Pool, market: p.cfg.Marketplace, clock: p.cfg.Clock, clocks: p.cfg.Clocks, log: event.Log{}, tokens: p.tokens,
	}
	p.clients = &Clients{pepper: p.cfg.Pepper, connections: p.connections}
	p.fosite = composed(p)
	return p, nil
}

// Clients registers applications.
func (p *Provider) Clients() *Clients { return p.clients }

// Connections tells who is connected to whom.
func (p *Provider) Connections() *Connections { return p.connections }

// Tokens knows access tokens.
func (p *Provider) Tokens() *Tokens { return p.tokens }

// Issuer is the server's name, byte for byte as in metadata and in iss.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

func (p *Provider) step(name string) error {
	if p.cfg.Step == nil {
		return nil
	}
	return p.cfg.Step(name)
}

// sum is how plain is stored.
func (p *Provider) sum(plain string) []byte {
	sum := p.cfg.Pepper.Sum(secret.New(plain))
	return sum[:]
}

// sums are all ways in which plain may be stored: under the pepper, and under
// those that it replaced (O31).
func (c Config) sums(plain string) [][]byte {
	out := make([][]byte, 0, 1+len(c.Former))
	for _, pepper := range append([]secret.Pepper{c.Pepper}, c.Former...) {
		sum := pepper.Sum(secret.New(plain))
		out = append(out, sum[:])
	}
	return out
}

func (p *Provider) sums(plain string) [][]byte { return p.cfg.sums(plain) }

// requestID is the API request that ctx works for, for logs and incidents.
func requestID(ctx context.Context) string { return event.OriginOf(ctx).RequestID }
