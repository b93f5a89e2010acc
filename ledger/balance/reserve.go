package balance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// Cover is one platform's reserve in one currency and the connected accounts
// it has to cover: those whose available balance is negative.
type Cover struct {
	Purse            // the platform's
	Debtors []string // acct_…; empty when nobody owes any more and the reserve can be released
}

// PlatformOf tells whose reserve covers an account. The ledger knows only owners.
type PlatformOf func(ctx context.Context, account string, livemode bool) (string, error)

// Covers lists the platforms of a mode whose reserve has something to cover or
// to release, in order of platform and currency.
func Covers(ctx context.Context, idb bun.IDB, livemode bool, platformOf PlatformOf) ([]Cover, error) {
	var rows []struct {
		Owner    string
		Kind     ledger.Kind
		Currency money.Currency
	}
	err := idb.NewRaw(`
		SELECT owner, kind, currency FROM ledger.accounts
		WHERE livemode = ? AND (kind = 'available' AND debits > credits OR kind = 'reserved' AND debits <> credits)
		ORDER BY owner`, livemode).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find negative balances: %w", err)
	}
	covers := make(map[Purse]*Cover)
	for _, row := range rows {
		platform, err := platformOf(ctx, row.Owner, livemode)
		if err != nil {
			return nil, fmt.Errorf("find the platform of %s: %w", row.Owner, err)
		}
		if row.Kind == ledger.Available && row.Owner == platform {
			continue // nobody stands behind a platform
		}
		purse := Purse{Livemode: livemode, Account: platform, Currency: row.Currency}
		if covers[purse] == nil {
			covers[purse] = &Cover{Purse: purse}
		}
		if row.Kind == ledger.Available {
			covers[purse].Debtors = append(covers[purse].Debtors, row.Owner)
		}
	}
	return inOrder(covers), nil
}

func inOrder(covers map[Purse]*Cover) []Cover {
	sorted := make([]Cover, 0, len(covers))
	for _, c := range covers {
		sorted = append(sorted, *c)
	}
	slices.SortFunc(sorted, func(a, b Cover) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Currency, b.Currency))
	})
	return sorted
}

// Reserve brings what the platform has set aside to what its debtors owe
// together, and returns what moved: positive if set aside, negative if released.
//
// The platform's rows are locked and everything is read after the lock, so any
// number of processes may reserve at once. The debtors are not locked: what
// changes on them meanwhile is for the next time.
func Reserve(ctx context.Context, tx bun.Tx, book *ledger.Book, c Cover, at time.Time) (int64, error) {
	if err := book.Lock(ctx, tx, c.place(ledger.Available), c.place(ledger.Reserved)); err != nil {
		return 0, err
	}
	short, err := shortOf(ctx, tx, c)
	if err != nil || short == 0 {
		return 0, err
	}
	short = max(-money.MaxMinor, min(short, money.MaxMinor)) // the rest follows next time
	entry := journal.ReserveMoved(journal.Reserve{
		ID: id.New("rtx"), Livemode: c.Livemode, Platform: c.Account, Amount: money.New(short, c.Currency), At: at,
	}, func() string { return id.New("txn") })
	results, err := book.Post(ctx, tx, entry)
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return 0, fmt.Errorf("reserve for %s: %w", c.Account, err)
	}
	return short, nil
}

// shortOf is what the debtors owe less what is set aside.
func shortOf(ctx context.Context, tx bun.Tx, c Cover) (short int64, err error) {
	err = tx.NewRaw(`
		SELECT coalesce(sum(debits - credits), 0)::bigint FROM ledger.accounts
		WHERE livemode = ? AND currency = ? AND (kind = 'available' AND owner = ANY(?) AND debits > credits OR kind = 'reserved' AND owner = ?)`,
		c.Livemode, string(c.Currency), pgdialect.Array(c.Debtors), c.Account).Scan(ctx, &short)
	if err != nil {
		return 0, fmt.Errorf("sum negative balances: %w", err)
	}
	return short, nil
}
