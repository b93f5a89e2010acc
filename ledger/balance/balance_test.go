package balance_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newID() string { return id.New("txn") }

// books is one ledger and the acts of its users.
type books struct {
	*testing.T
	pool  *bun.DB
	book  *ledger.Book
	count int
}

func open(t *testing.T) *books {
	return &books{T: t, pool: dbtest.New(t), book: ledger.NewBook()}
}

func (b *books) in(fn func(ctx context.Context, tx bun.Tx) error) {
	b.Helper()
	if err := db.InTx(b.Context(), b.pool, fn); err != nil {
		b.Fatal(err)
	}
}

func (b *books) post(entries ...ledger.Entry) {
	b.Helper()
	b.in(func(ctx context.Context, tx bun.Tx) error { return b.postIn(ctx, tx, entries...) })
}

func (b *books) postIn(ctx context.Context, tx bun.Tx, entries ...ledger.Entry) error {
	results, err := b.book.Post(ctx, tx, entries...)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// earn charges a platform account of one's own; days is when it matures, 0 is at once.
func (b *books) earn(account string, amount int64, days int) {
	b.Helper()
	b.count++
	c := journal.Charge{ID: fmt.Sprintf("ch_%d", b.count), Owner: account, Platform: account,
		Amount: money.New(amount, "hkd"), At: noon}
	if days > 0 {
		c.MaturesOn = noon.AddDate(0, 0, days)
	}
	b.post(journal.ChargeSucceeded(c, newID))
}

func (b *books) refund(account string, amount int64, days int) {
	b.Helper()
	b.count++
	r := journal.Refund{ID: fmt.Sprintf("re_%d", b.count), Owner: account, Platform: account,
		Amount: money.New(amount, "hkd"), At: noon}
	if days > 0 {
		r.MaturesOn = noon.AddDate(0, 0, days)
	}
	b.post(journal.Refunded(r, newID))
}

func (b *books) mature(now time.Time) []balance.Matured {
	b.Helper()
	var matured []balance.Matured
	b.in(func(ctx context.Context, tx bun.Tx) (err error) {
		matured, err = balance.Mature(ctx, tx, b.book, false, now, 100)
		return err
	})
	return matured
}

func (b *books) pay(payout string, amount int64) error {
	return db.InTx(b.Context(), b.pool, func(ctx context.Context, tx bun.Tx) error {
		p := journal.Payout{ID: payout, Account: "acct_a", Platform: "acct_p", Amount: money.New(amount, "hkd"), At: noon}
		if err := b.postIn(ctx, tx, journal.PayoutCreated(p, newID)); err != nil {
			return err
		}
		_, err := balance.Attach(ctx, tx, b.book, balance.Payout{
			Purse: purse("acct_a"), ID: payout, Amount: amount, At: noon, NewID: newID})
		return err
	})
}

func (b *books) mustPay(payout string, amount int64) {
	b.Helper()
	if err := b.pay(payout, amount); err != nil {
		b.Fatal(err)
	}
}

func (b *books) fail(payout string, amount int64) {
	b.Helper()
	b.in(func(ctx context.Context, tx bun.Tx) error {
		p := journal.Payout{ID: payout, Account: "acct_a", Platform: "acct_p", Amount: money.New(amount, "hkd"), At: noon}
		if err := b.postIn(ctx, tx, journal.PayoutFailed(p, newID)); err != nil {
			return err
		}
		return balance.Detach(ctx, tx, b.book, purse("acct_a"), payout)
	})
}

func (b *books) funds(account string) balance.Funds {
	b.Helper()
	f, err := balance.In(b.Context(), b.pool, purse(account))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// nets lists the nets of the lines of a payout, oldest first.
func (b *books) nets(payout string) []int64 {
	b.Helper()
	var nets []int64
	if err := b.pool.NewRaw(`SELECT net FROM ledger.payout_lines WHERE payout = ? ORDER BY id`, payout).Scan(b.Context(), &nets); err != nil {
		b.Fatal(err)
	}
	return nets
}

func (b *books) mustNet(payout string, want ...int64) {
	b.Helper()
	if diff := cmp.Diff(want, b.nets(payout)); diff != "" {
		b.Errorf("lines of %s (-want +got):\n%s", payout, diff)
	}
}

func purse(account string) balance.Purse { return balance.Purse{Account: account, Currency: "hkd"} }

func scope(account string) tenant.Scope { return tenant.Scope{Platform: "acct_p", Account: account} }

func TestPendingMoneyMaturesOnItsDayAndNotBefore(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 1)
	b.earn("acct_a", 50, 2)
	b.earn("acct_b", 7, 2)
	b.refund("acct_a", 30, 2)
	if got := b.mature(noon); len(got) != 0 {
		t.Fatalf("matured too early: %+v", got)
	}
	got := b.mature(noon.AddDate(0, 0, 1))
	if len(got) != 1 || got[0].Account != "acct_a" || got[0].Amount != 100 {
		t.Fatalf("matured %+v", got)
	}
	days, err := balance.Expected(t.Context(), b.pool, purse("acct_a"))
	if err != nil || len(days) != 1 || days[0].Amount != 20 || !days[0].Day.Equal(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("expected %+v, %v", days, err)
	}
	if got := b.mature(noon.AddDate(0, 0, 9)); len(got) != 2 {
		t.Fatalf("matured %+v", got)
	}
	if f := b.funds("acct_a"); f.Available != 120 || f.Pending != 0 {
		t.Errorf("funds %+v", f)
	}
	if got := b.mature(noon.AddDate(0, 0, 9)); len(got) != 0 {
		t.Errorf("matured twice: %+v", got)
	}
}

func TestARefundAfterMaturityIsTakenFromAvailable(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 1)
	b.mature(noon.AddDate(0, 0, 1))
	b.refund("acct_a", 30, 1)
	if f := b.funds("acct_a"); f.Available != 70 || f.Pending != 0 {
		t.Errorf("funds %+v", f)
	}
}

func TestLinesBecomeAvailableWithTheirDay(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 1)
	for _, want := range []bool{false, true} {
		page, err := balance.List(t.Context(), b.pool, scope("acct_a"), balance.Filter{Source: "ch_1"}, page.Params{})
		if err != nil || len(page.Items) != 1 {
			t.Fatal(page, err)
		}
		line := page.Items[0]
		if line.Available != want || line.Net != 100 || line.Type != "charge" || line.AvailableOn.Day() != 23 {
			t.Errorf("line %+v", line)
		}
		b.mature(noon.AddDate(0, 0, 1))
	}
}

func TestAStatementShowsOnlyOnesOwnLines(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_b", 50, 0)
	own, err := balance.List(t.Context(), b.pool, scope("acct_a"), balance.Filter{}, page.Params{})
	if err != nil || len(own.Items) != 1 || own.Items[0].Account != "acct_a" {
		t.Fatal(own, err)
	}
	if _, err := balance.Get(t.Context(), b.pool, scope("acct_a"), own.Items[0].ID); err != nil {
		t.Error(err)
	}
	for _, stranger := range []tenant.Scope{scope("acct_b"), {Platform: "acct_p", Account: "acct_a", Livemode: true}} {
		if _, err := balance.Get(t.Context(), b.pool, stranger, own.Items[0].ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v sees it: %v", stranger, err)
		}
	}
}

func TestAPayoutOfEverythingTakesEveryLineUncut(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_a", 50, 0)
	b.earn("acct_a", 20, 3)
	b.refund("acct_a", 30, 0)
	b.mustPay("po_1", 120)
	b.mustNet("po_1", 100, 50, -30, -120)
}

func TestAPayoutOfAPartCutsTheLastLine(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_a", 50, 0)
	b.earn("acct_a", 25, 0)
	b.mustPay("po_1", 120)
	b.mustNet("po_1", 100, 50, -120, -30) // -30 is held, +30 released
	b.mustPay("po_2", 55)
	b.mustNet("po_2", 25, 30, -55)
	if f := b.funds("acct_a"); f.Available != 0 {
		t.Errorf("funds %+v", f)
	}
}

func TestADebitConsistsOfWhatItCollects(t *testing.T) {
	b := open(t)
	b.refund("acct_a", 300, 0)
	b.earn("acct_a", 100, 0)
	b.refund("acct_a", 50, 0)
	b.mustPay("po_1", -250) // all that is owed
	b.mustNet("po_1", -300, 100, -50, 250)
	b.refund("acct_a", 90, 0)
	b.mustPay("po_2", -60) // a part of it: -30 is left for the next
	b.mustNet("po_2", -90, 60, 30)
	b.mustPay("po_3", -30)
	b.mustNet("po_3", -30, 30)
	if f := b.funds("acct_a"); f.Available != 0 {
		t.Errorf("funds %+v", f)
	}
	b.fail("po_1", -250)
	b.mustNet("po_1", 250, -250)
	if f := b.funds("acct_a"); f.Available != -250 {
		t.Errorf("funds %+v", f)
	}
	b.mustPay("po_4", -250) // its lines are free again
	b.mustNet("po_4", -300, 100, -50, 250)
}

func TestADebitOfMoreThanIsOwedLeavesTheRestForTheNextPayout(t *testing.T) {
	b := open(t)
	b.mustPay("po_1", -70)
	b.mustNet("po_1", 70, -70) // and +70 is free
	b.mustPay("po_2", 70)
	b.mustNet("po_2", 70, -70)
}

func TestAPayoutNeverTakesMoreThanIsAvailable(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_a", 100, 5)
	if err := b.pay("po_1", 101); fault.As(err) == nil || fault.As(err).Code != "balance_insufficient" {
		t.Fatal(err)
	}
	if len(b.nets("po_1")) != 0 || b.funds("acct_a").Available != 100 {
		t.Error("a refused payout left a trace")
	}
}

func TestAFailedPayoutFreesItsLinesForTheNext(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_a", 50, 0)
	b.mustPay("po_1", 120)
	b.fail("po_1", 120)
	b.mustNet("po_1", -120, 120)
	b.mustPay("po_2", 150)
	b.mustNet("po_2", 100, 50, -30, 30, -150)
}

func TestLinesAreNeverTakenFromAPayoutByHand(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.mustPay("po_1", 100)
	for _, statement := range []string{
		`UPDATE ledger.balance_transactions SET payout = NULL`,
		`UPDATE ledger.balance_transactions SET payout = 'po_2'`,
	} {
		if _, err := b.pool.ExecContext(t.Context(), statement); db.Constraint(err) != "balance_transactions_immutable" {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// Both see the same lines; only one may have them.
func TestConcurrentPayoutsNeverShareALine(t *testing.T) {
	b := open(t)
	for range 20 {
		b.earn("acct_a", 10, 0)
	}
	const payouts = 8
	done := make(chan error, payouts)
	for i := range payouts {
		go func() { done <- b.pay(fmt.Sprintf("po_%d", i), 35) }()
	}
	paid := 0
	for range payouts {
		switch err := <-done; {
		case err == nil:
			paid++
		case fault.As(err) == nil || fault.As(err).Code != "balance_insufficient":
			t.Error(err)
		}
	}
	var attached, sum int64
	if err := b.pool.NewRaw(`SELECT count(DISTINCT payout), coalesce(sum(net), 0) FROM ledger.payout_lines`).Scan(t.Context(), &attached, &sum); err != nil {
		t.Fatal(err)
	}
	if paid != 5 || attached != 5 || sum != 0 || b.funds("acct_a").Available != 25 {
		t.Errorf("%d paid, %d attached, sum %d, funds %+v", paid, attached, sum, b.funds("acct_a"))
	}
}

func TestHoldersArePagedAndOweNothing(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 100, 0)
	b.earn("acct_b", 100, 2) // pending
	b.earn("acct_c", 7, 0)
	b.refund("acct_d", 5, 0)
	b.earn("acct_e", 1, 0)
	var got []string
	for last := (balance.Purse{}); ; {
		page, err := balance.Holding(t.Context(), b.pool, false, last, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			got = append(got, p.Account)
		}
		last = page[len(page)-1]
	}
	if diff := cmp.Diff([]string{"acct_a", "acct_c", "acct_e"}, got); diff != "" {
		t.Error(diff)
	}
}

// Money on its way to a bank may still come back: its account is not settled.
func TestAnAccountIsSettledWhenNothingIsLeftAnywhere(t *testing.T) {
	b := open(t)
	settled := func(want bool, when string) {
		t.Helper()
		got, err := balance.Settled(t.Context(), b.pool, false, "acct_a")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: settled is %v", when, got)
		}
	}
	settled(true, "new")
	b.earn("acct_a", 700, 1)
	settled(false, "pending")
	b.mature(noon.AddDate(0, 0, 1))
	settled(false, "available")
	b.mustPay("po_1", 700)
	settled(false, "in transit")
	b.post(journal.PayoutPaid(journal.Payout{ID: "po_1", Account: "acct_a", Platform: "acct_p", Amount: money.New(700, "hkd"), At: noon}))
	settled(true, "paid")
}
