package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Introspection is what is told of a token (RFC 7662). Only Active is there when
// it is false: the answer does not say why.
type Introspection struct {
	Active    bool          `json:"active"`
	Scope     tenant.Access `json:"scope,omitempty"`
	ClientID  string        `json:"client_id,omitempty"`
	TokenType string        `json:"token_type,omitempty"` // "bearer"; access tokens only
	ExpiresAt int64         `json:"exp,omitempty"`
	IssuedAt  int64         `json:"iat,omitempty"`
	Subject   string        `json:"sub,omitempty"` // the account
	Issuer    string        `json:"iss,omitempty"`
	Livemode  *bool         `json:"livemode,omitempty"`
}

// Introspect tells the state of a token to the client it was issued to, or to its
// platform with the secret key; to everybody else it is inactive (F4: fosite
// tells any client about any token). The expiry is the token's own (fosite gives
// a refresh token that of the access token).
func (p *Provider) Introspect(ctx context.Context, r *http.Request) (Introspection, error) {
	u, plain, err := p.aboutToken(ctx, r)
	if err != nil || u == nil {
		return Introspection{}, err
	}
	u.now = p.cfg.Clock.Now()
	use, request, err := p.fosite.IntrospectToken(withUnit(ctx, u), plain, fosite.TokenUse(u.token.Kind+"_token"), &session{})
	if refused := new(fosite.RFC6749Error); errors.As(err, &refused) {
		return Introspection{}, nil // not active, whatever the reason
	}
	if err != nil {
		return Introspection{}, err
	}
	active, err := p.stillGood(ctx, u.token)
	if err != nil || !active || !u.client.Enabled() {
		return Introspection{}, err
	}
	told := Introspection{
		Active: true, Scope: tenant.Access(u.token.Scope), ClientID: request.GetClient().GetID(),
		ExpiresAt: u.token.ExpiresAt.Unix(), IssuedAt: u.token.CreatedAt.Unix(), Subject: u.token.Account, Issuer: p.cfg.Issuer,
		Livemode: &u.token.Livemode,
	}
	if use == fosite.AccessToken {
		told.TokenType = "bearer"
	}
	return told, nil
}

// stillGood asks what a token does not say of itself: its connection and account.
func (p *Provider) stillGood(ctx context.Context, t *tokenRow) (bool, error) {
	if t.Connection == "" {
		return true, nil
	}
	c, err := findConnection(ctx, p.cfg.Pool, "connection.id = ?", t.Connection)
	if err != nil || c == nil || c.Allowed() == tenant.NoAccess {
		return false, err
	}
	_, open, err := p.cfg.Marketplace.Reach(ctx, p.cfg.Pool, t.Platform, t.Account, t.Livemode)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return open, err
}
