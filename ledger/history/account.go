package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
)

// Account is one account of the ledger with its totals.
type Account struct {
	ID              int64
	Owner           string
	Livemode        bool
	Kind            ledger.Kind
	Currency        money.Currency
	Debits, Credits int64
	Version         int64 // number of postings
}

// Balance is what the account owes to its owner: credits − debits. Of an asset it is negative.
func (a Account) Balance() int64 { return a.Credits - a.Debits }

type accountRow struct {
	bun.BaseModel `bun:"table:ledger.accounts,alias:a"`
	Account
}

// Find is the account of that number.
func Find(ctx context.Context, idb bun.IDB, number int64) (Account, bool, error) {
	var row accountRow
	err := idb.NewSelect().Model(&row).Where("a.id = ?", number).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, fmt.Errorf("read ledger account: %w", err)
	}
	return row.Account, true, nil
}

// Filter narrows a list of accounts.
type Filter struct {
	Livemode bool
	Owners   []string // those that may be seen, sorted
	Kind     ledger.Kind
	Currency money.Currency
}

// ownersAtOnce bounds how many owners one statement is asked for.
const ownersAtOnce = 500

// List is a page of accounts in order of owner, kind and currency, from the place
// of another account on (its zero value is the beginning).
func List(ctx context.Context, idb bun.IDB, f Filter, cursor Account, backwards bool, size int) (page.Of[Account], error) {
	owners := slices.Clone(f.Owners)
	from := 0
	if cursor.Owner != "" {
		from, _ = slices.BinarySearch(owners, cursor.Owner)
	}
	if owners = owners[from:]; backwards {
		owners = slices.Clone(f.Owners[:min(from+1, len(f.Owners))])
		slices.Reverse(owners)
	}
	var found []Account
	for some := range slices.Chunk(owners, ownersAtOnce) {
		var rows []accountRow
		q := idb.NewSelect().Model(&rows).Where("a.livemode = ? AND a.owner = ANY(?)", f.Livemode, pgdialect.Array(some))
		if f.Kind != "" {
			q = q.Where("a.kind = ?", string(f.Kind))
		}
		if f.Currency != "" {
			q = q.Where("a.currency = ?", string(f.Currency))
		}
		if cursor.Owner != "" {
			way := bun.Safe(">")
			if backwards {
				way = bun.Safe("<")
			}
			q = q.Where("(a.owner, a.kind, a.currency) ? (?, ?, ?)", way, cursor.Owner, string(cursor.Kind), string(cursor.Currency))
		}
		order := "a.owner, a.kind, a.currency"
		if backwards {
			order = "a.owner DESC, a.kind DESC, a.currency DESC"
		}
		if err := q.OrderExpr(order).Limit(int64(size + 1 - len(found))).Scan(ctx); err != nil {
			return page.Of[Account]{}, fmt.Errorf("list ledger accounts: %w", err)
		}
		for _, r := range rows {
			found = append(found, r.Account)
		}
		if len(found) > size {
			break
		}
	}
	return page.Cut(found, backwards, size), nil
}

// AsOf turns the totals of accounts back to an instant.
func AsOf(ctx context.Context, idb bun.IDB, accounts []Account, at time.Time) error {
	numbers := make([]int64, len(accounts))
	for i, a := range accounts {
		numbers[i] = a.ID
	}
	totals, err := TotalsAt(ctx, idb, numbers, at)
	if err != nil {
		return err
	}
	for i, a := range accounts {
		t := totals[a.ID]
		accounts[i].Debits, accounts[i].Credits, accounts[i].Version = t.Debits, t.Credits, t.Postings
	}
	return nil
}

// Sum is the accounts of one kind in one currency. Totals are text because a sum over
// many accounts may be larger than any of them.
type Sum struct {
	Kind            ledger.Kind
	Currency        money.Currency
	Accounts        int64
	Debits, Credits string
	Balance         string // credits − debits
}

// SumsAt adds the accounts of owners up as of an instant, by kind and currency. Per
// currency the balances sum to zero, or the ledger is broken.
func SumsAt(ctx context.Context, idb bun.IDB, livemode bool, owners []string, at time.Time) ([]Sum, error) {
	var numbers []int64
	err := idb.NewRaw(`SELECT id FROM ledger.accounts WHERE livemode = ? AND owner = ANY(?)`, livemode, pgdialect.Array(owners)).Scan(ctx, &numbers)
	if err != nil {
		return nil, fmt.Errorf("find ledger accounts: %w", err)
	}
	var sums []Sum
	err = idb.NewRaw(`
		SELECT a.kind, a.currency, count(*) AS accounts, sum(t.debits)::text AS debits, sum(t.credits)::text AS credits,
			sum(t.credits - t.debits)::text AS balance
		FROM (`+totalsSQL+`) t JOIN ledger.accounts a ON a.id = t.account_id
		WHERE t.postings > 0 GROUP BY a.currency, a.kind ORDER BY a.currency, a.kind`, pgdialect.Array(numbers), at, at.Add(late)).Scan(ctx, &sums)
	if err != nil {
		return nil, fmt.Errorf("sum up the ledger as of %s: %w", at.Format(time.RFC3339), err)
	}
	return sums, nil
}
