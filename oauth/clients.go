package oauth

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Clients registers the applications of platforms.
type Clients struct {
	pepper      secret.Pepper
	connections *Connections
}

// Owner is whose clients a call manages, in one mode.
type Owner struct {
	Platform string
	Livemode bool
}

// NewClient says what client to register.
type NewClient struct {
	Name         string
	Public       bool
	RedirectURIs []string
	Scopes       []tenant.Access // none: both
	RequirePAR   bool
}

// Create registers a client. A confidential one gets its first secret, which the
// text is in plain; it exists nowhere else.
func (s *Clients) Create(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, want NewClient) (*Client, secret.Text, error) {
	c := &Client{
		ID: id.New("ca"), Platform: owner.Platform, Livemode: owner.Livemode, Name: want.Name, Public: want.Public,
		RedirectURIs: want.RedirectURIs, Scopes: want.Scopes, RequirePAR: want.RequirePAR, CreatedAt: at,
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []tenant.Access{tenant.ReadOnly, tenant.ReadWrite}
	}
	if err := c.check(); err != nil {
		return nil, secret.Text{}, err
	}
	if err := insertClient(ctx, tx, c); err != nil || c.Public {
		return c, secret.Text{}, err
	}
	plain, err := s.addSecret(ctx, tx, at, c)
	return c, plain, err
}

// ClientChange says what to change of a client; nil keeps what is.
type ClientChange struct {
	Name         *string
	RedirectURIs []string
	Scopes       []tenant.Access
	RequirePAR   *bool
}

// Update changes a client. Consents given for it stay as they are: a scope that
// it loses is no longer given out, a redirect URI that it loses gets no more codes.
func (s *Clients) Update(ctx context.Context, tx bun.Tx, owner Owner, clientID string, change ClientChange) (*Client, error) {
	c, err := getClient(ctx, tx, owner, clientID, "UPDATE")
	if err != nil {
		return nil, err
	}
	if change.Name != nil {
		c.Name = *change.Name
	}
	if change.RedirectURIs != nil {
		c.RedirectURIs = change.RedirectURIs
	}
	if change.Scopes != nil {
		c.Scopes = change.Scopes
	}
	if change.RequirePAR != nil {
		c.RequirePAR = *change.RequirePAR
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, updateClient(ctx, tx, c)
}

// Disable stops a client: its tokens, codes and consents do nothing until it is
// enabled again, and its platform loses the access it has through it. The caller
// calls Forget once the transaction is committed. Disabling twice changes nothing.
//
// The client's row is locked first: an approval under way either sees it disabled
// or has left its connection for us to find.
func (s *Clients) Disable(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, clientID string) (*Client, error) {
	return s.turn(ctx, tx, owner, clientID, at)
}

// Enable undoes Disable.
func (s *Clients) Enable(ctx context.Context, tx bun.Tx, owner Owner, clientID string) (*Client, error) {
	return s.turn(ctx, tx, owner, clientID, time.Time{})
}

func (s *Clients) turn(ctx context.Context, tx bun.Tx, owner Owner, clientID string, disabledAt time.Time) (*Client, error) {
	c, err := getClient(ctx, tx, owner, clientID, "UPDATE")
	if err != nil || c.DisabledAt.IsZero() == disabledAt.IsZero() {
		return c, err
	}
	c.DisabledAt = disabledAt
	if err := markDisabled(ctx, tx, c.ID, disabledAt); err != nil {
		return nil, err
	}
	return c, s.connections.realign(ctx, tx, c.ID)
}

// AddSecret gives a client one more secret, up to MaxSecrets.
func (s *Clients) AddSecret(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, clientID string) (*Client, secret.Text, error) {
	c, err := getClient(ctx, tx, owner, clientID, "UPDATE")
	if err != nil {
		return nil, secret.Text{}, err
	}
	switch {
	case c.Public:
		return nil, secret.Text{}, fault.Invalidf("oauth_client_public", "id", "A public client has no secrets.")
	case len(c.Secrets) >= MaxSecrets:
		return nil, secret.Text{}, fault.Invalidf("oauth_client_secret_limit", "id",
			"A client has at most %d secrets. Remove the one that is no longer used first.", MaxSecrets)
	}
	plain, err := s.addSecret(ctx, tx, at, c)
	return c, plain, err
}

func (s *Clients) addSecret(ctx context.Context, tx bun.Tx, at time.Time, c *Client) (secret.Text, error) {
	plain := randomToken(secretPrefix(c.Livemode))
	made := ClientSecret{
		ID: id.New("csec"), Prefix: secretPrefix(c.Livemode), Last4: last4(plain.Reveal()), CreatedAt: at, hash: s.pepper.Sum(plain),
	}
	c.Secrets = append(c.Secrets, made)
	return plain, insertSecret(ctx, tx, c.ID, made)
}

// RemoveSecret ends a secret at once. Without any, the client still works with
// its platform's secret key.
func (s *Clients) RemoveSecret(ctx context.Context, tx bun.Tx, owner Owner, clientID, secretID string) (*Client, error) {
	c, err := getClient(ctx, tx, owner, clientID, "UPDATE")
	if err != nil {
		return nil, err
	}
	if err := deleteSecret(ctx, tx, c.ID, secretID); err != nil {
		return nil, err
	}
	return getClient(ctx, tx, owner, clientID, "")
}

// Get is one client of the owner. Fails with NotFound.
func (s *Clients) Get(ctx context.Context, idb bun.IDB, owner Owner, clientID string) (*Client, error) {
	return getClient(ctx, idb, owner, clientID, "")
}

// List is a page of the owner's clients, newest first.
func (s *Clients) List(ctx context.Context, idb bun.IDB, owner Owner, p page.Params) (page.Of[*Client], error) {
	return listClients(ctx, idb, owner, p)
}

// Connections are the connections of all clients.
func (s *Clients) Connections() *Connections { return s.connections }

// Forget makes this node ask the database again about a client that was disabled
// or enabled. Other nodes do so by themselves within five seconds.
func (s *Clients) Forget(clientID string) {
	s.connections.tokens.forget(func(t *liveToken) bool { return t.client == clientID })
}
