package oauthhttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// clientDoor serves /v1/oauth_clients.
type clientDoor struct {
	pool    *bun.DB
	clients *oauth.Clients
	clock   clock.Clock // real time: clients do not follow the sandbox
}

// ClientRoutes are the operations on /v1/oauth_clients, an extension of Sluice.
func ClientRoutes(s *rest.Server, pool *bun.DB, clients *oauth.Clients, clk clock.Clock) []rest.Route {
	d := clientDoor{pool: pool, clients: clients, clock: clk}
	const all, one = "/v1/oauth_clients", "/v1/oauth_clients/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "oauth_clients", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodPost, all, s.Reveal(d.create), wire.OAuthClient{}),
		route(http.MethodGet, all, s.Read(d.list), wire.List[wire.OAuthClient]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.OAuthClient{}),
		route(http.MethodPost, one, s.Write(d.update), wire.OAuthClient{}),
		route(http.MethodPost, one+"/disable", s.Steps(d.disable), wire.OAuthClient{}),
		route(http.MethodPost, one+"/enable", s.Steps(d.enable), wire.OAuthClient{}),
		route(http.MethodPost, one+"/secrets", s.Reveal(d.addSecret), wire.OAuthClient{}),
		route(http.MethodGet, one+"/incidents", s.Read(d.incidents), wire.List[wire.OAuthIncident]{}),
		{Method: http.MethodGet, Path: "/v1/oauth_connections", Resource: "accounts", Handler: s.Read(d.connections), Returns: wire.List[wire.OAuthConnection]{}},
		{Method: http.MethodPost, Path: "/v1/oauth_connections/{id}/end", Resource: "accounts", Handler: s.Steps(d.end), Returns: wire.OAuthConnection{}},
		route(http.MethodDelete, one+"/secrets/{secret}", s.Write(d.removeSecret), wire.OAuthClient{}),
	}
}

// clientOwner is whose clients the caller manages. Access tokens and restricted
// keys manage none: whoever registers a redirect URI can collect codes. People of
// the platform do, as far as their role reaches, which the route has checked.
func clientOwner(r *rest.Request) (oauth.Owner, error) {
	whole := r.Principal.Kind == rest.Secret && r.Principal.Scopes == nil
	if !whole && !r.Principal.Member || r.Principal.Platform != "" || r.Scope.Connected() {
		return oauth.Owner{}, rest.Unsaved(&fault.Error{
			Kind: fault.Forbidden, Message: "OAuth clients can be managed only with an unrestricted secret key of the platform account.",
		})
	}
	return oauth.Owner{Platform: r.Scope.Account, Livemode: r.Scope.Livemode}, nil
}

func (d clientDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, nil, err
	}
	var p struct {
		Name         string   `form:"name"`
		Type         string   `form:"type"`
		RedirectURIs []string `form:"redirect_uris"`
		Scopes       []string `form:"scopes"`
		RequirePAR   bool     `form:"require_pushed_authorization_requests"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	public, err := publicType(p.Type)
	if err != nil {
		return nil, nil, err
	}
	client, plain, err := d.clients.Create(ctx, tx, d.clock.Now(), owner, oauth.NewClient{
		Name: p.Name, Public: public, RedirectURIs: p.RedirectURIs, Scopes: accesses(p.Scopes), RequirePAR: p.RequirePAR,
	})
	if err != nil {
		return nil, nil, err
	}
	shown, kept = revealClient(client, plain)
	return shown, kept, nil
}

func publicType(name string) (bool, error) {
	switch name {
	case "", "confidential":
		return false, nil
	case "public":
		return true, nil
	}
	return false, fault.Invalidf("parameter_invalid", "type", "Invalid type: must be one of confidential or public.")
}

func accesses(names []string) (out []tenant.Access) {
	for _, name := range names {
		out = append(out, tenant.Access(name))
	}
	return out
}

func (d clientDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.clients.List(ctx, d.pool, owner, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/oauth_clients", showClient), nil
}

func (d clientDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	client, err := d.clients.Get(ctx, d.pool, owner, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return showClient(client), nil
}

func (d clientDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	var p struct {
		Name         *string  `form:"name"`
		RedirectURIs []string `form:"redirect_uris"`
		Scopes       []string `form:"scopes"`
		RequirePAR   *bool    `form:"require_pushed_authorization_requests"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	client, err := d.clients.Update(ctx, tx, owner, r.Path("id"), oauth.ClientChange{
		Name: p.Name, RedirectURIs: p.RedirectURIs, Scopes: accesses(p.Scopes), RequirePAR: p.RequirePAR,
	})
	if err != nil {
		return nil, err
	}
	return showClient(client), nil
}

// disable and enable change nothing the second time, so they need no idempotency
// key of the request; this node forgets the client's tokens after the commit.
func (d clientDoor) disable(ctx context.Context, r *rest.Request) (any, error) {
	return d.turn(ctx, r, func(ctx context.Context, tx bun.Tx, owner oauth.Owner) (*oauth.Client, error) {
		return d.clients.Disable(ctx, tx, d.clock.Now(), owner, r.Path("id"))
	})
}

func (d clientDoor) enable(ctx context.Context, r *rest.Request) (any, error) {
	return d.turn(ctx, r, func(ctx context.Context, tx bun.Tx, owner oauth.Owner) (*oauth.Client, error) {
		return d.clients.Enable(ctx, tx, owner, r.Path("id"))
	})
}

func (d clientDoor) turn(ctx context.Context, r *rest.Request, do func(context.Context, bun.Tx, oauth.Owner) (*oauth.Client, error)) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	var client *oauth.Client
	err = db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) error {
		client, err = do(ctx, tx, owner)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.clients.Forget(client.ID)
	return showClient(client), nil
}

func (d clientDoor) addSecret(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, nil, err
	}
	client, plain, err := d.clients.AddSecret(ctx, tx, d.clock.Now(), owner, r.Path("id"))
	if err != nil {
		return nil, nil, err
	}
	shown, kept = revealClient(client, plain)
	return shown, kept, nil
}

func (d clientDoor) removeSecret(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	client, err := d.clients.RemoveSecret(ctx, tx, owner, r.Path("id"), r.Path("secret"))
	if err != nil {
		return nil, err
	}
	return showClient(client), nil
}

func (d clientDoor) incidents(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := clientOwner(r)
	if err != nil {
		return nil, err
	}
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.clients.Incidents(ctx, d.pool, owner, r.Path("id"), p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/oauth_clients/"+r.Path("id")+"/incidents", showIncident), nil
}

// connections are the installs of the platform's clients. Whoever may read the
// platform's accounts may see how it came to them.
func (d clientDoor) connections(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := connectionOwner(r)
	if err != nil {
		return nil, err
	}
	var f oauth.ConnectionFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	found, err := d.clients.Connections().List(ctx, d.pool, owner, f)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/oauth_connections", showConnection), nil
}

func (d clientDoor) end(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := connectionOwner(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	found, err := d.clients.Connections().Get(ctx, d.pool, r.Path("id"))
	if err != nil {
		return nil, err
	}
	if found.Platform != owner.Platform || found.Livemode != owner.Livemode {
		return nil, fault.NoSuch("oauth_connection", r.Path("id"))
	}
	ended, err := d.clients.Connections().Deauthorize(ctx, found.ID, owner.Platform)
	if err != nil {
		return nil, err
	}
	return showConnection(ended), nil
}

// connectionOwner refuses whoever does not act for a platform itself.
func connectionOwner(r *rest.Request) (oauth.Owner, error) {
	if r.Principal.Platform != "" || r.Scope.Connected() {
		return oauth.Owner{}, rest.Unsaved(&fault.Error{Kind: fault.Forbidden, Code: "platform_account_required",
			Message: "Only a platform can see and end the connections of its clients here."})
	}
	return oauth.Owner{Platform: r.Scope.Account, Livemode: r.Scope.Livemode}, nil
}

func showIncident(i oauth.Incident) wire.OAuthIncident {
	return wire.OAuthIncident{
		ID: i.ID, Object: "oauth_incident", Client: i.Client, ByClient: i.ByClient, Connection: wire.Nullable(i.Connection),
		Created: wire.Unix(i.CreatedAt), Kind: i.Kind, Reason: i.Reason(), RequestID: wire.Nullable(i.RequestID),
	}
}

func showConnection(c *oauth.Connection) wire.OAuthConnection {
	return wire.OAuthConnection{
		ID: c.ID, Object: "oauth_connection", Account: c.Account, Client: c.Client, ClientName: c.ClientName, Created: wire.Unix(c.CreatedAt),
		AuthorizedAt: wire.NullableUnix(c.AuthorizedAt), EndedAt: wire.NullableUnix(c.EndedAt), LastUsedAt: wire.NullableUnix(c.LastUsedAt),
		Livemode: c.Livemode, Scope: string(c.Scope), Status: string(c.Status),
	}
}

func showClient(c *oauth.Client) wire.OAuthClient {
	shown := wire.OAuthClient{
		ID: c.ID, Object: "oauth_client", Created: wire.Unix(c.CreatedAt), Disabled: !c.Enabled(), DisabledAt: wire.NullableUnix(c.DisabledAt),
		Livemode: c.Livemode, Name: c.Name, RedirectURIs: c.RedirectURIs, RequirePAR: c.RequirePAR, Type: "confidential",
		Secrets: []wire.OAuthClientSecret{},
	}
	if c.Public {
		shown.Type = "public"
	}
	for _, scope := range c.Scopes {
		shown.Scopes = append(shown.Scopes, string(scope))
	}
	for _, s := range c.Secrets {
		shown.Secrets = append(shown.Secrets, wire.OAuthClientSecret{
			ID: s.ID, Object: "oauth_client_secret", Created: wire.Unix(s.CreatedAt), Last4: s.Last4, Prefix: s.Prefix,
		})
	}
	return shown
}

// revealClient is a client with its newest secret as it is shown once, and as it may be kept.
func revealClient(c *oauth.Client, plain secret.Text) (with, without wire.OAuthClient) {
	with, without = showClient(c), showClient(c)
	if n := len(with.Secrets); n > 0 && !plain.IsZero() {
		with.Secrets[n-1].Secret = plain.Reveal()
	}
	return with, without
}
