package webhook

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
)

// Consumer is the subscriber's name in the inbox and its group on the bus.
const Consumer = "webhooks"

// Incoming is an event as it comes from the bus.
type Incoming struct {
	ID       string // evt_…
	Type     string
	Account  string // whose event it is
	Platform string // the platform behind Account; Account itself for a platform
	Livemode bool
	Envelope []byte // the event as the API shows it: what is sent and signed
}

// Inbox tells whether a consumer meets an event for the first time, in the
// transaction of the effect. Satisfied by event.Inbox.
type Inbox interface {
	Once(ctx context.Context, tx bun.Tx, consumer, eventID string) (first bool, err error)
}

// Directory tells whether a platform may hear of an account. Satisfied by connect.Accounts.
type Directory interface {
	Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error)
}

// Deauthorized is the one event a platform gets of an account it has lost.
const Deauthorized = "account.application.deauthorized"

// Subscriber turns events into deliveries.
type Subscriber struct {
	pool     *bun.DB
	inbox    Inbox
	accounts Directory
	clock    clock.Clock
	wake     func()
}

// NewSubscriber makes a subscriber; wake (may be nil) is told when a delivery is
// committed, so that a dispatcher in this process need not wait for its next poll.
func NewSubscriber(pool *bun.DB, inbox Inbox, accounts Directory, clk clock.Clock, wake func()) *Subscriber {
	if wake == nil {
		wake = func() {}
	}
	return &Subscriber{pool: pool, inbox: inbox, accounts: accounts, clock: clk, wake: wake}
}

// Handle takes one event from the bus, in a transaction of its own. Most events
// of most platforms interest no endpoint: those cost one look and no commit.
func (s *Subscriber) Handle(ctx context.Context, e Incoming) error {
	wanted, err := matchEndpoints(ctx, s.pool, e)
	if err != nil || len(wanted) == 0 {
		return err
	}
	var made int
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		var err error
		made, err = s.HandleEvent(ctx, tx, e)
		return err
	})
	if err == nil && made > 0 {
		s.wake()
	}
	return err
}

// HandleEvent writes one delivery for every endpoint that wants the event and
// tells how many. An event that was handled before has no effect.
func (s *Subscriber) HandleEvent(ctx context.Context, tx bun.Tx, e Incoming) (int, error) {
	first, err := s.inbox.Once(ctx, tx, Consumer, e.ID)
	if err != nil || !first {
		return 0, err
	}
	endpoints, err := matchEndpoints(ctx, tx, e)
	if err != nil || len(endpoints) == 0 {
		return 0, err
	}
	if endpoints, err = s.allowed(ctx, tx, e, endpoints); err != nil || len(endpoints) == 0 {
		return 0, err
	}
	return len(endpoints), insertDeliveries(ctx, tx, s.clock.Now(), e, endpoints)
}

// allowed leaves out the platform's endpoints if it may not hear of the account.
func (s *Subscriber) allowed(ctx context.Context, tx bun.Tx, e Incoming, endpoints []Endpoint) ([]Endpoint, error) {
	ofPlatform := func(to Endpoint) bool { return to.Connect }
	if e.Type == Deauthorized || !slices.ContainsFunc(endpoints, ofPlatform) {
		return endpoints, nil
	}
	hears, err := s.accounts.Hears(ctx, tx, e.Platform, e.Account, e.Livemode)
	if err != nil || hears {
		return endpoints, err
	}
	return slices.DeleteFunc(endpoints, ofPlatform), nil
}
