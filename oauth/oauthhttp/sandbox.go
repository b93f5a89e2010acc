package oauthhttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// sandboxDoor says yes for people in test mode.
type sandboxDoor struct{ provider *oauth.Provider }

// SandboxRoutes let a platform connect an account of its own without a browser.
func SandboxRoutes(s *rest.Server, p *oauth.Provider) []rest.Route {
	d := sandboxDoor{provider: p}
	return []rest.Route{
		{Method: http.MethodPost, Path: "/v1/test_helpers/oauth_codes", Resource: "test_helpers", Handler: s.Reveal(d.consent), Returns: wire.OAuthCode{}},
	}
}

func (d sandboxDoor) consent(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, nil, err
	}
	if owner.Livemode {
		return nil, nil, fault.Invalidf("testmode_only", "", "In live mode a person answers. Use a test key.")
	}
	var p struct {
		Client  string `form:"client,required"`
		Account string `form:"account,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	code, err := d.provider.SandboxCode(ctx, tx, owner, p.Client, p.Account)
	if err != nil {
		return nil, nil, err
	}
	return wire.OAuthCode{Object: "oauth_code", Code: code}, wire.OAuthCode{Object: "oauth_code"}, nil
}
