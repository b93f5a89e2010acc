package webhook

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
)

// Consumer is the subscriber's consumer group: its name on the bus and in the inbox.
const Consumer = "sluice.webhooks"

// Incoming is an event as it comes from the bus.
type Incoming struct {
	ID       string // evt_…
	Type     string
	Account  string // whose event it is
	Platform string // the platform behind Account; Account itself for a platform
	Livemode bool
	Envelope []byte // the event as the API shows it: what is sent and signed
}

// Directory tells whether a platform may hear of an account. Satisfied by connect.Accounts.
type Directory interface {
	Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error)
}

// Deauthorized is the one event a platform gets of an account it has lost.
const Deauthorized = "account.application.deauthorized"

// Subscriber turns events into deliveries.
type Subscriber struct {
	accounts Directory
	clock    clock.Clock
	wake     func()
}

// NewSubscriber makes a subscriber; wake (may be nil) is told when a delivery is
// committed, so that a dispatcher in this process need not wait for its next poll.
func NewSubscriber(accounts Directory, clk clock.Clock, wake func()) *Subscriber {
	if wake == nil {
		wake = func() {}
	}
	return &Subscriber{accounts: accounts, clock: clk, wake: wake}
}

// Effect writes one delivery for every endpoint that wants an event of the batch.
// The bus sees to it that each event comes once.
func (s *Subscriber) Effect(ctx context.Context, tx bun.Tx, batch []Incoming) (committed func(), err error) {
	made := 0
	for _, e := range batch {
		n, err := s.deliver(ctx, tx, e)
		if err != nil {
			return nil, err
		}
		made += n
	}
	if made == 0 {
		return nil, nil
	}
	return s.wake, nil
}

func (s *Subscriber) deliver(ctx context.Context, tx bun.Tx, e Incoming) (made int, err error) {
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
