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
	Tokens *oauth.Tokens     // nil: there are no access tokens
	Desks  *credential.Desks // nil: no pages call the API
}

// Authenticate is who presents the key or access token.
func (a Authenticator) Authenticate(ctx context.Context, plain string) (rest.Principal, error) {
	if a.Desks != nil && credential.IsDesk(plain) && rest.IsInside(ctx) {
		return a.desk(plain)
	}
	if a.Tokens != nil && oauth.IsAccessToken(plain) {
		return a.grant(ctx, plain)
	}
	key, err := a.Keys.Authenticate(ctx, plain)
	if err != nil {
		return rest.Principal{}, err
	}
	return rest.Principal{
		KeyID: key.ID, Account: key.Account, Platform: key.Platform, Livemode: key.Livemode, Kind: nameOf(key.Kind), Scopes: key.Scopes,
		Networks: key.Networks,
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

// desk is a person's, at a page of ours. Such a credential is not taken from the network.
func (a Authenticator) desk(plain string) (rest.Principal, error) {
	s, err := a.Desks.Authenticate(plain)
	if err != nil {
		return rest.Principal{}, err
	}
	return rest.Principal{
		KeyID: s.User, Account: s.Account, Platform: s.Platform, Livemode: s.Livemode, Kind: rest.Restricted, Scopes: s.Scopes, Member: true,
	}, nil
}
