package oauth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"

	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// fosite carries the grants; v0.49.0 is the last release there will be. What is
// not good in it is caught outside, in files of their own, so that it can be
// replaced: compare doc.go.

// composed is fosite with our storage and tokens, and nothing more than we use:
// no implicit, no password, no OpenID Connect, no JWT.
func composed(p *Provider) fosite.OAuth2Provider {
	config := &fosite.Config{
		AccessTokenLifespan:   p.cfg.AccessFor,
		RefreshTokenLifespan:  p.cfg.RefreshFor,
		AuthorizeCodeLifespan: p.cfg.CodeFor,

		ScopeStrategy:                fosite.ExactScopeStrategy,                            // the default knows wildcards
		RefreshTokenScopes:           []string{},                                           // none needed: every connection gets one (F14)
		RedirectSecureChecker:        func(context.Context, *url.URL) bool { return true }, // checked at registration (F8)
		ClientAuthenticationStrategy: authenticated,
		HTTPClient:                   nil, // nothing is fetched: no request objects, no JWKS
	}
	return compose.Compose(config, &fositeStore{p}, &fositeTokens{p},
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2TokenIntrospectionFactory,
		compose.OAuth2TokenRevocationFactory,
	)
}

// authenticated is the client that client_authentication.go found: fosite does
// not look at secrets (F12).
func authenticated(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
	u, err := unitOf(ctx)
	if err != nil || u.client == nil {
		return nil, fosite.ErrInvalidClient
	}
	return fositeClient(u.client), nil
}

// fositeClient is a client as fosite sees it.
func fositeClient(c *Client) fosite.Client {
	seen := &fosite.DefaultClient{
		ID: c.ID, RedirectURIs: c.RedirectURIs, Public: c.Public, ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code", "refresh_token"},
	}
	for _, scope := range []tenant.Access{tenant.ReadOnly, tenant.ReadWrite} {
		if c.Allows(scope) {
			seen.Scopes = append(seen.Scopes, string(scope))
		}
	}
	if !c.Public {
		seen.GrantTypes = append(seen.GrantTypes, "client_credentials")
	}
	return seen
}

// session carries a stored token through fosite. Clone is shallow on purpose:
// fosite's deep copy skips unexported fields. Nothing of it is stored.
type session struct {
	fosite.DefaultSession
	token *tokenRow
}

func (s *session) Clone() fosite.Session {
	return &session{DefaultSession: fosite.DefaultSession{Subject: s.Subject}, token: s.token}
}

// requesterOf is what fosite wants to know of a stored code or token.
func requesterOf(client *Client, family string, scope tenant.Access, s *session, form url.Values) *fosite.Request {
	r := fosite.NewRequest()
	r.ID, r.Client, r.Session, r.Form = family, fositeClient(client), s, form
	r.SetRequestedScopes(fosite.Arguments{string(scope)})
	r.GrantScope(string(scope))
	return r
}

// fositeTokens makes and recognizes codes and tokens. A signature is the keyed
// hash of the whole token: what is stored cannot be used.
type fositeTokens struct{ p *Provider }

var _ oauth2.CoreStrategy = (*fositeTokens)(nil)

func (s *fositeTokens) signature(plain string) string {
	sum := s.p.cfg.Pepper.Sum(secret.New(plain))
	return hex.EncodeToString(sum[:])
}

func hashOf(signature string) ([]byte, error) {
	hash, err := hex.DecodeString(signature)
	if err != nil || len(hash) != 32 {
		return nil, fmt.Errorf("oauth: not a signature")
	}
	return hash, nil
}

func (s *fositeTokens) AccessTokenSignature(ctx context.Context, token string) string {
	return s.stored(ctx, token)
}

func (s *fositeTokens) RefreshTokenSignature(ctx context.Context, token string) string {
	return s.stored(ctx, token)
}

func (s *fositeTokens) AuthorizeCodeSignature(ctx context.Context, code string) string {
	return s.stored(ctx, code)
}

// stored is the signature under which the unit's code or token was found, which
// may be that of a former pepper.
func (s *fositeTokens) stored(ctx context.Context, plain string) string {
	u, err := unitOf(ctx)
	if err != nil {
		return s.signature(plain)
	}
	for _, sum := range s.p.sums(plain) {
		switch {
		case u.code != nil && same(sum, u.code.Hash), u.used != nil && same(sum, u.used.Hash), u.token != nil && same(sum, u.token.Hash):
			return hex.EncodeToString(sum)
		}
	}
	return s.signature(plain)
}

func (s *fositeTokens) GenerateAccessToken(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	u, err := unitOf(ctx)
	if err != nil {
		return "", "", err
	}
	return s.make(u, kindAccess, accessPrefix(u.client.Livemode))
}

func (s *fositeTokens) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	u, err := unitOf(ctx)
	if err != nil {
		return "", "", err
	}
	return s.make(u, kindRefresh, refreshPrefix)
}

func (s *fositeTokens) GenerateAuthorizeCode(context.Context, fosite.Requester) (token, signature string, err error) {
	return s.make(&unit{}, "", codePrefix)
}

// make is a random token, or the successor of a used one (refresh.go says why).
func (s *fositeTokens) make(u *unit, word, prefix string) (token, signature string, err error) {
	made := randomToken(prefix)
	if u.used != nil {
		made = successor(s.p.cfg.Successors, u.presented, u.salt, word, prefix)
	}
	return made.Reveal(), s.signature(made.Reveal()), nil
}

// The three checks below are of times only: that a token is ours and whole was
// decided by finding its hash. Times were checked under the lock already; these
// hold for what fosite reads by itself.

func (s *fositeTokens) ValidateAccessToken(ctx context.Context, r fosite.Requester, _ string) error {
	return s.validate(ctx, r)
}

func (s *fositeTokens) ValidateRefreshToken(ctx context.Context, r fosite.Requester, _ string) error {
	return s.validate(ctx, r)
}

func (s *fositeTokens) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, _ string) error {
	u, err := unitOf(ctx)
	if err != nil {
		return err
	}
	if u.code == nil || !u.now.Before(u.code.ExpiresAt) {
		return fosite.ErrTokenExpired
	}
	return nil
}

func (s *fositeTokens) validate(ctx context.Context, r fosite.Requester) error {
	u, err := unitOf(ctx)
	if err != nil {
		return err
	}
	read, ok := r.GetSession().(*session)
	if !ok || read.token == nil || !u.now.Before(read.token.ExpiresAt) {
		return fosite.ErrTokenExpired
	}
	return nil
}

// fositeStore is fosite's storage inside a unit of work.
type fositeStore struct{ p *Provider }

var (
	_ fosite.Storage                = (*fositeStore)(nil)
	_ oauth2.CoreStorage            = (*fositeStore)(nil)
	_ oauth2.TokenRevocationStorage = (*fositeStore)(nil)
	_ storage.Transactional         = (*fositeStore)(nil)
)

// BeginTX joins the unit's transaction: there is one, or the request fails.
func (s *fositeStore) BeginTX(ctx context.Context) (context.Context, error) {
	_, err := unitOf(ctx)
	return ctx, err
}

// Commit leaves the commit to the unit: what fosite thinks done may still be
// refused by what follows, and an answer is given only after the commit (#708).
func (s *fositeStore) Commit(ctx context.Context) error {
	u, err := unitOf(ctx)
	if err == nil && u.doomed {
		err = errors.New("oauth: commit after rollback")
	}
	return err
}

// Rollback makes the whole unit fail.
func (s *fositeStore) Rollback(ctx context.Context) error {
	u, err := unitOf(ctx)
	if err == nil {
		u.doomed = true
	}
	return err
}

func (s *fositeStore) GetClient(ctx context.Context, clientID string) (fosite.Client, error) {
	u, err := unitOf(ctx)
	if err != nil {
		return nil, err
	}
	if u.client == nil || u.client.ID != clientID {
		return nil, fosite.ErrNotFound
	}
	return fositeClient(u.client), nil
}

// ClientAssertionJWTValid refuses every assertion: private_key_jwt is not offered (O22).
func (s *fositeStore) ClientAssertionJWTValid(context.Context, string) error {
	return fosite.ErrInvalidClient
}

func (s *fositeStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrInvalidClient
}

func (s *fositeStore) CreateAuthorizeCodeSession(ctx context.Context, signature string, r fosite.Requester) error {
	u, err := unitOf(ctx)
	if err != nil {
		return err
	}
	hash, err := hashOf(signature)
	if err != nil {
		return err
	}
	return insertCode(ctx, u.tx, &codeRow{
		Hash: hash, Family: r.GetID(), Client: u.client.ID, Connection: u.connection.ID, Scope: string(u.scope),
		RedirectURI: u.request.RedirectURI, Challenge: u.request.challenge,
		CreatedAt: u.now, ExpiresAt: u.now.Add(s.p.cfg.CodeFor), KeepUntil: u.now.Add(codeKept),
	})
}

// GetAuthorizeCodeSession gives the code that the unit holds locked. fosite asks
// twice; a spent code never gets here, but would be answered as fosite wants it:
// with the requester, or it would not revoke.
func (s *fositeStore) GetAuthorizeCodeSession(ctx context.Context, signature string, _ fosite.Session) (fosite.Requester, error) {
	u, err := unitOf(ctx)
	if err != nil {
		return nil, err
	}
	if u.code == nil || !equal(hex.EncodeToString(u.code.Hash), signature) {
		return nil, fosite.ErrNotFound
	}
	form := url.Values{} // redirect_uri was compared before: it may be absent (exchange.go)
	r := requesterOf(u.client, u.code.Family, u.scope, &session{}, form)
	if !u.code.SpentAt.IsZero() {
		return r, fosite.ErrInvalidatedAuthorizeCode
	}
	return r, nil
}

func (s *fositeStore) InvalidateAuthorizeCodeSession(ctx context.Context, signature string) error {
	u, hash, err := unitAndHash(ctx, signature)
	if err != nil {
		return err
	}
	if err := spendCode(ctx, u.tx, hash, u.now, spentExchanged); errors.Is(err, errSpent) {
		return fosite.ErrSerializationFailure
	} else if err != nil {
		return err
	}
	return s.p.step("code spent")
}

func unitAndHash(ctx context.Context, signature string) (*unit, []byte, error) {
	u, err := unitOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	hash, err := hashOf(signature)
	return u, hash, err
}

func (s *fositeStore) CreateAccessTokenSession(ctx context.Context, signature string, r fosite.Requester) error {
	return s.create(ctx, signature, r, kindAccess, s.p.cfg.AccessFor)
}

func (s *fositeStore) CreateRefreshTokenSession(ctx context.Context, signature, _ string, r fosite.Requester) error {
	return s.create(ctx, signature, r, kindRefresh, s.p.cfg.RefreshFor)
}

// create stores a token. Times are ours: fosite's clock is not the server's.
func (s *fositeStore) create(ctx context.Context, signature string, r fosite.Requester, kind string, lifetime time.Duration) error {
	u, hash, err := unitAndHash(ctx, signature)
	if err != nil {
		return err
	}
	row := &tokenRow{
		Hash: hash, Kind: kind, Family: r.GetID(), Client: u.client.ID, Platform: u.client.Platform, Account: u.client.Platform,
		Livemode: u.client.Livemode, Scope: string(u.scope), CreatedAt: u.now, ExpiresAt: u.now.Add(lifetime),
	}
	row.KeepUntil = row.ExpiresAt
	if u.connection != nil {
		row.Connection, row.Account = u.connection.ID, u.connection.Account
	}
	if kind == kindRefresh && u.used != nil {
		row.Scope = u.used.Scope // RFC 6749, 6: a narrower refresh narrows the access token only
	}
	if err := insertToken(ctx, u.tx, row); err != nil {
		return err
	}
	return s.p.step(kind + " token stored")
}

func (s *fositeStore) GetAccessTokenSession(ctx context.Context, signature string, _ fosite.Session) (fosite.Requester, error) {
	return s.get(ctx, signature, kindAccess)
}

func (s *fositeStore) GetRefreshTokenSession(ctx context.Context, signature string, _ fosite.Session) (fosite.Requester, error) {
	return s.get(ctx, signature, kindRefresh)
}

// get gives the token that the unit holds. The session passed in is not used:
// revocation passes nil.
func (s *fositeStore) get(ctx context.Context, signature, kind string) (fosite.Requester, error) {
	u, hash, err := unitAndHash(ctx, signature)
	if err != nil {
		return nil, err
	}
	row, scope := u.token, tenant.NoAccess
	if u.used != nil {
		row, scope = u.used, u.scope
	}
	if row == nil || row.Kind != kind || !same(row.Hash, hash) {
		return nil, fosite.ErrNotFound
	}
	if scope == tenant.NoAccess {
		scope = tenant.Access(row.Scope)
	}
	r := requesterOf(u.client, row.Family, scope, &session{token: row}, url.Values{})
	if !row.RevokedAt.IsZero() || !row.RotatedAt.IsZero() {
		return r, fosite.ErrInactiveToken
	}
	return r, nil
}

// DeleteAccessTokenSession and DeleteRefreshTokenSession do nothing: rows stay
// until they are swept, or reuse would look like an unknown token.
func (s *fositeStore) DeleteAccessTokenSession(context.Context, string) error { return nil }

// DeleteRefreshTokenSession does nothing, see DeleteAccessTokenSession.
func (s *fositeStore) DeleteRefreshTokenSession(context.Context, string) error { return nil }

func (s *fositeStore) RotateRefreshToken(ctx context.Context, _, signature string) error {
	u, hash, err := unitAndHash(ctx, signature)
	if err != nil {
		return err
	}
	err = rotateRefresh(ctx, u.tx, hash, u.now, u.salt, string(u.scope), u.now.Add(rotatedKept))
	if errors.Is(err, errSpent) {
		return fosite.ErrSerializationFailure
	}
	if err != nil {
		return err
	}
	return s.p.step("refresh token used")
}

func (s *fositeStore) RevokeRefreshToken(ctx context.Context, family string) error {
	u, err := unitOf(ctx)
	if err != nil {
		return err
	}
	_, err = revokeFamily(ctx, u.tx, family, kindRefresh, u.now)
	return err
}

func (s *fositeStore) RevokeAccessToken(ctx context.Context, family string) error {
	u, err := unitOf(ctx)
	if err != nil {
		return err
	}
	_, err = revokeFamily(ctx, u.tx, family, kindAccess, u.now)
	return err
}
