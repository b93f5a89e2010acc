package oauth

import (
	"context"
	"net/url"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// clientCredentials gives a token that acts for the platform account itself.
func (p *Provider) clientCredentials(ctx context.Context, c call) (answer TokenAnswer, err error) {
	client := c.caller.client
	switch {
	case client == nil:
		return answer, invalidRequest("client_id is missing.")
	case client.Public || !c.caller.proved:
		return answer, refuse("unauthorized_client", "A public client may not use this grant type.")
	}
	scope, ok := parseScope(c.form.Get("scope"))
	if !ok {
		return answer, invalidScope("Unknown scope: it must be read_only or read_write.")
	}
	if scope == tenant.NoAccess {
		scope = client.DefaultScope()
	}
	if !client.Allows(scope) {
		return answer, invalidScope("This client may not ask for the scope %s.", scope)
	}
	err = p.unitWork(ctx, func(ctx context.Context, tx bun.Tx) (refusal, err error) {
		if _, err := p.cfg.Marketplace.Platform(ctx, tx, client.Platform, client.Livemode); fault.Is(err, fault.NotFound) {
			return badClient(), nil
		} else if err != nil {
			return nil, err
		}
		u := &unit{tx: tx, now: p.cfg.Clock.Now(), client: client, scope: scope}
		access, _, err := p.granted(ctx, u, url.Values{"grant_type": {"client_credentials"}, "id": {id.New("grant")}})
		if err != nil {
			return nil, err
		}
		answer = TokenAnswer{
			AccessToken: access, TokenType: "bearer", Livemode: client.Livemode, Scope: scope,
			StripeUserID: client.Platform, ExpiresIn: int64(p.cfg.AccessFor.Seconds()),
		}
		return nil, nil
	})
	if err != nil {
		return TokenAnswer{}, err
	}
	return answer, nil
}
