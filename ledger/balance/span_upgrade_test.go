package balance_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/migrations"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/money"
)

// Payouts from before there were spans name their lines. They keep them, and give
// them back when they fail, while spans are taken around them.
func TestPayoutsFromBeforeSpansKeepTheirLinesAndGiveThemBack(t *testing.T) {
	t.Parallel()
	pool, err := db.Open(t.Context(), db.Config{URL: dbtest.Empty(t), Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	b := &books{T: t, pool: pool, book: ledger.NewBook()}
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "20261202100200_ledger_payout_spans.tx.up.sql" {
			b.earn("acct_a", 100, 1)
			b.earn("acct_a", 50, 1)
			b.earn("acct_a", 25, 1)
			b.earn("acct_a", 7, 2)
			b.mature(noon.AddDate(0, 0, 1))
			b.payBefore("po_failed", 50, "ch_2")
			b.post(journal.PayoutFailed(journal.Payout{ID: "po_failed", Account: "acct_a", Platform: "acct_p", Amount: money.New(50, "hkd"), At: noon}, newID))
			if _, err := pool.ExecContext(t.Context(), `SELECT ledger.detach('po_failed')`); err != nil {
				t.Fatal(err)
			}
			b.payBefore("po_before", 100, "ch_1")
		}
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pool.ExecContext(t.Context(), string(text)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	b.mustVerify()
	b.mustNet("po_failed", -50, 50)
	b.mustNet("po_before", 100, -100)
	b.payAll(map[string]int64{"acct_a": 75}, "_1")
	b.mustNet("po_acct_a_1", 50, 25, -75)
	b.mustName("po_acct_a_1", 0)
	b.fail("po_before", 100)
	b.mustNet("po_before", -100, 100)
	b.mustNet("po_acct_a_1", 50, 25, -75)
	b.mustVerify()
	b.mature(noon.AddDate(0, 0, 2))
	b.payAll(map[string]int64{"acct_a": 107}, "_2")
	b.mustNet("po_acct_a_2", 100, 7, -107)
	b.mustVerify()
}

// payBefore is a payout as it was made then: of one charge, which it names.
func (b *books) payBefore(payout string, amount int64, charge string) {
	b.Helper()
	b.in(func(ctx context.Context, tx bun.Tx) error {
		p := journal.Payout{ID: payout, Account: "acct_a", Platform: "acct_p", Amount: money.New(amount, "hkd"), At: noon}
		if err := b.postIn(ctx, tx, journal.PayoutCreated(p, newID)); err != nil {
			return err
		}
		_, err := tx.NewRaw(`UPDATE ledger.balance_transactions SET payout = ?0 WHERE source IN (?0, ?1)`, payout, charge).Exec(ctx)
		return err
	})
}
