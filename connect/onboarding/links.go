package onboarding

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// The addresses of the pages.
const (
	Path      = "/onboarding"
	loginPath = "/login-links"
)

// LinksConfig is what Links stands on.
type LinksConfig struct {
	Accounts *connect.Accounts
	Pepper   secret.Pepper // purpose "onboarding"
	BaseURL  string        // "https://pay.example.com": where this server is reached
	Clock    clock.Clock   // real time; nil is the machine's
}

// Links hands out links to the hosted pages and opens them.
type Links struct {
	pool *bun.DB
	cfg  LinksConfig
}

// NewLinks keeps links in pool.
func NewLinks(pool *bun.DB, cfg LinksConfig) *Links {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	return &Links{pool: pool, cfg: cfg}
}

// Create makes a link for a platform to send an account's holder to. Accounts that
// control themselves get none: it would let their platform in.
func (s *Links) Create(ctx context.Context, tx bun.Tx, scope tenant.Scope, p LinkParams) (Link, secret.Text, error) {
	l, err := p.link(scope.Livemode)
	if err != nil {
		return Link{}, secret.Text{}, err
	}
	a, err := s.cfg.Accounts.Changeable(ctx, tx, scope, p.Account)
	if err != nil {
		return Link{}, secret.Text{}, err
	}
	if a.IsPlatform() {
		return Link{}, secret.Text{}, fault.Invalidf("account_invalid", "account", "Account links are for connected accounts; %s is a platform.", a.ID)
	}
	l.Platform = a.Platform
	address, err := s.insert(ctx, tx, &l)
	return l, address, err
}

// CreateLogin makes a link for the holder of an account with an Express dashboard.
func (s *Links) CreateLogin(ctx context.Context, tx bun.Tx, scope tenant.Scope, account string) (Link, secret.Text, error) {
	a, err := s.cfg.Accounts.Changeable(ctx, tx, scope, account)
	switch {
	case err != nil:
		return Link{}, secret.Text{}, err
	case a.IsPlatform() || a.Controller.Dashboard != "express":
		return Link{}, secret.Text{}, fault.Invalidf("", "account", "Cannot create a login link for an account that is not an Express account.")
	case !a.Standing().DetailsSubmitted:
		return Link{}, secret.Text{}, fault.Invalidf("", "account", "Cannot create a login link for an account that has not completed onboarding.")
	}
	l := Link{Account: a.ID, Platform: a.Platform, Livemode: a.Livemode, Kind: Login}
	address, err := s.insert(ctx, tx, &l)
	return l, address, err
}

// Mint makes a link for a person whom this server has just signed in and let
// through, for any account of theirs. In the end, or for a new link, they go to
// returnURL.
func (s *Links) Mint(ctx context.Context, tx bun.Tx, platform, account string, livemode bool, returnURL string) (string, error) {
	l := Link{Account: account, Platform: platform, Livemode: livemode, Kind: Onboarding, RefreshURL: returnURL, ReturnURL: returnURL}
	address, err := s.insert(ctx, tx, &l)
	return address.Reveal(), err
}

// Onboarding is Mint, and whether anything is due at all.
func (s *Links) Onboarding(ctx context.Context, tx bun.Tx, account string, livemode bool, platform, returnURL string) (address string, due bool, err error) {
	a, err := s.cfg.Accounts.Get(ctx, tx, tenant.Scope{Platform: platform, Account: account, Livemode: livemode}, account)
	if err != nil {
		return "", false, err
	}
	if len(a.Standing().CurrentlyDue) == 0 {
		return "", false, nil
	}
	address, err = s.Mint(ctx, tx, platform, account, livemode, returnURL)
	return address, true, err
}

// Details is Mint for whoever wants to look at an account or go on with it: it leads
// to what is due, and else to what was given, which can be changed there.
func (s *Links) Details(ctx context.Context, tx bun.Tx, account string, livemode bool, returnURL string) (string, error) {
	platform, err := s.cfg.Accounts.PlatformOf(ctx, tx, account, livemode)
	if err != nil {
		return "", err
	}
	address, due, err := s.Onboarding(ctx, tx, account, livemode, platform, returnURL)
	if err != nil || due {
		return address, err
	}
	l := Link{Account: account, Platform: platform, Livemode: livemode, Kind: Update, RefreshURL: returnURL, ReturnURL: returnURL}
	text, err := s.insert(ctx, tx, &l)
	return text.Reveal(), err
}

func (s *Links) insert(ctx context.Context, tx bun.Tx, l *Link) (secret.Text, error) {
	token := newToken()
	l.CreatedAt = s.cfg.Clock.Now()
	l.ExpiresAt = l.CreatedAt.Add(linkLife)
	if err := insertLink(ctx, tx, s.hash(token), *l); err != nil {
		return secret.Text{}, err
	}
	under := Path
	if l.Kind == Login {
		under = loginPath
	}
	return secret.New(s.cfg.BaseURL + under + "/" + token), nil
}

// Visit is one browser on the pages of one account.
type Visit struct {
	Link
	Asked     []string // what was asked for so far
	StartedAt time.Time
	EndsAt    time.Time

	hash, link []byte
}

// Scope is the account's own.
func (v Visit) Scope() tenant.Scope {
	return tenant.Scope{Platform: v.Platform, Account: v.Account, Livemode: v.Livemode}
}

// open uses a link up and starts a visit, whose cookie it returns. Of any number of
// browsers that open a link at a time, one gets in. A link that is used or expired
// comes back with ok false and tells where a new one is; found is false if there
// never was one, or not lately.
func (s *Links) open(ctx context.Context, token string) (l Link, cookie secret.Text, found, ok bool, err error) {
	if !tokenShaped(token) {
		return Link{}, secret.Text{}, false, false, nil
	}
	now := s.cfg.Clock.Now()
	hash, plain := s.hash(token), newToken()
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		if l, ok, err = useLink(ctx, tx, hash, now); err != nil || !ok {
			return err
		}
		return insertVisit(ctx, tx, Visit{Link: l, StartedAt: now, EndsAt: now.Add(visitLife), hash: s.hash(plain), link: hash})
	})
	if err != nil {
		return Link{}, secret.Text{}, false, false, err
	}
	if !ok {
		l, found, err = findLink(ctx, s.pool, hash)
		return l, secret.Text{}, found, false, err
	}
	return l, secret.New(plain), true, true, nil
}

// visit is the visit of a cookie, if it goes on.
func (s *Links) visit(ctx context.Context, cookie string) (Visit, bool, error) {
	if !tokenShaped(cookie) {
		return Visit{}, false, nil
	}
	return findVisit(ctx, s.pool, s.hash(cookie), s.cfg.Clock.Now())
}

// cameBy reports whether the visit began with that link.
func (s *Links) cameBy(v Visit, token string) bool { return string(v.link) == string(s.hash(token)) }

// end closes a visit: its cookie opens nothing any more.
func (s *Links) end(ctx context.Context, v Visit) error { return deleteVisit(ctx, s.pool, v.hash) }

// Revoke ends all links to an account and all visits of it, in the transaction in
// which its platform loses the right to change it: a platform hands links to whom it
// likes, and opens them itself. A link that is being opened holds its row, so that
// the visit it becomes is there before visits are looked for.
func (s *Links) Revoke(ctx context.Context, tx bun.Tx, account string, livemode bool) error {
	for _, model := range []any{(*linkRow)(nil), (*visitRow)(nil)} {
		if _, err := tx.NewDelete().Model(model).Where("account = ? AND livemode = ?", account, livemode).Exec(ctx); err != nil {
			return fmt.Errorf("revoke onboarding links: %w", err)
		}
	}
	return nil
}

// Sweep forgets links and visits that are over. It is periodic work.
func (s *Links) Sweep(ctx context.Context) error {
	return forgetBefore(ctx, s.pool, s.cfg.Clock.Now())
}

func (s *Links) hash(token string) []byte {
	sum := s.cfg.Pepper.Sum(secret.New(token))
	return sum[:]
}

// tokenSize is 256 random bits; a token is their base64.
const tokenSize = 32

func newToken() string {
	raw := make([]byte, tokenSize)
	if _, err := rand.Read(raw); err != nil {
		panic(fmt.Sprintf("onboarding: no randomness: %v", err)) // crypto/rand never fails on supported systems
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func tokenShaped(s string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(raw) == tokenSize
}
