package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func place(owner string, kind ledger.Kind) ledger.Account {
	return ledger.Account{Owner: owner, Kind: kind}
}

func hkd(minor int64) money.Amount { return money.New(minor, "hkd") }

// earn gives owner money: at once, or on a day.
func earn(source, owner string, amount int64, maturesOn time.Time) ledger.Entry {
	kind := ledger.Available
	if !maturesOn.IsZero() {
		kind = ledger.Pending
	}
	return ledger.Entry{Kind: "earned", Source: source, At: noon, Postings: []ledger.Posting{
		{Account: place("acct_p", ledger.ProcessorClearing), Side: ledger.Debit, Amount: hkd(amount)},
		{Account: place(owner, kind), Side: ledger.Credit, Amount: hkd(amount), MaturesOn: maturesOn,
			Line: &ledger.Line{ID: "txn_" + source, Type: "charge", Amount: amount, Source: source}},
	}}
}

// move transfers available money with a floor at from.
func move(source, from, to string, amount int64) ledger.Entry {
	return ledger.Entry{Kind: "moved", Source: source, At: noon, Postings: []ledger.Posting{
		{Account: place(from, ledger.Available), Side: ledger.Debit, Amount: hkd(amount), NoOverdraft: true,
			Line: &ledger.Line{ID: "txn_from_" + source, Type: "transfer", Amount: -amount, Source: source}},
		{Account: place(to, ledger.Available), Side: ledger.Credit, Amount: hkd(amount),
			Line: &ledger.Line{ID: "txn_to_" + source, Type: "payment", Amount: amount, Source: source}},
	}}
}

func post(t testing.TB, pool *bun.DB, book *ledger.Book, entries ...ledger.Entry) ([]ledger.Result, error) {
	t.Helper()
	var results []ledger.Result
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		var err error
		results, err = book.Post(ctx, tx, entries...)
		return err
	})
	return results, err
}

func mustPost(t testing.TB, pool *bun.DB, book *ledger.Book, entries ...ledger.Entry) []ledger.Result {
	t.Helper()
	results, err := post(t, pool, book, entries...)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// balance is credits minus debits.
func balance(t testing.TB, pool *bun.DB, owner string, kind ledger.Kind) int64 {
	t.Helper()
	var sum int64
	err := pool.NewRaw(`SELECT coalesce(sum(credits - debits), 0) FROM ledger.accounts WHERE owner = ? AND kind = ?`,
		owner, string(kind)).Scan(t.Context(), &sum)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestPostMovesTotalsAndWritesLines(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	results := mustPost(t, pool, book, earn("ch_1", "acct_a", 10000, time.Time{}), move("tr_1", "acct_a", "acct_b", 4000))
	for _, r := range results {
		if r.Err != nil || r.EntryID == 0 {
			t.Fatalf("result %+v", r)
		}
	}
	if a, b := balance(t, pool, "acct_a", ledger.Available), balance(t, pool, "acct_b", ledger.Available); a != 6000 || b != 4000 {
		t.Fatalf("a %d, b %d", a, b)
	}
	var lines, net int64
	if err := pool.NewRaw(`SELECT count(*), sum(net) FROM ledger.balance_transactions WHERE account = 'acct_a'`).Scan(t.Context(), &lines, &net); err != nil {
		t.Fatal(err)
	}
	if lines != 2 || net != 6000 {
		t.Fatalf("%d lines net %d", lines, net)
	}
}

func TestFloorRefusesOnlyTheEntryThatBreaksIt(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	results := mustPost(t, pool, book,
		earn("ch_1", "acct_a", 5000, time.Time{}),
		move("tr_1", "acct_a", "acct_b", 3000),
		move("tr_2", "acct_a", "acct_b", 3000), // 2000 are left
		move("tr_3", "acct_b", "acct_a", 3000), // fills up again
		move("tr_4", "acct_a", "acct_b", 3000),
	)
	for i, r := range results {
		if refused := i == 2; (r.Err != nil) != refused {
			t.Errorf("entry %d: %v", i, r.Err)
		}
	}
	if f := fault.As(results[2].Err); f == nil || f.Kind != fault.Invalid || f.Code != "balance_insufficient" {
		t.Errorf("refusal is %v", results[2].Err)
	}
	if a := balance(t, pool, "acct_a", ledger.Available); a != 2000 {
		t.Errorf("a has %d", a)
	}
}

func TestABatchOfRefusalsWritesNothing(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	results := mustPost(t, pool, book, move("tr_1", "acct_a", "acct_b", 1))
	if results[0].Err == nil {
		t.Fatal("money out of nothing")
	}
	var batches int
	if err := pool.NewRaw(`SELECT count(*) FROM ledger.batches`).Scan(t.Context(), &batches); err != nil || batches != 0 {
		t.Fatalf("%d batches, %v", batches, err)
	}
}

func TestMaturedDayLandsOnAvailable(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	day := noon.AddDate(0, 0, 2)
	if r := mustPost(t, pool, book, earn("ch_1", "acct_a", 100, day)); !r[0].Pending[1] {
		t.Fatal("first charge should be pending")
	}
	// The world's clock has jumped: the day has matured although the caller's time lies before it.
	if _, err := pool.ExecContext(t.Context(), `UPDATE ledger.accounts SET matured_through = '2026-11-24' WHERE kind = 'pending'`); err != nil {
		t.Fatal(err)
	}
	r := mustPost(t, pool, book, earn("ch_2", "acct_a", 30, day), earn("ch_3", "acct_a", 4, day.AddDate(0, 0, 1)))
	if r[0].Pending[1] || !r[1].Pending[1] {
		t.Fatalf("pending: %v %v", r[0].Pending, r[1].Pending)
	}
	if p, a := balance(t, pool, "acct_a", ledger.Pending), balance(t, pool, "acct_a", ledger.Available); p != 104 || a != 30 {
		t.Fatalf("pending %d, available %d", p, a)
	}
}

func TestAnEventIsBookedOnce(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	mustPost(t, pool, book, earn("ch_1", "acct_a", 100, time.Time{}))
	var repeated *ledger.Repeated
	again := earn("ch_1", "acct_a", 100, time.Time{})
	again.Postings[1].Line.ID = "txn_again"
	if _, err := post(t, pool, book, earn("ch_2", "acct_a", 100, time.Time{}), again); !errors.As(err, &repeated) ||
		*repeated != (ledger.Repeated{Kind: "earned", Source: "ch_1"}) {
		t.Fatalf("later call: %v", err)
	}
	if _, err := post(t, pool, book, earn("ch_3", "acct_a", 1, time.Time{}), earn("ch_3", "acct_a", 1, time.Time{})); !errors.As(err, &repeated) {
		t.Fatalf("same call: %v", err)
	}
	if a := balance(t, pool, "acct_a", ledger.Available); a != 100 {
		t.Fatalf("a has %d", a)
	}
}

func TestTotalsNeverOverflow(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	mustPost(t, pool, book, earn("ch_1", "acct_a", 1, time.Time{}))
	if _, err := pool.ExecContext(t.Context(), `UPDATE ledger.accounts SET debits = 9223372036854775807 - 10 WHERE kind = 'processor_clearing'`); err != nil {
		t.Fatal(err)
	}
	r := mustPost(t, pool, book, earn("ch_2", "acct_a", 10, time.Time{}), earn("ch_3", "acct_a", 1, time.Time{}))
	if r[0].Err != nil || r[1].Err == nil {
		t.Fatalf("%v, %v", r[0].Err, r[1].Err)
	}
}

func TestAccountNumbersOfARolledBackTransactionAreForgotten(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	boom := errors.New("boom")
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := book.Post(ctx, tx, earn("ch_1", "acct_a", 1, time.Time{})); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	mustPost(t, pool, book, earn("ch_1", "acct_a", 1, time.Time{}))
	if a := balance(t, pool, "acct_a", ledger.Available); a != 1 {
		t.Fatalf("a has %d", a)
	}
}

func TestMalformedEntriesAreRefused(t *testing.T) {
	change := func(fn func(e *ledger.Entry)) ledger.Entry {
		e := earn("ch_1", "acct_a", 100, noon.AddDate(0, 0, 2))
		fn(&e)
		return e
	}
	for name, e := range map[string]ledger.Entry{
		"unbalanced":             change(func(e *ledger.Entry) { e.Postings[0].Amount.Minor = 99 }),
		"two currencies":         change(func(e *ledger.Entry) { e.Postings[0].Amount.Currency = "usd" }),
		"negative":               change(func(e *ledger.Entry) { e.Postings[0].Amount.Minor = -100; e.Postings[0].Side = ledger.Credit }),
		"one posting":            change(func(e *ledger.Entry) { e.Postings = e.Postings[:1] }),
		"too many postings":      change(func(e *ledger.Entry) { e.Postings = make([]ledger.Posting, 65) }),
		"no side":                change(func(e *ledger.Entry) { e.Postings[0].Side = 0 }),
		"no source":              change(func(e *ledger.Entry) { e.Source = "" }),
		"no time":                change(func(e *ledger.Entry) { e.At = time.Time{} }),
		"too large":              change(func(e *ledger.Entry) { e.Postings[0].Amount.Minor = money.MaxMinor + 1 }),
		"line nets less":         change(func(e *ledger.Entry) { e.Postings[1].Line.Fee = 1 }),
		"line on clearing":       change(func(e *ledger.Entry) { e.Postings[0].Line = e.Postings[1].Line }),
		"pending without a day":  change(func(e *ledger.Entry) { e.Postings[1].MaturesOn = time.Time{} }),
		"available with a day":   change(func(e *ledger.Entry) { e.Postings[1].Account.Kind = ledger.Available }),
		"money without its line": change(func(e *ledger.Entry) { e.Postings[1].Line = nil }),
	} {
		if _, err := ledger.NewBook().Post(t.Context(), bun.Tx{}, e); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheDatabaseRefusesToEditHistory(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	mustPost(t, pool, book, earn("ch_1", "acct_a", 100, noon.AddDate(0, 0, 2)))
	for _, c := range []struct{ statement, constraint string }{
		{`UPDATE ledger.postings SET amount = 1`, "postings_immutable"},
		{`DELETE FROM ledger.postings`, "postings_immutable"},
		{`TRUNCATE ledger.postings`, "postings_immutable"},
		{`UPDATE ledger.entries SET kind = 'x'`, "entries_immutable"},
		{`DELETE FROM ledger.entries`, "entries_immutable"},
		{`TRUNCATE ledger.entries`, "entries_immutable"},
		{`DELETE FROM ledger.accounts`, "accounts_kept"},
		{`TRUNCATE ledger.accounts`, "accounts_kept"},
		{`UPDATE ledger.accounts SET credits = credits - 1 WHERE kind = 'pending'`, "accounts_only_grow"},
		{`UPDATE ledger.accounts SET owner = 'acct_thief'`, "accounts_only_grow"},
		{`DELETE FROM ledger.batches`, "batches_kept"},
		{`UPDATE ledger.batches SET digest = sha256('x')`, "batches_sealed_once"},
		{`DELETE FROM ledger.balance_transactions`, "balance_transactions_kept"},
		{`TRUNCATE ledger.balance_transactions`, "balance_transactions_kept"},
		{`UPDATE ledger.balance_transactions SET net = 1, amount = 1`, "balance_transactions_immutable"},
		{`UPDATE ledger.balance_transactions SET description = 'gift'`, "balance_transactions_immutable"},
		{`UPDATE ledger.balance_transactions SET payout = 'po_1'`, "balance_transactions_payout_sum"},
		{`INSERT INTO ledger.postings VALUES (1, 0, 1, 'hkd', 100), (1, 1, 2, 'hkd', -99)`, "postings_zero_sum"},
		{`INSERT INTO ledger.postings VALUES (1, 0, 1, 'hkd', 100), (1, 1, 2, 'usd', -100)`, "postings_zero_sum"},
		{`INSERT INTO ledger.postings VALUES (1, 0, 1, 'hkd', 100), (2, 0, 2, 'hkd', -100)`, "postings_zero_sum"},
		{`INSERT INTO ledger.entries SELECT 7, kind, source, occurred_at FROM ledger.entries`, "entries_source_kind_key"},
	} {
		_, err := pool.ExecContext(t.Context(), c.statement)
		if err == nil || db.Constraint(err) != c.constraint {
			t.Errorf("%s: %v (constraint %q)", c.statement, err, db.Constraint(err))
		}
	}
}

// Many goroutines post batches over the same accounts in random order.
func TestOverlappingBatchesNeitherDeadlockNorLoseMoney(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	const workers, batches, accounts = 8, 15, 12
	mustPost(t, pool, book, earn("ch_start", "acct_0", 1_000_000, time.Time{}))
	errs := make(chan error, workers)
	for w := range workers {
		go func() { errs <- shuffle(t.Context(), pool, book, w, batches, accounts) }()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	var sum, below int64
	if err := pool.NewRaw(`SELECT sum(credits - debits) FILTER (WHERE kind = 'available'), count(*) FILTER (WHERE kind = 'available' AND credits < debits)
		FROM ledger.accounts`).Scan(t.Context(), &sum, &below); err != nil {
		t.Fatal(err)
	}
	if sum != 1_000_000 || below != 0 {
		t.Errorf("available sums to %d, %d accounts below zero", sum, below)
	}
}

// shuffle runs in plain transactions, without InTx's retries: a deadlock is a failure.
func shuffle(ctx context.Context, pool *bun.DB, book *ledger.Book, worker, batches, accounts int) error {
	for b := range batches {
		var entries []ledger.Entry
		for i := range 10 {
			from := (worker*7 + b*5 + i*11) % accounts
			to := (from + 1 + (worker+i)%(accounts-1)) % accounts
			source := fmt.Sprintf("tr_%d_%d_%d", worker, b, i)
			entries = append(entries, move(source, fmt.Sprintf("acct_%d", from), fmt.Sprintf("acct_%d", to), 100))
		}
		err := pool.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := book.Post(ctx, tx, entries...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
