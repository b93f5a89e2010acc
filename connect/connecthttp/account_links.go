package connecthttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire"
)

// AccountLinkRoutes make links to the hosted pages. A link is a secret: an answer
// repeated for its idempotency key has the object without its URL.
func AccountLinkRoutes(s *rest.Server, links *onboarding.Links) []rest.Route {
	d := accountLinkDoor{links}
	return []rest.Route{
		{Method: http.MethodPost, Path: "/v1/account_links", Resource: "accounts", Handler: s.Reveal(d.create), Returns: wire.AccountLink{}},
		{Method: http.MethodPost, Path: "/v1/accounts/{id}/login_links", Resource: "accounts", Handler: s.Reveal(d.login), Returns: wire.LoginLink{}},
	}
}

type accountLinkDoor struct{ links *onboarding.Links }

func (d accountLinkDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	var p onboarding.LinkParams
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	l, address, err := d.links.Create(ctx, tx, r.Scope, p)
	if err != nil {
		return nil, nil, err
	}
	return accountLink(l, address), accountLink(l, secret.Text{}), nil
}

func accountLink(l onboarding.Link, address secret.Text) wire.AccountLink {
	return wire.AccountLink{Object: "account_link", Created: wire.Unix(l.CreatedAt), ExpiresAt: wire.Unix(l.ExpiresAt), URL: address.Reveal()}
}

func (d accountLinkDoor) login(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, nil, err
	}
	l, address, err := d.links.CreateLogin(ctx, tx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, nil, err
	}
	link := wire.LoginLink{Object: "login_link", Created: wire.Unix(l.CreatedAt)}
	kept = link
	link.URL = address.Reveal()
	return link, kept, nil
}
