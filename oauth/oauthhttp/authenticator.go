package oauthhttp

import (
	"context"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/rest"
)

// Authenticator lets the API ask for credentials: it satisfies rest.Authenticator.
type Authenticator struct{ Keys *credential.Authenticator }

// Authenticate is who presents the key.
func (a Authenticator) Authenticate(ctx context.Context, plain string) (rest.Principal, error) {
	key, err := a.Keys.Authenticate(ctx, plain)
	if err != nil {
		return rest.Principal{}, err
	}
	return rest.Principal{
		KeyID: key.ID, Account: key.Account, Livemode: key.Livemode, Kind: nameOf(key.Kind), Scopes: key.Scopes,
	}, nil
}
