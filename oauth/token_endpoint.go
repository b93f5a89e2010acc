package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// TokenAnswer is what the token endpoint gives, in Stripe's shape.
type TokenAnswer struct {
	AccessToken          string        `json:"access_token"`
	Livemode             bool          `json:"livemode"`
	RefreshToken         string        `json:"refresh_token,omitempty"`
	TokenType            string        `json:"token_type"` // "bearer"
	StripePublishableKey string        `json:"stripe_publishable_key,omitempty"`
	StripeUserID         string        `json:"stripe_user_id"`
	Scope                tenant.Access `json:"scope"`
	ExpiresIn            int64         `json:"expires_in"`
}

// call is one request to the token endpoint.
type call struct {
	form    url.Values
	caller  caller
	arrived time.Time // before anything was waited for
}

// Token serves /oauth/token. Fails with *Error.
func (p *Provider) Token(ctx context.Context, r *http.Request) (TokenAnswer, error) {
	c := call{arrived: p.cfg.Clock.Now()}
	var err error
	if c.form, err = readForm(r); err != nil {
		return TokenAnswer{}, err
	}
	grant, err := p.grantOf(c.form.Get("grant_type"))
	if err != nil {
		return TokenAnswer{}, err
	}
	if c.caller, err = p.authenticate(ctx, r, c.form); err != nil {
		return TokenAnswer{}, err
	}
	answer, err := grant(ctx, c)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == "invalid_grant" {
		p.failed(ctx, network(r))
	}
	return answer, err
}

func (p *Provider) grantOf(name string) (func(context.Context, call) (TokenAnswer, error), error) {
	switch name {
	case "authorization_code":
		return p.exchange, nil
	case "refresh_token":
		return p.refresh, nil
	case "client_credentials":
		return p.clientCredentials, nil
	case "":
		return nil, invalidRequest("grant_type is missing.")
	}
	return nil, refuse("unsupported_grant_type", "Unsupported grant_type: it must be authorization_code, refresh_token, or client_credentials.")
}

// clientFor is the client that a code or token belongs to, if the caller speaks
// for it; nil if not. A platform's key need not name the client, which may then be
// disabled: grants find out under the lock.
func (p *Provider) clientFor(ctx context.Context, who caller, clientID string) (*Client, error) {
	if who.client != nil {
		if who.client.ID != clientID {
			return nil, nil
		}
		return who.client, nil
	}
	client, err := findClient(ctx, p.cfg.Pool, clientID)
	if err != nil || client == nil || !who.speaksFor(client) {
		return nil, err
	}
	return client, nil
}

// unitWork runs do in one transaction. Its refusal is an answer that keeps what
// was done (a spent code, a revoked family); its error takes everything back.
func (p *Provider) unitWork(ctx context.Context, do func(ctx context.Context, tx bun.Tx) (refusal, err error)) error {
	var refusal error
	err := db.InTx(ctx, p.cfg.Pool, func(ctx context.Context, tx bun.Tx) (err error) {
		refusal, err = do(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return refusal
}

// granted lets fosite check and issue: it sees a request with what it needs and
// nothing that it would read differently from us.
func (p *Provider) granted(ctx context.Context, u *unit, form url.Values) (access, refresh string, err error) {
	ctx = withUnit(ctx, u)
	form.Set("scope", string(u.scope))
	hr := (&http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}, Form: form, PostForm: form}).WithContext(ctx)
	request, err := p.fosite.NewAccessRequest(ctx, hr, &session{})
	if err != nil {
		return "", "", fromFosite(err)
	}
	request.GrantScope(string(u.scope))
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return "", "", fromFosite(err)
	}
	if u.doomed {
		return "", "", errors.New("fosite rolled back and gave an answer")
	}
	refresh, _ = response.GetExtra("refresh_token").(string)
	return response.GetAccessToken(), refresh, nil
}

// answerFor is the answer about a connected account.
func (p *Provider) answerFor(ctx context.Context, tx bun.Tx, u *unit, access, refresh string, expires time.Time) (TokenAnswer, error) {
	c := u.connection
	key, err := p.cfg.Publishable.PublishableKey(ctx, tx, u.now, c.Platform, c.Account, c.Livemode)
	if err != nil {
		return TokenAnswer{}, err
	}
	return TokenAnswer{
		AccessToken: access, RefreshToken: refresh, TokenType: "bearer", Livemode: c.Livemode, Scope: u.scope,
		StripeUserID: c.Account, StripePublishableKey: key, ExpiresIn: int64(expires.Sub(u.now) / time.Second),
	}, nil
}

// openAccount reports whether the account is open. It is asked under the
// connection's lock, from the database.
func (p *Provider) openAccount(ctx context.Context, tx bun.Tx, c *Connection) (bool, error) {
	_, open, err := p.cfg.Marketplace.Reach(ctx, tx, c.Platform, c.Account, c.Livemode)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return open, err
}
