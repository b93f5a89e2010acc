package balance

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/money"
)

// Matured is what became available in one purse.
type Matured struct {
	Purse
	Amount  int64 // negative or zero if as much was refunded as earned
	EntryID int64 // 0 if Amount is zero
}

// due is a pending account with a day that has come.
type due struct {
	ID     int64
	Purse  Purse `bun:"-"`
	Amount int64

	Owner    string
	Currency money.Currency
}

// Mature moves everything that is due by the UTC day of now from pending to
// available, one entry per purse, for at most limit purses (up to
// ledger.MaxEntries). Call it until it returns none, and append a
// balance.available event for each purse in the same transaction.
func Mature(ctx context.Context, tx bun.Tx, book *ledger.Book, livemode bool, now time.Time, limit int) ([]Matured, error) {
	purses, err := findDue(ctx, tx, livemode, now, min(limit, ledger.MaxEntries))
	if err != nil || len(purses) == 0 {
		return nil, err
	}
	var places []ledger.Place
	for _, d := range purses {
		places = append(places, d.Purse.place(ledger.Pending), d.Purse.place(ledger.Available))
	}
	if err := book.Lock(ctx, tx, places...); err != nil {
		return nil, err
	}
	purses, err = sumDue(ctx, tx, purses, now)
	if err != nil || len(purses) == 0 {
		return nil, err
	}
	matured, err := postDue(ctx, tx, book, purses, now)
	if err != nil {
		return nil, err
	}
	return matured, advance(ctx, tx, purses, now)
}

func findDue(ctx context.Context, tx bun.Tx, livemode bool, now time.Time, limit int) ([]due, error) {
	var found []due
	err := tx.NewRaw(`
		SELECT DISTINCT a.id, a.owner, a.currency
		FROM ledger.maturities m JOIN ledger.accounts a ON a.id = m.account_id
		WHERE m.day <= ?::date AND a.livemode = ?
		ORDER BY a.id LIMIT ?`, today(now), livemode, limit).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find due maturities: %w", err)
	}
	for i := range found {
		found[i].Purse = Purse{Livemode: livemode, Account: found[i].Owner, Currency: found[i].Currency}
	}
	return found, nil
}

// sumDue reads the amounts under the accounts' locks and drops the purses that
// somebody else has matured in the meantime.
func sumDue(ctx context.Context, tx bun.Tx, purses []due, now time.Time) ([]due, error) {
	var sums []struct{ AccountID, Amount int64 }
	err := tx.NewRaw(`
		SELECT account_id, sum(amount)::bigint AS amount FROM ledger.maturities
		WHERE account_id = ANY(?) AND day <= ?::date GROUP BY account_id`,
		pgdialect.Array(numbers(purses)), today(now)).Scan(ctx, &sums)
	if err != nil {
		return nil, fmt.Errorf("sum due maturities: %w", err)
	}
	amounts := make(map[int64]int64, len(sums))
	for _, s := range sums {
		amounts[s.AccountID] = s.Amount
	}
	var left []due
	for _, d := range purses {
		if amount, ok := amounts[d.ID]; ok {
			d.Amount = amount
			left = append(left, d)
		}
	}
	return left, nil
}

func postDue(ctx context.Context, tx bun.Tx, book *ledger.Book, purses []due, now time.Time) ([]Matured, error) {
	matured := make([]Matured, len(purses))
	var entries []ledger.Entry
	var at []int // which purse an entry belongs to
	for i, d := range purses {
		matured[i] = Matured{Purse: d.Purse, Amount: d.Amount}
		if d.Amount == 0 {
			continue
		}
		at = append(at, i)
		entries = append(entries, journal.Matured(journal.Maturity{
			Livemode: d.Purse.Livemode, Account: d.Purse.Account,
			Amount: money.New(d.Amount, d.Purse.Currency), Day: now, At: now,
		}))
	}
	results, err := book.Post(ctx, tx, entries...)
	if err != nil {
		return nil, fmt.Errorf("post maturities: %w", err)
	}
	for i, r := range results {
		if r.Err != nil {
			return nil, fmt.Errorf("post maturity of %s: %w", matured[at[i]].Account, r.Err)
		}
		matured[at[i]].EntryID = r.EntryID
	}
	return matured, nil
}

// advance says how far the purses have matured, which turns their lines
// available and sends later money of those days to Available at once.
func advance(ctx context.Context, tx bun.Tx, purses []due, now time.Time) error {
	ids := pgdialect.Array(numbers(purses))
	_, err := tx.NewRaw(`
		WITH done AS (DELETE FROM ledger.maturities WHERE account_id = ANY(?) AND day <= ?::date)
		UPDATE ledger.accounts SET matured_through = greatest(matured_through, ?::date) WHERE id = ANY(?)`,
		ids, today(now), today(now), ids).Exec(ctx)
	if err != nil {
		return fmt.Errorf("advance maturity: %w", err)
	}
	return nil
}

func numbers(purses []due) []int64 {
	ids := make([]int64, len(purses))
	for i, d := range purses {
		ids[i] = d.ID
	}
	return ids
}

func today(now time.Time) string { return now.UTC().Format(time.DateOnly) }

// Upcoming is what matures on one day.
type Upcoming struct {
	Day    time.Time // midnight UTC
	Amount int64
}

// Expected lists what a purse has pending, by day.
func Expected(ctx context.Context, idb bun.IDB, p Purse) ([]Upcoming, error) {
	var days []Upcoming
	err := idb.NewRaw(`
		SELECT m.day, m.amount FROM ledger.maturities m JOIN ledger.accounts a ON a.id = m.account_id
		WHERE a.owner = ? AND a.livemode = ? AND a.currency = ? AND a.kind = 'pending' ORDER BY m.day`,
		p.Account, p.Livemode, string(p.Currency)).Scan(ctx, &days)
	if err != nil {
		return nil, fmt.Errorf("read upcoming maturities: %w", err)
	}
	return days, nil
}
