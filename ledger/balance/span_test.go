package balance_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
)

// payAll pays some accounts together, as the scheduler does.
func (b *books) payAll(amounts map[string]int64, suffix string) {
	b.Helper()
	b.in(func(ctx context.Context, tx bun.Tx) error {
		var posted []balance.Posted
		for account, amount := range amounts {
			p := journal.Payout{ID: "po_" + account + suffix, Account: account, Platform: "acct_p", Amount: money.New(amount, "hkd"), At: noon}
			results, err := b.book.Post(ctx, tx, journal.PayoutCreated(p, newID))
			if err != nil || results[0].Err != nil {
				return fmt.Errorf("post %s: %w, %w", p.ID, err, results[0].Err)
			}
			posted = append(posted, balance.Posted{Entry: results[0].EntryID,
				Payout: balance.Payout{Purse: purse(account), ID: p.ID, Amount: amount, At: noon, NewID: newID}})
		}
		return balance.AttachAll(ctx, tx, b.book, posted)
	})
}

// mustName expects how many lines name a payout themselves.
func (b *books) mustName(payout string, want int) {
	b.Helper()
	var got int
	if err := b.pool.NewRaw(`SELECT count(*) FROM ledger.balance_transactions WHERE payout = ?`, payout).Scan(b.Context(), &got); err != nil {
		b.Fatal(err)
	}
	if got != want {
		b.Errorf("%d lines name %s, want %d", got, payout, want)
	}
}

func (b *books) mustVerify() {
	b.Helper()
	report, err := audit.Verify(b.Context(), b.pool, nil)
	if err != nil {
		b.Fatal(err)
	}
	if !report.OK() {
		b.Fatalf("the ledger does not verify: %+v", report.Findings)
	}
}

func TestAPayoutOfEverythingTakesItsLinesWithoutWritingThem(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.earn("acct_a", 100, 1)
	b.earn("acct_a", 50, 1)
	b.earn("acct_b", 7, 0)
	b.earn("acct_b", 9, 0)
	b.mature(noon.AddDate(0, 0, 1))
	b.refund("acct_a", 30, 1) // of a day that has matured: available at once
	b.earn("acct_a", 40, 2)   // not yet
	b.payAll(map[string]int64{"acct_a": 120, "acct_b": 11}, "_1")
	b.mustNet("po_acct_a_1", 100, 50, -30, -120)
	b.mustName("po_acct_a_1", 0)
	b.mustNet("po_acct_b_1", 7, 9, -11, -5) // a part is named line by line, and cut
	b.mustName("po_acct_b_1", 4)

	b.mature(noon.AddDate(0, 0, 2))
	b.earn("acct_a", 3, 0)
	b.payAll(map[string]int64{"acct_a": 43, "acct_b": 5}, "_2")
	b.mustNet("po_acct_a_2", 40, 3, -43)
	b.mustNet("po_acct_b_2", 5, -5)
	b.mustVerify()

	listed := map[string][]int64{}
	all, err := balance.List(t.Context(), b.pool, scope("acct_a"), balance.Filter{}, page.Params{})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range all.Items {
		listed[line.Payout] = append(listed[line.Payout], line.Net)
	}
	for _, nets := range listed {
		slices.Sort(nets)
	}
	if diff := cmp.Diff(map[string][]int64{"po_acct_a_1": {-120, -30, 50, 100}, "po_acct_a_2": {-43, 3, 40}}, listed); diff != "" {
		t.Error(diff)
	}
	of, err := balance.List(t.Context(), b.pool, scope("acct_a"), balance.Filter{Payout: "po_acct_a_1", Items: true}, page.Params{})
	if err != nil || len(of.Items) != 3 || of.Items[0].Payout != "po_acct_a_1" {
		t.Errorf("lines of the payout: %+v, %v", of.Items, err)
	}
	counts, err := balance.CountItems(t.Context(), b.pool, false, []string{"po_acct_a_1", "po_acct_b_2"})
	if err != nil || counts["po_acct_a_1"] != 3 || counts["po_acct_b_2"] != 1 {
		t.Errorf("counted %v, %v", counts, err)
	}
}

// The lines of both lie in one span's reach, and come back one after the other.
func TestFailedPayoutsReleaseTheirLinesAcrossSpans(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_a", 50, 0)
	b.mustPay("po_hand", 100) // its line is named
	b.payAll(map[string]int64{"acct_a": 50}, "_1")
	b.mustNet("po_acct_a_1", 50, -50)
	b.fail("po_hand", 100)
	b.mustNet("po_hand", -100, 100)
	b.mustNet("po_acct_a_1", 50, -50) // what was released is not in it
	b.mustVerify()
	b.fail("po_acct_a_1", 50)
	b.mustNet("po_acct_a_1", -50, 50)
	b.mustVerify()
	b.payAll(map[string]int64{"acct_a": 150}, "_2") // released lines are named again
	b.mustNet("po_acct_a_2", 100, 50, -150)
	b.earn("acct_a", 5, 0)
	b.payAll(map[string]int64{"acct_a": 5}, "_3")
	b.mustNet("po_acct_a_3", 5, -5)
	b.mustName("po_acct_a_3", 0)
	b.mustVerify()
}

func TestTheDatabaseRefusesToGiveALineToTwoPayouts(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_b", 100, 0)
	b.payAll(map[string]int64{"acct_a": 100}, "_1")
	const again = `INSERT INTO ledger.balance_transactions (id, account_id, account, livemode, type, currency, amount, fee, net, available_on, pending, source, description, entry_id, created_at)
		SELECT 'txn_' || ?, account_id, account, livemode, type, currency, amount, fee, net, available_on, pending, source, description, entry_id, created_at
		FROM ledger.balance_transactions WHERE account = 'acct_a' AND type = 'charge'`
	for _, c := range []struct{ statement, constraint string }{
		{`INSERT INTO ledger.payout_spans SELECT account_id, after, through - 1, 'po_x' FROM ledger.payout_spans`, "payout_spans_apart"},
		{`INSERT INTO ledger.payout_spans SELECT account_id, through - 1, through + 9, 'po_x' FROM ledger.payout_spans`, "payout_spans_apart"},
		{`INSERT INTO ledger.payout_spans SELECT account_id, after, through, 'po_x' FROM ledger.payout_spans`, "payout_spans_pkey"},
		{`INSERT INTO ledger.payout_spans SELECT account_id, 0, entry_id, 'po_x' FROM ledger.balance_transactions WHERE account = 'acct_b'`, "payout_spans_sum"},
		{`UPDATE ledger.payout_spans SET payout = 'po_x'`, "payout_spans_immutable"},
		{`DELETE FROM ledger.payout_spans`, "payout_spans_kept"},
		{`TRUNCATE ledger.payout_spans`, "payout_spans_immutable"},
		{`UPDATE ledger.balance_transactions SET payout = 'po_x' WHERE account = 'acct_a'`, "balance_transactions_in_one_payout"},
		{`UPDATE ledger.balance_transactions SET payout = '' WHERE account = 'acct_a'`, "balance_transactions_in_one_payout"},
		{`UPDATE ledger.balance_transactions SET payout = 'po_x' WHERE account = 'acct_b'`, "balance_transactions_payout_sum"},
	} {
		if _, err := b.pool.ExecContext(t.Context(), c.statement); db.Constraint(err) != c.constraint {
			t.Errorf("%s: %v", c.statement, err)
		}
	}
	if _, err := b.pool.ExecContext(t.Context(), again, "x"); db.Constraint(err) != "balance_transactions_born_free" {
		t.Errorf("a line was born in a payout: %v", err)
	}
	b.mustVerify()
}

// Whatever comes in whatever order, the books hold and each payout is its lines.
func TestAnySequenceOfPayoutsAndFailuresKeepsTheBooks(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 1))
	b := open(t)
	alive := map[string]int64{}
	day := noon
	for step := range 60 {
		free := b.funds("acct_a").Available
		switch chance.IntN(7) {
		case 0, 1:
			b.earn("acct_a", 1+chance.Int64N(500), chance.IntN(4))
		case 2:
			b.refund("acct_a", 1+chance.Int64N(60), chance.IntN(4))
		case 3:
			day = day.AddDate(0, 0, 1)
			b.mature(day)
		case 4:
			if free > 0 {
				b.payAll(map[string]int64{"acct_a": free}, fmt.Sprint("_", step))
				alive[fmt.Sprint("po_acct_a_", step)] = free
			}
		case 5:
			if free > 1 {
				part := 1 + chance.Int64N(free-1)
				b.mustPay(fmt.Sprint("po_", step), part)
				alive[fmt.Sprint("po_", step)] = part
			}
		case 6:
			if living := slices.Sorted(maps.Keys(alive)); len(living) > 0 {
				payout := living[chance.IntN(len(living))]
				b.fail(payout, alive[payout])
				delete(alive, payout)
			}
		}
		b.mustVerify()
	}
	for payout, amount := range alive {
		var sum int64
		for _, net := range b.nets(payout) {
			sum += max(net, -net)
		}
		if sum < 2*amount {
			t.Errorf("%s of %d has the lines %v", payout, amount, b.nets(payout))
		}
	}
}
