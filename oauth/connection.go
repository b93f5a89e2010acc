package oauth

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// ConnectionStatus is where a connection stands.
type ConnectionStatus string

// pending → active ⇄ ended: a consent whose code was never exchanged stays
// pending; one after an end makes the same connection active again.
const (
	ConnectionPending ConnectionStatus = "pending"
	ConnectionActive  ConnectionStatus = "active"
	ConnectionEnded   ConnectionStatus = "ended"
)

// Connection is a client's reach into one account.
type Connection struct {
	ID           string // conn_…
	Client       string // ca_…
	ClientName   string
	ClientPublic bool
	Platform     string
	Account      string
	Livemode     bool
	Status       ConnectionStatus
	Scope        tenant.Access // the widest ever accepted since it became active; NoAccess unless active
	ApprovedBy   string        // who consented last
	CreatedAt    time.Time
	AuthorizedAt time.Time // when the first code of this life was exchanged
	EndedAt      time.Time
	EndedBy      string // a user, or the platform account
	LastUsedAt   time.Time

	version        int64
	clientDisabled bool
}

// Active reports whether something may be done through the connection. A
// disabled client's connections are active but allow nothing.
func (c *Connection) Active() bool { return c.Status == ConnectionActive }

// Allowed is what the connection lets its platform do at this moment: nothing while
// the client is disabled, whatever was agreed on.
func (c *Connection) Allowed() tenant.Access {
	if !c.Active() || c.clientDisabled {
		return tenant.NoAccess
	}
	return c.Scope
}

// Types of events. The third one is an extension of Sluice: it tells a platform
// why its refresh token stopped working.
const (
	eventAuthorized   = "account.application.authorized"
	eventDeauthorized = "account.application.deauthorized"
	eventGrantRevoked = "account.application.grant_revoked"
)

// event is something that happened to the connection; its row is locked.
func (c *Connection) event(typ string, at time.Time) (event.Event, error) {
	c.version++
	object, err := json.Marshal(wire.Application{ID: c.Client, Object: "application", Name: &c.ClientName})
	if err != nil {
		return event.Event{}, fmt.Errorf("render application: %w", err)
	}
	return event.Event{
		Type: typ, Account: c.Account, Platform: c.Platform, Livemode: c.Livemode,
		ObjectID: c.ID, ObjectVersion: c.version, Object: object, CreatedAt: at,
	}, nil
}
