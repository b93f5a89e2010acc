package webhook

import (
	"context"
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
	hears := hearing{accounts: s.accounts, tx: tx, known: map[hearingKey]bool{}}
	var letters []letter
	for _, e := range batch {
		to, err := recipients(ctx, book, e, &hears)
		if err != nil {
			return nil, err
		}
		if len(to) > 0 {
			letters = append(letters, letter{Incoming: e, to: to})
		}
	}
	return letters, nil
}

// recipients are the endpoints of the event's own account, and those of its
// platform for connected accounts if the platform may hear of this one. An
// endpoint never hears of itself: what tells that it fails would fail too.
func recipients(ctx context.Context, book addressBook, e Incoming, hears *hearing) ([]Endpoint, error) {
	var to []Endpoint
	own := addressKey{account: e.Account, livemode: e.Livemode}
	for _, found := range book[own] {
		if found.Wants(e.Type) && !aboutItself(e, found) {
			to = append(to, found)
		}
	}
	if e.Account == e.Platform {
		return to, nil
	}
	for _, found := range book[addressKey{account: e.Platform, livemode: e.Livemode, connect: true}] {
		if !found.Wants(e.Type) {
			continue
		}
		heard, err := hears.of(ctx, e)
		if err != nil {
			return nil, err
		}
		if heard {
			to = append(to, found)
		}
	}
	return to, nil
}

// ownEvents are those whose object is an endpoint.
const ownEvents = "webhook_endpoint."

func aboutItself(e Incoming, to Endpoint) bool {
	return strings.HasPrefix(e.Type, ownEvents) && e.ObjectID == to.ID
}

// hearing asks once per platform and account.
type hearing struct {
	accounts Directory
	tx       bun.Tx
	known    map[hearingKey]bool
}

type hearingKey struct {
	platform, account string
	livemode          bool
}

func (h *hearing) of(ctx context.Context, e Incoming) (bool, error) {
	if e.Type == Deauthorized {
		return true, nil
	}
	key := hearingKey{platform: e.Platform, account: e.Account, livemode: e.Livemode}
	if heard, known := h.known[key]; known {
		return heard, nil
	}
	heard, err := h.accounts.Hears(ctx, h.tx, e.Platform, e.Account, e.Livemode)
	if err == nil {
		h.known[key] = heard
	}
	return heard, err
}
