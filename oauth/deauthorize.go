package oauth

import (
	"context"
	"net/http"
)

// Deauthorize serves /oauth/deauthorize: a platform ends its connection to an
// account. It answers with the account, also when the connection ended before.
func (p *Provider) Deauthorize(ctx context.Context, r *http.Request) (account string, err error) {
	form, err := readForm(r)
	if err != nil {
		return "", err
	}
	who, err := p.authenticate(ctx, r, form)
	if err != nil {
		return "", err
	}
	account = form.Get("stripe_user_id")
	switch {
	case who.client == nil:
		return "", invalidRequest("client_id is missing.")
	case !who.proved:
		return "", badClient()
	case account == "":
		return "", invalidRequest("stripe_user_id is missing.")
	case len(account) > 64 || !fine(account):
		return "", notConnected()
	}
	c, err := p.connections.Find(ctx, p.cfg.Pool, who.client.ID, account)
	if err != nil {
		return "", err
	}
	if c == nil || c.Status == ConnectionPending {
		return "", notConnected()
	}
	_, err = p.connections.Deauthorize(ctx, c.ID, who.platform)
	return account, err
}

// notConnected is Stripe's answer to an account it does not know of the client.
func notConnected() *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: "invalid_client",
		Description: "This application is not connected to that account, or that account does not exist.",
	}
}
