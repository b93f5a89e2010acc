package payouts

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Destination is a bank account that payouts can go to.
type Destination struct {
	ID        string // ba_…
	Currency  money.Currency
	Country   string     // of the bank, ISO 3166 alpha-2
	Default   bool       // where payouts in its currency go unless told otherwise
	Share     money.Rate // of automatic payouts in its currency; zero for all: they go to the default
	Errored   bool       // a payout to it failed; automatic ones stop until it is changed
	ChangedAt time.Time  // when the account it names was last given
}

// Payable is what payouts must know of an account.
type Payable struct {
	Schedule            Schedule
	PayoutsEnabled      bool
	StatementDescriptor string // default for its payouts, or ""
	Destinations        []Destination
	Retain              map[money.Currency]int64 // stays in the balance after an automatic payout
	Trigger             map[money.Currency]int64 // from this on it is paid at once, besides the schedule
	DebitNegative       bool                     // what it owes may be taken from its bank account
}

// Accounts knows who is paid where. The account meant is scope.Account.
type Accounts interface {
	// Payables is the standing of accounts of a mode, those that are open.
	Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]Payable, error)
	// Payable is the account's standing, or a fault NotFound or Forbidden.
	Payable(ctx context.Context, idb bun.IDB, scope tenant.Scope) (Payable, error)
	// Creditor opens the bank details of a destination, or a fault NotFound or Forbidden.
	Creditor(ctx context.Context, idb bun.IDB, scope tenant.Scope, destination string) (rail.Creditor, error)
	// MarkErrored stops automatic payouts to a destination.
	MarkErrored(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, destination string) error
	// Correct changes a destination as its bank says, and returns its id or that of
	// the one that takes its place. A fault tells why it cannot be.
	Correct(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, destination string, said rail.Change) (string, error)
}

// gone reports whether err says that an account or destination is not there any more.
func gone(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) }

// standard is the default destination for a currency, if it works.
func (p Payable) standard(currency money.Currency) (Destination, bool) {
	for _, d := range p.Destinations {
		if d.Default && !d.Errored && d.Currency == currency {
			return d, true
		}
	}
	return Destination{}, false
}

// hasErrored reports whether the destination of automatic payouts in a currency does not work.
func (p Payable) hasErrored(currency money.Currency) bool {
	divided := len(p.shares(currency)) > 0
	return slices.ContainsFunc(p.Destinations, func(d Destination) bool {
		return (d.Default && !divided || d.Share > 0) && d.Errored && d.Currency == currency
	})
}

// named is the destination with an id.
func (p Payable) named(id string) (Destination, bool) {
	for _, d := range p.Destinations {
		if d.ID == id {
			return d, true
		}
	}
	return Destination{}, false
}

// choose is the destination a manual payout asks for; "" is the default. One
// that errored can still be asked for by name: somebody may have mended it at the bank.
func (p Payable) choose(id string, currency money.Currency) (Destination, error) {
	if id == "" {
		d, ok := p.standard(currency)
		if !ok {
			return Destination{}, fault.Invalidf("", "currency", "Sorry, you don't have any external accounts in that currency (%s).", currency)
		}
		return d, nil
	}
	for _, d := range p.Destinations {
		if d.ID != id {
			continue
		}
		if d.Currency != currency {
			return Destination{}, fault.Invalidf("", "destination", "The destination '%s' takes %s, not %s.", id, d.Currency, currency)
		}
		return d, nil
	}
	return Destination{}, fault.Invalidf("resource_missing", "destination", "No such external account: '%s'", id)
}
