package oauth

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Connections tells who is connected to whom, and ends it.
type Connections struct {
	pool   *bun.DB
	market Marketplace
	clock  clock.Clock // real time
	clocks clock.Modes // of events
	log    event.Log
	tokens *Tokens
}

// Get is one connection by its id, whoever's it is: the caller checks. Fails with NotFound.
func (s *Connections) Get(ctx context.Context, idb bun.IDB, connectionID string) (*Connection, error) {
	c, err := findConnection(ctx, idb, "connection.id = ?", connectionID)
	if err == nil && c == nil {
		err = noConnection(connectionID)
	}
	return c, err
}

// Find is a client's connection to an account in whatever state, or nil.
func (s *Connections) Find(ctx context.Context, idb bun.IDB, clientID, account string) (*Connection, error) {
	return findConnection(ctx, idb, "connection.client = ? AND connection.account = ?", clientID, account)
}

// ForAccount are the active connections of an account, newest first.
func (s *Connections) ForAccount(ctx context.Context, idb bun.IDB, account string, livemode bool) ([]*Connection, error) {
	return connectionsOf(ctx, idb, account, livemode)
}

// ConnectionFilter narrows a list of connections.
type ConnectionFilter struct {
	page.Params
	Account string `form:"account"`
	Client  string `form:"client"`
}

// List is a page of the connections that the owner's clients have or had, newest first.
func (s *Connections) List(ctx context.Context, idb bun.IDB, owner Owner, f ConnectionFilter) (page.Of[*Connection], error) {
	of := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("connection.platform = ? AND connection.livemode = ?", owner.Platform, owner.Livemode)
	}
	rows, err := page.Fetch[connectionRow](ctx, idb, f.Params, "oauth_connection", of, func(q *bun.SelectQuery) *bun.SelectQuery {
		if f.Account != "" {
			q = q.Where("connection.account = ?", f.Account)
		}
		if f.Client != "" {
			q = q.Where("connection.client = ?", f.Client)
		}
		return withClient(q)
	})
	if err != nil {
		return page.Of[*Connection]{}, err
	}
	out := page.Of[*Connection]{Items: make([]*Connection, len(rows.Items)), HasMore: rows.HasMore}
	for i, r := range rows.Items {
		out.Items[i] = r.connection()
	}
	return out, nil
}

// Deauthorize ends a connection: codes and tokens are revoked, the platform loses
// the access it had through it, and the platform hears of it. by is the user or
// the platform account that ends it. Ending an ended connection changes nothing;
// a consent that was not exchanged yet becomes void.
//
// When it returns, nothing of the connection is active: a refresh or an exchange
// under way holds the row lock and ends first, or comes later and finds the end.
func (s *Connections) Deauthorize(ctx context.Context, connectionID, by string) (*Connection, error) {
	found, err := s.Get(ctx, s.pool, connectionID)
	if err != nil {
		return nil, err
	}
	var ended *Connection
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		locked, err := lockConnections(ctx, tx, found.Platform, found.Account, found.Livemode)
		if err != nil {
			return err
		}
		if ended, err = pick(locked, connectionID); err != nil {
			return err
		}
		return s.end(ctx, tx, locked, ended, by)
	})
	if err != nil {
		return nil, err
	}
	s.tokens.Forget(connectionID)
	return ended, nil
}

func (s *Connections) end(ctx context.Context, tx bun.Tx, locked []*Connection, c *Connection, by string) error {
	now := s.clock.Now()
	if err := revokeConnection(ctx, tx, c.ID, now); err != nil {
		return err
	}
	if !c.Active() {
		return nil
	}
	c.Status, c.Scope, c.EndedAt, c.EndedBy = ConnectionEnded, tenant.NoAccess, now, by
	if err := s.append(ctx, tx, c, eventDeauthorized); err != nil {
		return err
	}
	return s.align(ctx, tx, locked)
}

// activate makes the connection of an exchanged code active with at least this scope.
func (s *Connections) activate(ctx context.Context, tx bun.Tx, now time.Time, locked []*Connection, c *Connection, scope tenant.Access) error {
	if c.Active() && includes(c.Scope, scope) {
		return nil
	}
	if !c.Active() {
		c.Status, c.AuthorizedAt, c.EndedAt, c.EndedBy = ConnectionActive, now, time.Time{}, ""
	}
	c.Scope = wider(c.Scope, scope)
	if err := s.append(ctx, tx, c, eventAuthorized); err != nil {
		return err
	}
	return s.align(ctx, tx, locked)
}

// append writes the connection with an event about it.
func (s *Connections) append(ctx context.Context, tx bun.Tx, c *Connection, typ string) error {
	e, err := c.event(typ, s.clocks.For(c.Livemode).Now())
	if err != nil {
		return err
	}
	if err := updateConnection(ctx, tx, c); err != nil {
		return err
	}
	return s.log.Append(ctx, tx, e)
}

// align tells the marketplace what all connections of one account give their
// platform together: two clients of a platform do not take access from each other.
func (s *Connections) align(ctx context.Context, tx bun.Tx, locked []*Connection) error {
	if len(locked) == 0 {
		return nil
	}
	access := tenant.NoAccess
	for _, c := range locked {
		access = wider(access, c.Allowed())
	}
	first := locked[0]
	return s.market.SetAccess(ctx, tx, first.Platform, first.Account, first.Livemode, access)
}

// realign aligns every account that a client is connected to, once the client was
// disabled or enabled. Accounts come in order; each one's connections are locked.
func (s *Connections) realign(ctx context.Context, tx bun.Tx, clientID string) error {
	reaches, err := reachesOf(ctx, tx, clientID)
	if err != nil {
		return err
	}
	for _, r := range reaches {
		locked, err := lockConnections(ctx, tx, r.Platform, r.Account, r.Livemode)
		if err != nil {
			return err
		}
		if !anyActive(locked) {
			continue
		}
		if err := s.align(ctx, tx, locked); err != nil {
			return err
		}
	}
	return nil
}

func anyActive(connections []*Connection) bool {
	for _, c := range connections {
		if c.Active() {
			return true
		}
	}
	return false
}
