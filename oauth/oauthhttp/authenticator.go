package oauthhttp

import (
	"context"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/rest"
)

// Authenticator lets the API ask for credentials: it satisfies rest.Authenticator.
type Authenticator struct {
	Keys   *credential.Authenticator
	Tokens *oauth.Tokens // nil: there are no access tokens
}

// Authenticate is who presents the key or access token.
func (a Authenticator) Authenticate(ctx context.Context, plain string) (rest.Principal, error) {
	if a.Tokens != nil && oauth.IsAccessToken(plain) {
		return a.grant(ctx, plain)
	}
	key, err := a.Keys.Authenticate(ctx, plain)
	if err != nil {
		return rest.Principal{}, err
	}
	return rest.Principal{
		KeyID: key.ID, Account: key.Account, Platform: key.Platform, Livemode: key.Livemode, Kind: nameOf(key.Kind), Scopes: key.Scopes,
	}, nil
}

// grant is an access token's: a secret key of the account it acts for, narrowed
// to the scopes of the resources that tokens reach.
func (a Authenticator) grant(ctx context.Context, plain string) (rest.Principal, error) {
	g, err := a.Tokens.Authenticate(ctx, plain)
	if err != nil {
		return rest.Principal{}, err
	}
	return rest.Principal{
		KeyID: g.ID, Account: g.Account, Platform: g.Platform, Livemode: g.Livemode, Kind: rest.Secret, Scopes: g.Scopes, Token: true,
	}, nil
}
