package balance_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
)

// debts lists who owes how much since which day of the tests, "acct_a 300 day 2".
func (b *books) debts() (got []string) {
	b.Helper()
	found, err := balance.Debts(b.Context(), b.pool, false)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range found {
		got = append(got, fmt.Sprintf("%s %d day %d", d.Account, d.Amount, int(d.Since.Sub(noon)/(24*time.Hour))))
	}
	return got
}

// moves takes amount from an account on a day, or gives it if negative.
func (b *books) moves(account string, amount int64, day int) {
	b.Helper()
	b.count++
	at := noon.AddDate(0, 0, day)
	if amount < 0 {
		b.post(journal.ChargeSucceeded(journal.Charge{ID: fmt.Sprintf("ch_%d", b.count), Owner: account, Platform: account, Amount: money.New(-amount, "hkd"), At: at}, newID))
		return
	}
	b.post(journal.Refunded(journal.Refund{ID: fmt.Sprintf("re_%d", b.count), Owner: account, Platform: account, Amount: money.New(amount, "hkd"), At: at}, newID))
}

func TestADebtIsAsOldAsTheEntryThatMadeIt(t *testing.T) {
	b := open(t)
	b.moves("acct_a", -1000, 0)
	b.moves("acct_a", 1300, 1) // owes 300
	b.moves("acct_a", -300, 2) // even
	b.moves("acct_b", 50, 2)
	b.moves("acct_a", 20, 3) // owes 20: a new debt
	b.moves("acct_a", 30, 4)
	b.moves("acct_a", -10, 5)
	b.moves("acct_c", -10, 5)
	if diff := cmp.Diff([]string{"acct_b 50 day 2", "acct_a 40 day 3"}, b.debts()); diff != "" {
		t.Error(diff)
	}
}

func TestADebitThatFailsDoesNotMakeAnOldDebtYoung(t *testing.T) {
	b := open(t)
	b.moves("acct_a", 300, 1)
	debit := journal.Payout{ID: "po_1", Account: "acct_a", Platform: "acct_p", Amount: money.New(-300, "hkd"), At: noon.AddDate(0, 0, 4)}
	b.post(journal.PayoutCreated(debit, newID))
	if got := b.debts(); got != nil {
		t.Errorf("while the debit is on its way: %v", got)
	}
	debit.At = noon.AddDate(0, 0, 6)
	b.post(journal.PayoutFailed(debit, newID))
	if diff := cmp.Diff([]string{"acct_a 300 day 1"}, b.debts()); diff != "" {
		t.Error(diff)
	}
	debit.ID = "po_2"
	b.post(journal.PayoutCreated(debit, newID), journal.PayoutPaid(debit))
	b.moves("acct_a", 70, 9)
	if diff := cmp.Diff([]string{"acct_a 70 day 9"}, b.debts()); diff != "" {
		t.Errorf("after one that was paid: %s", diff)
	}
}

// What acct_a owes is paid by its platform at last.
const collectTable = `
what happens        acct_a  acct_p  reserved  collected
p earns                  0    1000         0          0
a owes                -300     700       300          0
collected                0     700         0        300
again                    0     700         0          0
a owes, no reserve     -50     700         0          0
collected at once        0     650         0         50`

func TestAnOldDebtIsPaidOutOfTheReserve(t *testing.T) {
	b := open(t)
	var got int64
	collect := func() {
		b.in(func(ctx context.Context, tx bun.Tx) (err error) {
			got, err = balance.Collect(ctx, tx, b.book, purse("acct_a"), "acct_p", noon)
			return err
		})
	}
	acts := map[string]func(){
		"p earns":            func() { b.earn("acct_p", 1000, 0) },
		"a owes":             func() { b.refund("acct_a", 300, 0); b.reserve() },
		"collected":          collect,
		"again":              collect,
		"a owes, no reserve": func() { b.refund("acct_a", 50, 0) },
		"collected at once":  collect,
	}
	for _, row := range strings.Split(collectTable, "\n")[2:] {
		got = 0
		acts[strings.TrimSpace(row[:18])]()
		p := b.funds("acct_p")
		shown := fmt.Sprint(b.funds("acct_a").Available, p.Available, p.Reserved, got)
		if want := strings.Join(strings.Fields(row[18:]), " "); shown != want {
			t.Errorf("%s balances are %s, want %s", row[:18], shown, want)
		}
	}
	for account, want := range map[string][]string{
		"acct_a": {"connect_collection_transfer 300", "connect_collection_transfer 50", "refund -300", "refund -50"},
		"acct_p": {"charge 1000", "connect_collection_transfer -300", "connect_collection_transfer -50", "reserve_transaction -300", "reserve_transaction 300"},
	} {
		var lines []string
		err := b.pool.NewRaw(`SELECT type || ' ' || net FROM ledger.balance_transactions WHERE account = ? ORDER BY 1`, account).Scan(t.Context(), &lines)
		if diff := cmp.Diff(want, lines); err != nil || diff != "" {
			t.Errorf("%s: %v %s", account, err, diff)
		}
	}
	report, err := audit.Verify(t.Context(), b.pool, nil)
	if err != nil || len(report.Findings) > 0 {
		t.Error(err, report.Findings)
	}
}

func TestCollectingAtOnceCollectsOnce(t *testing.T) {
	b := open(t)
	b.refund("acct_a", 300, 0)
	b.reserve()
	var all sync.WaitGroup
	var mu sync.Mutex
	var sum int64
	for range 5 {
		all.Go(func() {
			var n int64
			err := db.InTx(t.Context(), b.pool, func(ctx context.Context, tx bun.Tx) (err error) {
				n, err = balance.Collect(ctx, tx, b.book, purse("acct_a"), "acct_p", noon)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum += n
		})
	}
	all.Wait()
	if sum != 300 || b.funds("acct_p").Available != -300 || b.reserve() != nil {
		t.Errorf("collected %d, the platform has %+v", sum, b.funds("acct_p"))
	}
}

func TestWhatIsAvailableIsReadForManyAtOnce(t *testing.T) {
	b := open(t)
	b.earn("acct_a", 700, 0)
	b.earn("acct_b", 50, 3)
	got, err := balance.Available(t.Context(), b.pool, []balance.Purse{purse("acct_a"), purse("acct_b"), purse("acct_c")})
	if diff := cmp.Diff(map[balance.Purse]int64{purse("acct_a"): 700}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
