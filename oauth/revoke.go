package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/uptrace/bun"
)

// Revoke ends the family of a token (RFC 7009): whoever revokes a refresh token
// or an access token wants the grant to end. Unknown tokens and those of other
// clients are answered like success, and nothing happens (F13). The connection
// itself ends by Deauthorize.
func (p *Provider) Revoke(ctx context.Context, r *http.Request) error {
	u, plain, err := p.aboutToken(ctx, r)
	if err != nil || u == nil {
		return err
	}
	err = p.unitWork(ctx, func(ctx context.Context, tx bun.Tx) (refusal, err error) {
		if u.token.Connection != "" {
			if _, err := lockConnections(ctx, tx, u.token.Platform, u.token.Account, u.token.Livemode); err != nil {
				return nil, err
			}
		}
		u.tx, u.now = tx, p.cfg.Clock.Now()
		if err := p.revokeToken(withUnit(ctx, u), plain); err != nil {
			return nil, err
		}
		if u.doomed {
			return nil, errors.New("fosite rolled back a revocation")
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	family := u.token.Family
	p.tokens.forget(func(t *liveToken) bool { return t.family == family })
	return nil
}

// aboutToken reads a request that is about a token: introspection or revocation.
// A nil unit means that the token is unknown, or not the caller's to ask about.
func (p *Provider) aboutToken(ctx context.Context, r *http.Request) (*unit, string, error) {
	form, err := readForm(r)
	if err != nil {
		return nil, "", err
	}
	who, err := p.authenticate(ctx, r, form)
	if err != nil {
		return nil, "", err
	}
	plain := form.Get("token")
	if plain == "" {
		return nil, "", invalidRequest("token is missing.")
	}
	kind := ""
	switch {
	case IsAccessToken(plain):
		kind = kindAccess
	case wellFormed(plain, refreshPrefix):
		kind = kindRefresh
	default:
		return nil, "", nil
	}
	row, err := findToken(ctx, p.cfg.Pool, p.sums(plain), kind, false)
	if err != nil || row == nil {
		return nil, "", err
	}
	client, err := p.clientFor(ctx, who, row.Client)
	if err != nil || client == nil {
		return nil, "", err
	}
	return &unit{client: client, token: row}, plain, nil
}

// revokeToken lets fosite revoke the unit's token and what came with it.
func (p *Provider) revokeToken(ctx context.Context, plain string) error {
	form := url.Values{"token": {plain}}
	hr := (&http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}, Form: form, PostForm: form}).WithContext(ctx)
	return p.fosite.NewRevocationRequest(ctx, hr)
}
