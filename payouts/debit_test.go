package payouts_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// collector is a bank that takes money from accounts: what it answers to debits, the test says.
type collector struct {
	mu     sync.Mutex
	answer rail.Result
	told   []rail.Instruction
}

func (c *collector) Capabilities() rail.Capabilities {
	return rail.Capabilities{Name: "collector", Debits: true}
}

func (c *collector) Submit(_ context.Context, i rail.Instruction) rail.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, i)
	return c.answer
}

func (c *collector) Lookup(context.Context, rail.Query) rail.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer
}

// lending is a world with a bank that debits, where May may owe.
func lending(t *testing.T) (*world, *collector) {
	w, bank := open(t), &collector{answer: rail.Result{State: rail.Paid, Trace: "D1"}}
	w.people.accounts[may].DebitNegative = true
	w.people.accounts[may].Destinations[0].ChangedAt = noon
	w.service = payouts.New(w.pool, payouts.Config{
		Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people,
		Rails:      rail.Modes{Test: rail.Set{w.bank, bank}},
		PlatformOf: func(context.Context, string, bool) (string, error) { return hub, nil },
	})
	w.intake = payouts.NewIntake(w.service)
	return w, bank
}

// gives refunds a student out of May's balance; days is the day of the charge.
func (w *world) gives(amount int64, days int) {
	w.Helper()
	w.count++
	r := journal.Refund{ID: fmt.Sprintf("re_%d", w.count), Owner: may, Platform: hub, Amount: money.New(amount, "hkd"), At: w.clock.Now()}
	if days > 0 {
		r.MaturesOn = w.clock.Now().AddDate(0, 0, days)
	}
	w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := w.book.Post(ctx, tx, journal.Refunded(r, func() string { return id.New("txn") }))
		if err == nil {
			err = results[0].Err
		}
		return err
	})
}

func (w *world) has() string {
	w.Helper()
	f, err := balance.In(w.Context(), w.pool, balance.Purse{Account: may, Currency: "hkd"})
	if err != nil {
		w.Fatal(err)
	}
	return fmt.Sprintf("%d available %d pending", f.Available, f.Pending)
}

// What May owes, and what is taken from her bank account at noon of each day: her
// next sales come first.
const debitTable = `
day  what happens           balance                         debit
0    a refund of 9000       -9000 available 0 pending           -
0    the same day           -9000 available 0 pending           -
1    the next day               0 available 0 pending       -9000
2    another of 9000        -9000 available 0 pending           -
2    she sells 4000         -9000 available 4000 pending        -
3    the next day           -4000 available 4000 pending    -5000
4    less than a dollar       -99 available 0 pending           -
5    the next day             -99 available 0 pending           -`

func TestWhatSalesDoNotRecoverIsDebitedTheNextDay(t *testing.T) {
	w, bank := lending(t)
	acts := map[string]func(){
		"a refund of 9000":   func() { w.gives(9000, 0) },
		"another of 9000":    func() { w.gives(9000, 0) },
		"she sells 4000":     func() { w.earn(may, 4000, "hkd", 20) },
		"less than a dollar": func() { w.earn(may, 3901, "hkd", 0); w.gives(4000, 20) },
	}
	for _, row := range strings.Split(debitTable, "\n")[2:] {
		var day int
		if _, err := fmt.Sscan(row, &day); err != nil {
			t.Fatal(err)
		}
		w.clock.Set(noon.AddDate(0, 0, day))
		if act := acts[strings.TrimSpace(row[5:28])]; act != nil {
			act()
		}
		before := len(w.all(may))
		made := w.job(w.service.RunDebits)
		w.job(w.service.Send)
		debit := "-"
		if all := w.all(may); made > 0 && len(all) == before+1 {
			debit = fmt.Sprint(all[before].Amount)
		}
		if got, want := w.has()+" "+debit, strings.Join(strings.Fields(row[28:]), " "); got != want {
			t.Errorf("%s: %s, want %s", row[:28], got, want)
		}
		if again := w.job(w.service.RunDebits); again != 0 {
			t.Errorf("%s: debited again", row[:28])
		}
	}
	for i, want := range []int64{9000, 5000} {
		if got := bank.told[i]; !got.Debit || got.Amount.Minor != want {
			t.Errorf("the bank was told %+v", got)
		}
	}
	first := w.all(may)[0]
	if !first.Automatic || first.Status != payouts.Paid || first.Rail != "collector" {
		t.Errorf("%+v", first)
	}
	w.expectLines(first, `
		refund  -9000
		payout   9000`)
	w.expectItemised()
}

func TestARefusedDebitLeavesTheDebtAndStopsDebitsOnly(t *testing.T) {
	for _, c := range []struct {
		code string
		days int // until the next one
	}{{"insufficient_funds", 3}, {"could_not_process", 3}, {"debit_not_authorized", 0}, {"account_frozen", 0}} {
		t.Run(c.code, func(t *testing.T) {
			w, bank := lending(t)
			bank.answer = rail.Result{State: rail.Failed, Code: c.code}
			w.gives(9000, 0)
			w.clock.Advance(24 * time.Hour)
			if w.job(w.service.RunDebits) != 1 {
				t.Fatal("not debited")
			}
			w.job(w.service.Send)
			p := w.only(may)
			w.expectStatus(p, payouts.Failed)
			w.expectEvents(p, "1 payout.created", "2 payout.failed")
			if got := w.has(); got != "-9000 available 0 pending" {
				t.Errorf("May has %s", got)
			}
			if w.people.accounts[may].Destinations[0].Errored {
				t.Error("payouts to the bank account are stopped")
			}
			again := 0
			for day := 1; day <= 10 && again == 0; day++ {
				w.clock.Advance(24 * time.Hour)
				if w.job(w.service.RunDebits) > 0 {
					again = day
				}
			}
			if again != c.days {
				t.Errorf("debited again after %d days, want %d", again, c.days)
			}
			if c.days == 0 {
				w.people.accounts[may].Destinations[0].ChangedAt = w.clock.Now()
				if w.job(w.service.RunDebits) != 1 {
					t.Error("another bank account is not debited")
				}
			}
			w.expectItemised()
		})
	}
}

func TestNobodyIsDebitedWhoDidNotAgree(t *testing.T) {
	for name, change := range map[string]func(*payouts.Payable){
		"not agreed":      func(p *payouts.Payable) { p.DebitNegative = false },
		"no bank account": func(p *payouts.Payable) { p.Destinations = nil },
		"errored":         func(p *payouts.Payable) { p.Destinations[0].Errored = true },
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := lending(t)
			change(w.people.accounts[may])
			w.gives(9000, 0)
			w.clock.Advance(24 * time.Hour)
			if w.job(w.service.RunDebits) != 0 {
				t.Error("debited")
			}
		})
	}
}

func TestTenDebitorsDebitOnce(t *testing.T) {
	w, _ := lending(t)
	w.gives(9000, 0)
	w.clock.Advance(24 * time.Hour)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := w.service.RunDebits(t.Context(), false, w.clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if p := w.only(may); p.Amount != -9000 {
		t.Errorf("debited %d", p.Amount)
	}
	w.expectItemised()
}

// claims says that somebody else takes some money first.
type claims map[balance.Purse]int64

func (c claims) Claimed(context.Context, bun.IDB, []balance.Purse) (map[balance.Purse]int64, error) {
	return c, nil
}

func TestWhatIsClaimedIsNotPaidOut(t *testing.T) {
	w := open(t)
	w.service = payouts.New(w.pool, payouts.Config{
		Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Rails: rail.Modes{Test: rail.Set{w.bank}},
		Claims: claims{{Account: may, Currency: "hkd"}: 6000},
	})
	w.intake = payouts.NewIntake(w.service)
	w.earn(may, 10_000, "hkd", 0)
	if _, err := w.create(may, payouts.CreateParams{Amount: 4001, Currency: "hkd"}); err == nil {
		t.Error("claimed money was paid out by hand")
	}
	w.handle(w.available(may, "hkd"))
	w.job(w.service.RunDue)
	if p := w.only(may); p.Amount != 4000 {
		t.Errorf("paid out %d", p.Amount)
	}
}

func TestAnAccountOnHoldIsNotDebited(t *testing.T) {
	w, bank := lending(t)
	w.gives(9_000, 0)
	w.clock.Advance(24 * time.Hour)
	h := w.mustHold(payouts.HoldParams{Account: may, Reason: "Who owns the bank account is being looked into"})
	if made := w.job(w.service.RunDebits); made != 0 || len(bank.told) != 0 {
		t.Fatalf("%d debits of an account on hold", made)
	}
	if err := w.release(h); err != nil {
		t.Fatal(err)
	}
	if made := w.job(w.service.RunDebits); made != 1 {
		t.Errorf("%d debits after the hold", made)
	}
}
