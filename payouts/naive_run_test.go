package payouts_test

import (
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dbtest"
)

// The run that everybody writes first: sum up what is free, make payouts of the sums,
// attach what was free. Two at once pay everything twice, and the second one's payouts
// consist of nothing. It is kept to show what RunDue must not do
// (TestTenSchedulersAndTenHandsNeverPayMoreThanThereIs holds it to that).
func TestTheNaiveRunPaysTwice(t *testing.T) {
	pool := dbtest.New(t)
	for _, sql := range []string{
		`CREATE TABLE public.items (account text, amount bigint, payout text)`,
		`CREATE TABLE public.naive (id text, account text, amount bigint)`,
		`INSERT INTO public.items SELECT 'acct_' || n % 10, 100, NULL FROM generate_series(1, 100) n`,
	} {
		if _, err := pool.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string) bun.Tx {
		tx, err := pool.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.NewRaw(`INSERT INTO public.naive SELECT ? || account, account, sum(amount) FROM public.items WHERE payout IS NULL GROUP BY account`, name).Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	one, two := run("one "), run("two ") // both have summed up before either attaches
	for name, tx := range map[string]bun.Tx{"one ": one, "two ": two} {
		if _, err := tx.NewRaw(`UPDATE public.items SET payout = ? || account WHERE payout IS NULL`, name).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var paid, attached int64
	err := pool.NewRaw(`SELECT (SELECT sum(amount) FROM public.naive), (SELECT sum(amount) FROM public.items WHERE payout IS NOT NULL)`).Scan(t.Context(), &paid, &attached)
	if err != nil || attached != 10_000 || paid != 2*attached {
		t.Errorf("paid %d for items of %d (%v): if that is once, the rule it teaches can go", paid, attached, err)
	}
}
