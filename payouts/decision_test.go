package payouts_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/money"
)

// What an account keeps, where it is paid at once, and how much a rail pays in: the
// payout takes exactly the rest, and its lines say so.
func TestWhatStaysInTheBalanceIsExactAndItemised(t *testing.T) {
	for _, c := range []struct {
		name     string
		currency money.Currency
		change   func(*payouts.Payable)
		earned   []int64
		want     int64 // 0: nothing is paid
		lines    string
	}{
		{"all of it", "hkd", nil, []int64{10_000, 2_345}, 12_345, "charge 10000\n charge 2345\n payout -12345"},
		{"but a minimum", "hkd", func(p *payouts.Payable) { p.Retain = map[money.Currency]int64{"hkd": 5_000} }, []int64{10_000, 2_345}, 7_345,
			"charge 10000\n payout -7345\n payout_minimum_balance_hold -2655"},
		{"nothing above the minimum", "hkd", func(p *payouts.Payable) { p.Retain = map[money.Currency]int64{"hkd": 20_000} }, []int64{10_000}, 0, ""},
		{"whole forints", "huf", nil, []int64{10_050}, 10_000, "charge 10050\n payout -10000\n payout_minimum_balance_hold -50"},
		{"by hand, below the trigger", "hkd", func(p *payouts.Payable) {
			p.Schedule.Interval, p.Trigger = payouts.Manual, map[money.Currency]int64{"hkd": 10_000}
		}, []int64{9_999}, 0, ""},
		{"by hand, at the trigger", "hkd", func(p *payouts.Payable) {
			p.Schedule.Interval, p.Trigger = payouts.Manual, map[money.Currency]int64{"hkd": 10_000}
		}, []int64{9_999, 1}, 10_000, "charge 9999\n charge 1\n payout -10000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t)
			w.pays(may, payouts.Daily, c.currency, "000123456")
			if c.change != nil {
				c.change(w.people.accounts[may])
			}
			for _, amount := range c.earned {
				w.earn(may, amount, c.currency, 0)
			}
			w.handle(w.available(may, c.currency))
			w.job(w.service.RunDue)
			if c.want == 0 {
				if made := w.all(may); len(made) != 0 {
					t.Fatalf("paid %d", made[0].Amount)
				}
				return
			}
			p := w.only(may)
			if p.Amount != c.want || p.Run == "" {
				t.Errorf("paid %d in run %q, want %d", p.Amount, p.Run, c.want)
			}
			w.expectLines(p, c.lines)
		})
	}
}

// Three accounts in three zones are each paid when their own day begins, at the local
// time they asked for, and once.
func TestAPaydayComesInTheAccountsOwnZone(t *testing.T) {
	w := open(t)
	wants := map[string]string{}
	for account, c := range map[string]struct {
		zone  string
		at    time.Duration
		first string
	}{
		"acct_hk": {"Asia/Hong_Kong", 9 * time.Hour, "2026-11-23T01:00:00Z"},
		"acct_ny": {"America/New_York", 0, "2026-11-22T23:00:00Z"}, // its 22nd has a payday that has paid nothing yet
		"acct_ap": {"Pacific/Apia", 18 * time.Hour, "2026-11-23T05:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		w.pays(account, payouts.Daily, "hkd", "000123456")
		w.people.accounts[account].Schedule.Zone, w.people.accounts[account].Schedule.At = zone, c.at
		wants[account] = c.first
	}
	w.clock.Set(time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)) // the 23rd in Hong Kong and Apia, and still before their hour
	for account := range wants {
		w.earn(account, 1_000, "hkd", 0)
		w.in(func(ctx context.Context, tx bun.Tx) error {
			return w.service.Note(ctx, tx, w.clock.Now(), payouts.Due{Platform: hub, Account: account, Currency: "hkd"})
		})
	}
	for hour := range 24 {
		w.job(w.service.RunDue)
		for account, first := range wants {
			at, err := time.Parse(time.RFC3339, first)
			if err != nil {
				t.Fatal(err)
			}
			made := w.all(account)
			if due := !w.clock.Now().Before(at); due != (len(made) == 1) {
				t.Errorf("hour %d (%s): %s has %d payouts, its payday is %s", hour, w.clock.Now(), account, len(made), first)
			}
		}
		w.clock.Advance(time.Hour)
	}
}

// What was kept back is looked at again on the next payday, without any event.
func TestWhatWasRetainedIsPaidWhenItNeedNotStayAnyMore(t *testing.T) {
	w := open(t)
	w.people.accounts[may].Retain = map[money.Currency]int64{"hkd": 4_000}
	w.earn(may, 10_000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.job(w.service.RunDue)
	w.people.accounts[may].Retain = nil
	w.clock.Advance(24 * time.Hour)
	w.job(w.service.RunDue)
	made := w.all(may)
	if len(made) != 2 || made[0].Amount != 6_000 || made[1].Amount != 4_000 {
		t.Fatalf("%d payouts, want 6000 and then 4000", len(made))
	}
	w.expectItemised()
}

// One purse of a batch cannot be paid: a line too many stands on its statement, and the
// database refuses. Its neighbours are paid, it rests for a minute, and it is told of once a look.
func TestOneBadPurseKeepsNoNeighbourFromBeingPaid(t *testing.T) {
	w := open(t)
	accounts := []string{"acct_01", "acct_02", "acct_03", "acct_04", "acct_05", "acct_06", "acct_07", "acct_08", "acct_09", "acct_10"}
	const bad = "acct_06"
	for _, account := range accounts {
		w.pays(account, payouts.Daily, "hkd", "000123456")
		w.earn(account, 1_000, "hkd", 0)
		w.handle(w.available(account, "hkd"))
	}
	_, err := w.pool.NewRaw(`
		INSERT INTO ledger.balance_transactions (id, account_id, account, livemode, type, currency, amount, fee, net, available_on, pending, source, description, entry_id, created_at)
		SELECT 'txn_odd', account_id, account, livemode, type, currency, 5, 0, 5, available_on, pending, 'ch_odd', description, entry_id, created_at
		FROM ledger.balance_transactions WHERE account = ?`, bad).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for look := range 2 {
		made, err := w.service.RunDue(t.Context(), false, w.clock.Now())
		if want := map[int]int{0: len(accounts) - 1, 1: 0}[look]; made != want || (err != nil) != (look == 0) {
			t.Fatalf("look %d: %d payouts, %v", look, made, err)
		}
	}
	for _, account := range accounts {
		if paid := len(w.all(account)); paid != map[bool]int{true: 0, false: 1}[account == bad] {
			t.Errorf("%s has %d payouts", account, paid)
		}
	}
	w.clock.Advance(time.Minute)
	if _, err := w.service.RunDue(t.Context(), false, w.clock.Now()); err == nil {
		t.Error("after its rest it was not tried again")
	}
}

func TestDuesOfBothModesOfOnePurseAreNotedTogether(t *testing.T) {
	w := open(t)
	test, live := payouts.Due{Platform: hub, Account: may, Currency: "hkd"}, payouts.Due{Platform: hub, Account: may, Currency: "hkd", Livemode: true}
	for range 20 { // the order of equal ones is anybody's
		w.in(func(ctx context.Context, tx bun.Tx) error {
			return w.service.Note(ctx, tx, w.clock.Now(), test, live, test, live, test, live, test, live, test, live, test, live, test, live, test)
		})
	}
}
