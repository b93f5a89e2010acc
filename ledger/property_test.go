package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// act is one random event among a few accounts.
type act struct {
	From, To int // From < 0: money from outside
	Amount   int64
	Days     int // of money from outside: 0 is available at once
}

func (a act) entry(world string, n int) ledger.Entry {
	source := fmt.Sprintf("%s_%d", world, n)
	to := fmt.Sprintf("acct_%s_%d", world, a.To)
	if a.From < 0 {
		var day time.Time
		if a.Days > 0 {
			day = noon.AddDate(0, 0, a.Days)
		}
		e := earn(source, to, a.Amount, day)
		e.Postings[0].Account.Owner = "acct_" + world
		return e
	}
	return move(source, fmt.Sprintf("acct_%s_%d", world, a.From), to, a.Amount)
}

// One rule, decided by a few lines of plain Go.
func model(acts []act) (refused []bool, available map[int]int64) {
	available = make(map[int]int64)
	for _, a := range acts {
		no := a.From >= 0 && (a.From != a.To && available[a.From] < a.Amount || a.From == a.To && available[a.From] < 0)
		refused = append(refused, no)
		switch {
		case no:
		case a.From < 0 && a.Days == 0:
			available[a.To] += a.Amount
		case a.From >= 0:
			available[a.From] -= a.Amount
			available[a.To] += a.Amount
		}
	}
	return refused, available
}

// A batch decides and books exactly what the same entries would one by one.
func TestABatchEqualsItsEntriesOneByOne(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		acts := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) act {
			return act{From: rapid.IntRange(-2, 3).Draw(rt, "from"), To: rapid.IntRange(0, 3).Draw(rt, "to"),
				Amount: rapid.Int64Range(0, 50).Draw(rt, "amount"), Days: rapid.IntRange(0, 2).Draw(rt, "days")}
		}), 1, 12).Draw(rt, "acts")
		refused, available := model(acts)

		together, alone := fmt.Sprintf("t%d", round), fmt.Sprintf("a%d", round)
		var batch []ledger.Entry
		for i, a := range acts {
			batch = append(batch, a.entry(together, i))
			results := mustPost(t, pool, book, a.entry(alone, i))
			if (results[0].Err != nil) != refused[i] {
				rt.Fatalf("alone, act %d: %v, the model refuses: %v", i, results[0].Err, refused[i])
			}
		}
		for i, r := range mustPost(t, pool, book, batch...) {
			if (r.Err != nil) != refused[i] {
				rt.Fatalf("in the batch, act %d: %v, the model refuses: %v", i, r.Err, refused[i])
			}
		}
		if diff := cmp.Diff(worldOf(t, pool, alone), worldOf(t, pool, together)); diff != "" {
			rt.Fatalf("-one by one +batch\n%s", diff)
		}
		for n, want := range available {
			if got := balance(t, pool, fmt.Sprintf("acct_%s_%d", together, n), ledger.Available); got != want {
				rt.Fatalf("account %d has %d, the model %d", n, got, want)
			}
		}
	})
}

// worldOf lists the totals of all accounts of a world, and what is to mature.
func worldOf(t *testing.T, pool *bun.DB, world string) map[string]string {
	t.Helper()
	var rows []struct{ Name, Totals string }
	err := pool.NewRaw(`
		SELECT replace(a.owner, ?, '') || '/' || a.kind AS name,
			concat_ws(' ', a.debits, a.credits, a.version, (SELECT string_agg(day || ':' || amount, ',' ORDER BY day) FROM ledger.maturities m WHERE m.account_id = a.id)) AS totals
		FROM ledger.accounts a WHERE a.version > 0 AND (a.owner = ? OR starts_with(a.owner, ?))`,
		"acct_"+world, "acct_"+world, "acct_"+world+"_").Scan(t.Context(), &rows)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, r := range rows {
		all[r.Name] = r.Totals
	}
	return all
}
