package webhook

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
)

// Consumer is the subscriber's consumer group: its name on the bus and in the inbox.
const Consumer = "sluice.webhooks"

// Incoming is an event as it comes from the bus.
type Incoming struct {
	ID            string // evt_…
	Type          string
	Account       string // whose event it is
	Platform      string // the platform behind Account; Account itself for a platform
	Livemode      bool
	ObjectID      string // what it is about
	ObjectVersion int64
	Envelope      []byte // the event as the API shows it: what is sent and signed
}

// Directory knows the accounts. Satisfied by connect.Accounts.
type Directory interface {
	// Hears tells whether a platform may hear of an account.
	Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error)
	// HearsOf tells of which of the accounts it may hear.
	HearsOf(ctx context.Context, idb bun.IDB, platform string, livemode bool, accounts []string) (map[string]bool, error)
	// PlatformOf is the platform behind an account; itself for a platform.
	PlatformOf(ctx context.Context, idb bun.IDB, account string, livemode bool) (string, error)
}

// Deauthorized is the one event a platform gets of an account it has lost.
const Deauthorized = "account.application.deauthorized"

// Subscriber turns events into deliveries.
type Subscriber struct {
	accounts   Directory
	clock      clock.Clock
	dispatcher *Dispatcher
}

// NewSubscriber makes a subscriber. What dispatcher (nil for none in this
// process) has places for is leased to it as it is written.
func NewSubscriber(accounts Directory, clk clock.Clock, dispatcher *Dispatcher) *Subscriber {
	return &Subscriber{accounts: accounts, clock: clk, dispatcher: dispatcher}
}

// Effect writes one delivery for every endpoint that wants an event of the batch,
// in the transaction that marks the events as taken; a batch costs the same few
// statements whatever its size. The bus sees to it that each event comes once. committed, nil when nothing was written, is for
// after the commit: it starts the sends.
func (s *Subscriber) Effect(ctx context.Context, tx bun.Tx, batch []Incoming) (committed func(), err error) {
	letters, err := s.address(ctx, tx, batch)
	if err != nil || len(letters) == 0 {
		return nil, err
	}
	born, waiting, err := writeDeliveries(ctx, tx, s.clock.Now(), letters, s.dispatcher)
	if err != nil || s.dispatcher == nil {
		return nil, err
	}
	return func() { s.dispatcher.accept(born, waiting) }, nil
}

// letter is an event and whom it goes to.
type letter struct {
	Incoming
	to []Endpoint
}

// address finds the endpoints that want the events and may have them.
func (s *Subscriber) address(ctx context.Context, tx bun.Tx, batch []Incoming) ([]letter, error) {
	book, err := matchEndpoints(ctx, tx, batch)
	if err != nil || len(book) == 0 {
		return nil, err
	}
	heard, err := s.hearing(ctx, tx, book, batch)
	if err != nil {
		return nil, err
	}
	var letters []letter
	for _, e := range batch {
		if to := recipients(book, e, e.Type == Deauthorized || heard[e.asked()][e.Account]); len(to) > 0 {
			letters = append(letters, letter{Incoming: e, to: to})
		}
	}
	return letters, nil
}

// recipients are the endpoints of the event's own account, and those of its
// platform for connected accounts if the platform may hear of this one. An
// endpoint never hears of itself: what tells that it fails would fail too.
func recipients(book addressBook, e Incoming, heard bool) []Endpoint {
	var to []Endpoint
	for _, found := range book[addressKey{account: e.Account, livemode: e.Livemode}] {
		if found.Wants(e.Type) && !aboutItself(e, found) {
			to = append(to, found)
		}
	}
	if e.Account == e.Platform || !heard {
		return to
	}
	for _, found := range book[e.asked()] {
		if found.Wants(e.Type) {
			to = append(to, found)
		}
	}
	return to
}

// asked is where the endpoints stand that hear of the event by its platform.
func (e Incoming) asked() addressKey {
	return addressKey{account: e.Platform, livemode: e.Livemode, connect: true}
}

// hearing asks of which accounts of the batch the platforms may hear, once for each
// platform that has endpoints for them.
func (s *Subscriber) hearing(ctx context.Context, tx bun.Tx, book addressBook, batch []Incoming) (map[addressKey]map[string]bool, error) {
	accounts := map[addressKey][]string{}
	for _, e := range batch {
		if by := e.asked(); e.Account != e.Platform && len(book[by]) > 0 && !slices.Contains(accounts[by], e.Account) {
			accounts[by] = append(accounts[by], e.Account)
		}
	}
	heard := make(map[addressKey]map[string]bool, len(accounts))
	for by, of := range accounts {
		var err error
		if heard[by], err = s.accounts.HearsOf(ctx, tx, by.account, by.livemode, of); err != nil {
			return nil, err
		}
	}
	return heard, nil
}

// ownEvents are those whose object is an endpoint.
const ownEvents = "webhook_endpoint."

func aboutItself(e Incoming, to Endpoint) bool {
	return strings.HasPrefix(e.Type, ownEvents) && e.ObjectID == to.ID
}
