package payouts_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/money"
)

// shares divides an account's payouts among bank accounts: "a 60 000123456" each, the
// first one being the default.
func (w *world) shares(account string, currency money.Currency, rows string) {
	w.Helper()
	p := w.people.accounts[account]
	p.Destinations = nil
	for i, row := range table(rows) {
		f := strings.Fields(row)
		rate, err := money.ParsePercent(f[1])
		if err != nil {
			w.Fatal(err)
		}
		to := payouts.Destination{ID: "ba_" + f[0], Currency: currency, Default: i == 0, Share: rate}
		p.Destinations = append(p.Destinations, to)
		w.people.numbers[to.ID] = f[2]
	}
}

// mend has a bank account work again, at a number that is paid.
func (w *world) mend(account, destination string) {
	for i, to := range w.people.accounts[account].Destinations {
		if to.ID == destination {
			w.people.accounts[account].Destinations[i].Errored = false
		}
	}
	w.people.numbers[destination] = "000123456"
}

// payday lets a day pass with an income, and makes the payouts of it: "destination amount" each.
func (w *world) payday(account string, income int64, currency money.Currency) (made []string) {
	w.Helper()
	known := len(w.all(account))
	w.clock.Advance(24 * time.Hour)
	if income > 0 {
		w.earn(account, income, currency, 0)
	}
	w.handle(w.available(account, currency))
	w.job(w.service.RunDue)
	for _, p := range w.all(account)[known:] {
		made = append(made, fmt.Sprintf("%s %d", p.Destination, p.Amount))
	}
	slices.Sort(made)
	w.job(w.service.Send)
	w.job(w.service.Settle)
	return made
}

func (w *world) expectKept(account, want string) {
	w.Helper()
	next, err := w.service.Next(w.Context(), scopeOf(account))
	if err != nil {
		w.Fatal(err)
	}
	got := []string{}
	for _, n := range next {
		for _, k := range n.Wire().Kept {
			got = append(got, fmt.Sprintf("%s %d", k.Destination, k.Amount))
		}
	}
	if diff := cmp.Diff(table(want), got, nothingIsNothing); diff != "" {
		w.Errorf("what is kept differs (-want +got):\n%s", diff)
	}
}

// nothingIsNothing takes an empty list for none.
var nothingIsNothing = cmp.Transformer("rows", func(rows []string) string { return strings.Join(rows, "\n") })

func expectMade(t *testing.T, got []string, want string) {
	t.Helper()
	if diff := cmp.Diff(table(want), got, nothingIsNothing); diff != "" {
		t.Errorf("the payouts differ (-want +got):\n%s", diff)
	}
}

func TestAPayoutIsDividedToTheCentAndItsPartsKnowEachOther(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 33.3333 000123456
		b 33.3333 000123457
		c 33.3334 000123458`)
	expectMade(t, w.payday(may, 10001, "hkd"), `
		ba_a 3334
		ba_b 3333
		ba_c 3334`)
	w.expectBooks(`
		bank                hub  hkd   10001
		processor_clearing  hub  hkd  -10001`)
	all := w.all(may)
	for _, p := range all {
		var others []string
		for _, o := range all {
			if o.ID != p.ID {
				others = append(others, o.ID)
			}
		}
		slices.Sort(others)
		siblings := slices.Sorted(slices.Values(p.Siblings))
		if diff := cmp.Diff(others, siblings); diff != "" || p.Wire().Split == nil || p.Run == "" {
			t.Errorf("%s of %d: %v, siblings %s", p.Destination, p.Amount, p.Wire().Split, diff)
		}
		w.expectPaidOnce(p)
	}
	w.expectLines(all[0], `
		charge                       10001
		payout                       -3334
		payout_minimum_balance_hold  -6667`)
	w.expectLines(all[2], `
		payout_minimum_balance_release   3334
		payout                          -3334`)
}

func TestOnlyThePartThatFailedComesBackAndIsKeptForItsBankAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 60 000123456
		b 40 000111113`) // closed
	expectMade(t, w.payday(may, 10000, "hkd"), `
		ba_a 6000
		ba_b 4000`)
	all := w.all(may)
	w.expectStatus(all[0], payouts.Paid)
	w.expectStatus(all[1], payouts.Failed)
	w.expectBooks(`
		available           may  hkd    4000
		bank                hub  hkd    6000
		processor_clearing  hub  hkd  -10000`)
	w.expectKept(may, `ba_b 4000`)

	expectMade(t, w.payday(may, 5000, "hkd"), `ba_a 3000`) // and nothing of what is b's
	w.expectKept(may, `ba_b 6000`)
	expectMade(t, w.payday(may, 0, "hkd"), ``)

	w.mend(may, "ba_b")
	expectMade(t, w.payday(may, 1000, "hkd"), `
		ba_a  600
		ba_b 6400`)
	w.expectKept(may, ``)
	w.expectBooks(`
		bank                hub  hkd   16000
		processor_clearing  hub  hkd  -16000`)
}

func TestAPartThatIsTriedAgainByHandIsNotKeptAsWell(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 50 000123456
		b 50 000111113`)
	w.payday(may, 10000, "hkd")
	w.mend(may, "ba_b")
	failed := w.all(may)[1]
	if _, err := w.retry(failed, ""); err != nil {
		t.Fatal(err)
	}
	w.expectKept(may, ``)
	expectMade(t, w.payday(may, 1000, "hkd"), `
		ba_a 500
		ba_b 500`)
}

func TestWhatIsKeptShrinksWithTheBalance(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 50 000123456
		b 25 000111113
		c 25 000111116`)
	w.payday(may, 10000, "hkd")
	w.expectKept(may, `
		ba_b 2500
		ba_c 2500`)
	if _, err := w.create(may, payouts.CreateParams{Amount: 1001, Currency: "hkd"}); err != nil {
		t.Fatal(err)
	}
	w.mend(may, "ba_b")
	w.mend(may, "ba_c")
	expectMade(t, w.payday(may, 0, "hkd"), `
		ba_b 2000
		ba_c 1999`)
}

func TestWholeStepsAndMinimumsAreThoseOfEachPart(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.pays("acct_buda", payouts.Daily, "huf", "000123456")
	w.shares("acct_buda", "huf", `
		a 50 000123456
		b 50 000123457`)
	expectMade(t, w.payday("acct_buda", 100050, "huf"), `
		ba_a 50000
		ba_b 50000`)
	w.expectKept("acct_buda", `
		ba_a 25
		ba_b 25`)
	expectMade(t, w.payday("acct_buda", 150, "huf"), `
		ba_a 100
		ba_b 100`)

	w.policy("key_ada", payouts.PolicyParams{MinimumPayout: map[string]string{"hkd": "1000"}})
	w.shares(may, "hkd", `
		a 90 000123456
		b 10 000123457`)
	expectMade(t, w.payday(may, 6000, "hkd"), `ba_a 5400`)
	w.expectKept(may, `ba_b 600`)
	expectMade(t, w.payday(may, 5000, "hkd"), `
		ba_a 4500
		ba_b 1100`)
}

func TestCuttingAPayoutUpGetsRoundNoApprovalAndNoLimit(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 50 000123456
		b 50 000123457`)
	w.policy("key_ada", payouts.PolicyParams{ApprovalOver: map[string]string{"hkd": "9999"}, DailyLimit: map[string]string{"hkd": "15000"}})
	expectMade(t, w.payday(may, 10000, "hkd"), `
		ba_a 5000
		ba_b 5000`)
	for _, p := range w.all(may) {
		if p = w.again(p); p.Approval != payouts.ApprovalRequired || p.Status != payouts.Pending {
			t.Errorf("a part of 5000 is %s, approval %q", p.Status, p.Approval)
		}
	}
	expectMade(t, w.payday(may, 15001, "hkd"), ``)
	expectMade(t, w.payday(may, 0, "hkd"), ``)
}

func TestABankAccountThatWasJustGivenAShareHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.shares(may, "hkd", `
		a 50 000123456
		b 50 000123457`)
	day := int64(47)
	w.policy("key_ada", payouts.PolicyParams{CoolingOffHours: &day})
	w.people.accounts[may].Destinations[1].ChangedAt = w.clock.Now()
	expectMade(t, w.payday(may, 1000, "hkd"), `ba_a 500`)
	expectMade(t, w.payday(may, 100, "hkd"), `
		ba_a  50
		ba_b 550`)
}

func TestWhateverFailsEveryBankAccountGetsItsShareInTheEnd(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	w := open(t)
	w.shares(may, "hkd", `
		a 50.5  000123456
		b 29.25 000123456
		c 20.25 000123456`)
	weights := []int64{505000, 292500, 202500}
	names := []string{"ba_a", "ba_b", "ba_c"}
	owed, earned := make([]int64, 3), int64(0)
	for range 20 {
		for i, name := range names[:2] {
			if random.IntN(3) == 0 {
				w.people.numbers[name] = "000111113" // closed from today on
			}
			if random.IntN(2) == 0 && w.people.accounts[may].Destinations[i].Errored {
				w.mend(may, name)
			}
		}
		income := 1 + random.Int64N(100000)
		cut, err := money.Allocate(income, weights)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cut {
			owed[i] += cut[i]
		}
		w.payday(may, income, "hkd")
		earned += income
	}
	paid := map[string]int64{}
	for _, name := range names {
		w.mend(may, name)
	}
	w.payday(may, 0, "hkd")
	total := int64(0)
	for _, p := range w.all(may) {
		if p.Status == payouts.Paid {
			paid[p.Destination] += p.Amount
			total += p.Amount
		}
	}
	if total != earned {
		t.Errorf("%d of %d was paid", total, earned)
	}
	for i, name := range names {
		if paid[name] != owed[i] {
			t.Errorf("%s was paid %d, its shares are %d", name, paid[name], owed[i])
		}
	}
}
