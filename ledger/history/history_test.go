package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/history"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// town has posted charges of acct_p with fees, minutes apart and now and then out of
// order by seconds, as two writers do; some of them split to acct_c.
func town(t *testing.T, charges int) *bun.DB {
	t.Helper()
	pool, book := dbtest.New(t), ledger.NewBook()
	chance := rand.New(rand.NewPCG(7, 7))
	newID := func() string { return id.New("txn") }
	at := noon
	for done := 0; done < charges; {
		var entries []ledger.Entry
		for range min(1+chance.IntN(600), charges-done) {
			at = at.Add(time.Duration(chance.IntN(120)) * time.Second)
			c := journal.Charge{ID: fmt.Sprintf("ch_%d", done), Owner: "acct_p", Platform: "acct_p", Amount: money.New(1000+chance.Int64N(9000), "hkd"),
				ProcessingFee: 34, At: at.Add(-time.Duration(chance.IntN(30)) * time.Second), MaturesOn: noon.AddDate(1, 0, 0)}
			if done%3 == 0 {
				n := fmt.Sprint(done)
				c.Legs = []journal.Leg{{Transfer: "tr_" + n, Payment: "py_" + n, Destination: "acct_c", Amount: 900, ApplicationFee: 90, FeeID: "fee_" + n, Application: "ca_1"}}
			}
			entries = append(entries, journal.ChargeSucceeded(c, newID))
			done++
		}
		err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := book.Post(ctx, tx, entries...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func accounts(t *testing.T, pool *bun.DB) []history.Account {
	t.Helper()
	found, err := history.List(t.Context(), pool, history.Filter{Owners: []string{"acct_c", "acct_p"}}, history.Account{}, false, 100)
	if err != nil || len(found.Items) == 0 {
		t.Fatal(found, err)
	}
	return found.Items
}

func TestBalancesAtEveryInstantAreTheSumsOfWhatOccurredByThen(t *testing.T) {
	pool := town(t, 3000)
	chance := rand.New(rand.NewPCG(9, 9))
	check := func(what string) {
		for range 25 {
			at := noon.Add(time.Duration(chance.IntN(3000*60+7200)-3600) * time.Second)
			list := accounts(t, pool)
			if err := history.AsOf(t.Context(), pool, list, at); err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for _, a := range list {
				var want history.Totals
				err := pool.NewRaw(`SELECT count(*) AS postings, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debits,
					coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credits
					FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id WHERE p.account_id = ? AND e.occurred_at <= ?`, a.ID, at).Scan(t.Context(), &want)
				if err != nil {
					t.Fatal(err)
				}
				if a.Debits != want.Debits || a.Credits != want.Credits || a.Version != want.Postings {
					t.Fatalf("%s: %s of %s at %s is %+v, want %+v", what, a.Kind, a.Owner, at, a, want)
				}
				sum += a.Balance()
			}
			if sum != 0 {
				t.Fatalf("%s: at %s the sides differ by %d", what, at, sum)
			}
		}
	}
	check("without checkpoints")
	if n, err := history.Note(t.Context(), pool); err != nil || n < 5 {
		t.Fatal("noted", n, err)
	}
	check("with checkpoints")
	if n, err := history.Note(t.Context(), pool); err != nil || n != 0 {
		t.Errorf("noted %d again: %v", n, err)
	}
}

func TestAStatementRunsFromOneBalanceToTheNext(t *testing.T) {
	pool := town(t, 1500)
	if _, err := history.Note(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts(t, pool) {
		var place history.Place
		balance, seen := a.Balance(), int64(0)
		for more := true; more; {
			var lines []history.Line
			var err error
			lines, more, err = history.Lines(t.Context(), pool, a.ID, history.LinesParams{Place: place, Size: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				if l.Balance != balance {
					t.Fatalf("%s of %s: after %d it is %d, want %d", a.Kind, a.Owner, l.EntryID, l.Balance, balance)
				}
				balance += l.Amount
				seen++
			}
			last := lines[len(lines)-1]
			place = history.Place{EntryID: last.EntryID, Line: last.Line}
		}
		if balance != 0 || seen != a.Version {
			t.Errorf("%s of %s begins with %d after %d of %d lines", a.Kind, a.Owner, balance, seen, a.Version)
		}
		newer, more, err := history.Lines(t.Context(), pool, a.ID, history.LinesParams{Place: place, Backwards: true, Size: 10})
		if err != nil || len(newer) != 10 || !more || newer[0].EntryID < newer[9].EntryID {
			t.Errorf("the way back has %d lines: %v", len(newer), err)
		}
	}
}

func TestAStatementAsOfAnInstantBeginsThere(t *testing.T) {
	pool := town(t, 1500)
	if _, err := history.Note(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(12 * time.Hour)
	for _, a := range accounts(t, pool) {
		lines, _, err := history.Lines(t.Context(), pool, a.ID, history.LinesParams{AsOf: at, Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		var newest time.Time
		if err := pool.NewRaw(`SELECT max(e.occurred_at) FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id
			WHERE p.account_id = ? AND e.occurred_at <= ?`, a.ID, at).Scan(t.Context(), &newest); err != nil {
			t.Fatal(err)
		}
		if len(lines) != 5 || lines[0].OccurredAt.After(at) || newest.Sub(lines[0].OccurredAt) > time.Minute {
			t.Errorf("%s of %s begins at %v, the newest is %s", a.Kind, a.Owner, lines, newest)
		}
	}
}

func TestThePastCostsTheSameHoweverLongItIs(t *testing.T) {
	pool := town(t, 6000)
	if _, err := history.Note(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	var far int64
	err := pool.NewRaw(`SELECT max(n) FROM (SELECT c.postings - coalesce(lag(c.postings) OVER (PARTITION BY account_id ORDER BY entry_id), 0) AS n
		FROM ledger.checkpoints c) AS gaps`).Scan(t.Context(), &far)
	if err != nil || far >= 2*1024 {
		t.Errorf("%d postings stand between two checkpoints: %v", far, err)
	}
	var rest int64
	err = pool.NewRaw(`SELECT max(a.version - coalesce((SELECT max(postings) FROM ledger.checkpoints c WHERE c.account_id = a.id), 0)) FROM ledger.accounts a`).
		Scan(t.Context(), &rest)
	if err != nil || rest >= 2*1024 {
		t.Errorf("%d postings stand behind the last checkpoint: %v", rest, err)
	}
}

func TestAccountsAreListedPageByPageInBothDirections(t *testing.T) {
	pool := town(t, 3)
	all := accounts(t, pool)
	f := history.Filter{Owners: []string{"acct_c", "acct_other", "acct_p"}}
	var cursor history.Account
	for i, want := range all {
		found, err := history.List(t.Context(), pool, f, cursor, false, 1)
		if err != nil || len(found.Items) != 1 || found.Items[0] != want || found.HasMore != (i < len(all)-1) {
			t.Fatalf("page %d is %v: %v", i, found, err)
		}
		cursor = found.Items[0]
	}
	back, err := history.List(t.Context(), pool, f, cursor, true, 2)
	if err != nil || len(back.Items) != 2 || back.Items[1] != all[len(all)-2] || !back.HasMore {
		t.Errorf("the way back is %v: %v", back, err)
	}
	f.Kind = ledger.Pending
	found, err := history.List(t.Context(), pool, f, history.Account{}, false, 10)
	if err != nil || len(found.Items) != 2 {
		t.Errorf("pending accounts are %v: %v", found, err)
	}
}

func TestARareKindIsFoundInItsTimeWithoutReadingEverything(t *testing.T) {
	pool := town(t, 1)
	topup := journal.Topup{ID: "tu_1", Platform: "acct_p", Amount: money.New(500, "hkd"), At: noon.Add(time.Hour)}
	post := func(entries ...ledger.Entry) {
		t.Helper()
		if err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := ledger.NewBook().Post(ctx, tx, entries...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	newID := func() string { return id.New("txn") }
	post(journal.TopupSucceeded(topup, newID))
	for day := range 12 {
		entries := make([]ledger.Entry, 1000)
		for i := range entries {
			entries[i] = journal.ChargeSucceeded(journal.Charge{ID: fmt.Sprintf("ch_%d_%d", day, i), Owner: "acct_p", Platform: "acct_p",
				Amount: money.New(100, "hkd"), At: noon.AddDate(0, 0, 1+day), MaturesOn: noon.AddDate(1, 0, 0)}, newID)
		}
		post(entries...)
	}
	if _, err := history.Note(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	f := ledger.EntryFilter{Owner: "acct_p", Kind: "topup_succeeded"}
	if _, _, err := ledger.EntriesOf(t.Context(), pool, f, ledger.EntryPage{Size: 10}); !fault.Is(err, fault.Invalid) {
		t.Errorf("the whole history is looked through: %v", err)
	}
	f.From, f.Until = noon, noon.AddDate(0, 0, 1)
	found, more, err := ledger.EntriesOf(t.Context(), pool, f, ledger.EntryPage{Size: 10})
	if err != nil || len(found) != 1 || found[0].Source != "tu_1" || more {
		t.Errorf("on its day there are %v: %v", found, err)
	}
	f = ledger.EntryFilter{Owner: "acct_p"}
	first, more, err := ledger.EntriesOf(t.Context(), pool, f, ledger.EntryPage{Size: 3})
	if err != nil || len(first) != 3 || !more || first[0].ID < first[2].ID {
		t.Fatalf("the newest are %v: %v", first, err)
	}
	second, _, err := ledger.EntriesOf(t.Context(), pool, f, ledger.EntryPage{Entry: first[2].ID, Size: 3})
	if err != nil || len(second) != 3 || second[0].ID != first[2].ID-1 {
		t.Errorf("behind them are %v: %v", second, err)
	}
	back, more, err := ledger.EntriesOf(t.Context(), pool, f, ledger.EntryPage{Entry: second[0].ID, Newer: true, Size: 2})
	if err != nil || len(back) != 2 || back[1].ID != first[2].ID || !more {
		t.Errorf("the way back has %v: %v", back, err)
	}
}
