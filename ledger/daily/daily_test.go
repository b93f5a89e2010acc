package daily_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/daily"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	platform = tenant.Scope{Platform: "acct_p", Account: "acct_p"}
	tutor    = tenant.Scope{Platform: "acct_p", Account: "acct_c"}
)

func newID() string { return id.New("txn") }

type books struct {
	*testing.T
	pool *bun.DB
	book *ledger.Book
}

func open(t *testing.T) *books { return &books{t, dbtest.New(t), ledger.NewBook()} }

func (b *books) post(entries ...ledger.Entry) {
	b.Helper()
	err := db.InTx(b.Context(), b.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := b.book.Post(ctx, tx, entries...)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *books) add() {
	b.Helper()
	if _, err := audit.Seal(b.Context(), b.pool); err != nil {
		b.Fatal(err)
	}
	if _, err := daily.Add(b.Context(), b.pool); err != nil {
		b.Fatal(err)
	}
}

func (b *books) days(scope tenant.Scope) []daily.Day {
	b.Helper()
	totals, err := daily.Totals(b.Context(), b.pool, scope, "", noon.AddDate(0, 0, -30), noon.AddDate(0, 0, 30))
	if err != nil {
		b.Fatal(err)
	}
	return daily.Days(totals, scope.Connected())
}

func destination(n int, at time.Time) journal.Charge {
	return journal.Charge{ID: fmt.Sprint("ch_", n), Owner: "acct_p", Platform: "acct_p", Amount: money.New(60000, "hkd"), ProcessingFee: 2340,
		At: at, MaturesOn: at.AddDate(0, 0, 1), Description: "Algebra",
		Legs: []journal.Leg{{Transfer: fmt.Sprint("tr_", n), Payment: fmt.Sprint("py_", n), Destination: "acct_c", Amount: 60000, ApplicationFee: 6000, FeeID: fmt.Sprint("fee_", n), Application: "ca_1"}}}
}

func TestADayClosesForPlatformAndTutor(t *testing.T) {
	b := open(t)
	direct := journal.Charge{ID: "ch_9", Owner: "acct_c", Platform: "acct_p", Amount: money.New(10000, "hkd"), ProcessingFee: 340, At: noon,
		MaturesOn: noon.AddDate(0, 0, 1), Direct: &journal.Direct{ApplicationFee: 1000, FeeID: "fee_9", Application: "ca_1"}}
	refund := journal.Refund{ID: "re_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(30000, "hkd"), At: noon.AddDate(0, 0, 1), MaturesOn: noon.AddDate(0, 0, 1),
		Unwound: []journal.Unwound{{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "acct_c", Amount: 30000}},
		Fees:    []journal.FeeReturn{{ID: "fr_1", Account: "acct_c", Amount: 3000}}}
	topup := journal.Topup{ID: "tu_1", Platform: "acct_p", Amount: money.New(500, "hkd"), At: noon}
	b.post(journal.ChargeSucceeded(destination(1, noon), newID), journal.ChargeSucceeded(direct, newID), journal.TopupSucceeded(topup, newID))
	b.post(journal.Refunded(refund, newID))
	b.add()
	today, tomorrow := noon.Truncate(24*time.Hour), noon.Truncate(24*time.Hour).AddDate(0, 0, 1)
	for scope, want := range map[tenant.Scope][]daily.Day{
		platform: {
			{Day: today, Currency: "hkd", Payments: 2, Volume: 70000, Fees: 7000, Moved: 60000, Kept: 7000, Cost: 2340, Net: 4660},
			{Day: tomorrow, Currency: "hkd", Refunds: 30000, Fees: -3000, Moved: -30000, Kept: -3000, Net: -3000},
		},
		tutor: {
			{Day: today, Currency: "hkd", Payments: 2, Volume: 70000, Fees: -7000, Kept: 63000, Cost: 340, Net: 62660},
			{Day: tomorrow, Currency: "hkd", Refunds: 30000, Fees: 3000, Kept: -27000, Net: -27000},
		},
	} {
		if diff := cmp.Diff(want, b.days(scope), cmpopts.IgnoreFields(daily.Day{}, "Totals")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope.Account, diff)
		}
	}
}

// sums is what daily_totals must hold, from the lines themselves.
const sums = `
SELECT account, currency, type, day, sum(count) AS count, sum(amount) AS amount, sum(fee) AS fee, sum(net) AS net FROM (
	SELECT account, currency, type, (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS count, amount, fee, net FROM ledger.balance_transactions
	UNION ALL
	SELECT account, currency, type, day, -count, -amount, -fee, -net FROM ledger.daily_totals WHERE type NOT LIKE 'processed%'
) lines GROUP BY account, currency, type, day
HAVING (sum(count), sum(amount), sum(fee), sum(net)) <> (0, 0, 0, 0)`

func (b *books) agree() {
	b.Helper()
	var differences []map[string]any
	if err := b.pool.NewRaw(sums).Scan(b.Context(), &differences); err != nil {
		b.Fatal(err)
	}
	if len(differences) > 0 {
		b.Fatalf("sums and lines differ: %v", differences)
	}
}

func TestTotalsAreTheSumsOfTheLines(t *testing.T) {
	b, n := open(t), 0
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "batches") {
			entries := make([]ledger.Entry, rapid.IntRange(1, 5).Draw(r, "entries"))
			for i := range entries {
				n++
				entries[i] = journal.ChargeSucceeded(destination(n, noon.Add(time.Duration(rapid.IntRange(-100, 100).Draw(r, "hours"))*time.Hour)), newID)
			}
			b.post(entries...)
		}
		b.add()
		b.agree()
	})
}

func TestABatchThatCommitsLateIsCountedAndNoneTwice(t *testing.T) {
	b := open(t)
	b.post(journal.ChargeSucceeded(destination(1, noon), newID)) // makes the accounts
	late, err := b.pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	other := journal.Topup{ID: "tu_1", Platform: "acct_other", Amount: money.New(500, "hkd"), At: noon}
	if _, err := b.book.Post(t.Context(), late, journal.TopupSucceeded(other, newID)); err != nil {
		t.Fatal(err)
	}
	b.post(journal.ChargeSucceeded(destination(2, noon), newID)) // has a later number and commits before
	b.add()
	b.agree()
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	b.add()
	b.add()
	b.agree()
}

func TestACrashWhileAddingLeavesNothingBehind(t *testing.T) {
	b := open(t)
	b.post(journal.ChargeSucceeded(destination(1, noon), newID))
	if _, err := audit.Seal(t.Context(), b.pool); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.ExecContext(t.Context(), `ALTER TABLE ledger.daily_mark ADD CONSTRAINT crash CHECK (position = 0)`); err != nil {
		t.Fatal(err)
	}
	if _, err := daily.Add(t.Context(), b.pool); err == nil {
		t.Fatal("the mark moved past its constraint")
	}
	if days := b.days(platform); len(days) > 0 {
		t.Fatalf("sums without a mark: %v", days)
	}
	if _, err := b.pool.ExecContext(t.Context(), `ALTER TABLE ledger.daily_mark DROP CONSTRAINT crash`); err != nil {
		t.Fatal(err)
	}
	b.add()
	b.agree()
}
