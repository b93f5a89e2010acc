// Package balance is what an account may know about its money: totals, the
// lines of its statement, what matures when, and which lines a payout took.
package balance

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Purse names the money of one account in one currency.
type Purse struct {
	Livemode bool
	Account  string
	Currency money.Currency
}

// Funds is how much a purse holds; any of them may be negative.
type Funds struct {
	Currency  money.Currency
	Available int64
	Pending   int64
	Reserved  int64 // connect_reserved, platform accounts only
}

// Of lists the funds of scope.Account per currency, in order of currency.
func Of(ctx context.Context, idb bun.IDB, scope tenant.Scope) ([]Funds, error) {
	panic("not built yet")
}

// In is the funds of one purse.
func In(ctx context.Context, idb bun.IDB, p Purse) (Funds, error) { panic("not built yet") }

// Transaction is one line of an account's statement (balance transaction).
type Transaction struct {
	ID          string
	Account     string
	Livemode    bool
	Type        string
	Amount      int64
	Fee         int64
	Net         int64
	Currency    money.Currency
	FeeDetails  []ledger.Fee
	Source      string
	Description string
	Payout      string // the payout it belongs to, or ""
	EntryID     int64
	AvailableOn time.Time
	Available   bool
	CreatedAt   time.Time
}

// Filter narrows a list of transactions; zero fields do not.
type Filter struct {
	Payout, Source, Type string
	Currency             money.Currency
	CreatedFrom          time.Time // inclusive
	CreatedBefore        time.Time // exclusive
}

// Page is a window on a list, newest first.
type Page struct {
	After, Before string // ids; at most one is set
	Limit         int
}

// List is one page of the account's transactions and whether more follow.
func List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f Filter, p Page) ([]Transaction, bool, error) {
	panic("not built yet")
}

// Get is one transaction of the account, or NotFound.
func Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (Transaction, error) {
	panic("not built yet")
}

// ByIDs gives those of the transactions that belong to the account.
func ByIDs(ctx context.Context, idb bun.IDB, scope tenant.Scope, ids []string) (map[string]Transaction, error) {
	panic("not built yet")
}

// Matured is what became available in one purse.
type Matured struct {
	Purse
	Amount int64
}

// Mature moves what is due from pending to available, for at most limit
// purses. Call it until it returns none; append balance.available for each.
func Mature(ctx context.Context, tx bun.Tx, book *ledger.Book, livemode bool, now time.Time, limit int) ([]Matured, error) {
	panic("not built yet")
}

// Upcoming is what matures on one day.
type Upcoming struct {
	Day    time.Time
	Amount int64
}

// Expected lists what a purse has pending, by day.
func Expected(ctx context.Context, idb bun.IDB, p Purse) ([]Upcoming, error) { panic("not built yet") }

// Attach gives a payout the lines it consists of.
func Attach(ctx context.Context, tx bun.Tx, book *ledger.Book, p Payout) ([]string, error) {
	panic("not built yet")
}

// Payout is what Attach needs to know of one.
type Payout struct {
	Purse
	ID     string // po_…
	Amount int64
	At     time.Time
	NewID  func() string // ids for the two lines of a cut
}

// Detach frees the lines of a payout that failed or was canceled.
func Detach(ctx context.Context, tx bun.Tx, p Purse, payout string) error { panic("not built yet") }
