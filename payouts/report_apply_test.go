package payouts_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/money"
)

// reasons are what became of reports, by index.
func reasons(a payouts.Applied) map[int]string {
	found := map[int]string{}
	for _, u := range a.Unmatched {
		found[u.Index] = u.Reason
	}
	return found
}

func TestReportsThatAreAboutNoPayoutOfOursComeBack(t *testing.T) {
	w := openFiled(t)
	w.extra = rail.Set{}
	w.earn(may, 9000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	kept := w.mustCreate(may, 1000) // in its cancel window
	applied := w.mustApply(
		rail.Report{Reference: "po_other", State: rail.Paid},
		rail.Report{Reference: p.ID, State: rail.Paid, Amount: hkd(6999)},
		rail.Report{Reference: p.ID, State: rail.Paid, Amount: money.New(7000, "usd")},
		rail.Report{Reference: kept.ID, State: rail.Paid},
		rail.Report{Trace: "123", State: rail.Paid},
		rail.Report{Batch: "bat_other", State: rail.Failed},
		rail.Report{Batch: w.onlyBatch().ID, State: rail.Paid, Amount: hkd(1)},
		rail.Report{State: rail.Paid},
		rail.Report{Reference: p.ID},
		rail.Report{Reference: p.ID, State: rail.Failed, Code: "declined", Reason: "AM05"},
	)
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; applied.Moved != 0 || len(reasons(applied)) != len(want) {
		t.Errorf("%d moved, unmatched %v", applied.Moved, reasons(applied))
	}
	if diff := cmp.Diff([]string{"", p.ID, p.ID, kept.ID, "", "", "", "", p.ID, p.ID}, applied.Payouts); diff != "" {
		t.Error(diff)
	}
	w.expectStatus(p, payouts.InTransit)
	w.expectStatus(kept, payouts.Pending)
	for name, report := range map[string]func() (payouts.Applied, error){
		"another rail": func() (payouts.Applied, error) {
			return w.service.Apply(t.Context(), false, "other", []rail.Report{{Reference: p.ID, State: rail.Paid}}, noon)
		},
		"the other mode": func() (payouts.Applied, error) {
			return w.service.Apply(t.Context(), true, "paper", []rail.Report{{Reference: p.ID, State: rail.Paid}}, noon)
		},
	} {
		if applied, err := report(); err != nil || applied.Moved != 0 || len(applied.Unmatched) != 1 {
			t.Errorf("%s: %+v, %v", name, applied, err)
		}
	}
	w.mustApply(rail.Report{Reference: p.ID, State: rail.Paid, Amount: hkd(7000), BankTrace: "X1"})
	if got := w.again(p); got.Status != payouts.Paid || got.TraceID != "X1" {
		t.Errorf("%+v", got)
	}
}

func TestTracesAreFoundAndTheAmountTellsThemApart(t *testing.T) {
	w := openFiled(t, func(w *filedWorld) { w.way.Format = railtest.Paper{Traced: true} })
	w.earn(may, 9000, "hkd", 0)
	first, second := w.due(may, 4000), w.due(may, 5000)
	w.send()
	traces := map[string]string{}
	for _, p := range []*payouts.Payout{first, second} {
		var trace string
		if err := w.pool.NewRaw("SELECT trace FROM payouts.batch_items WHERE payout = ?", p.ID).Scan(t.Context(), &trace); err != nil || trace == "" {
			t.Fatal(trace, err)
		}
		traces[p.ID] = trace
	}
	if applied := w.mustApply(rail.Report{Trace: traces[first.ID], State: rail.Paid, Amount: hkd(4000)}); applied.Moved != 1 || applied.Payouts[0] != first.ID {
		t.Errorf("%+v", applied)
	}
	// Traces come round again: the same one on a second payout, as after a year.
	for _, statement := range []string{
		"ALTER TABLE payouts.batch_items DISABLE TRIGGER USER", "UPDATE payouts.batch_items SET trace = 'same'", "ALTER TABLE payouts.batch_items ENABLE TRIGGER USER",
	} {
		if _, err := w.pool.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if applied := w.mustApply(rail.Report{Trace: "same", State: rail.Paid}); applied.Moved != 0 || len(applied.Unmatched) != 1 {
		t.Errorf("%+v", applied)
	}
	if applied := w.mustApply(rail.Report{Trace: "same", State: rail.Paid, Amount: hkd(5000)}); applied.Moved != 1 || applied.Payouts[0] != second.ID {
		t.Errorf("%+v", applied)
	}
}

func TestAReportAboutABatchIsAboutAllThatIsNotReportedByItself(t *testing.T) {
	w := openFiled(t)
	var all []*payouts.Payout
	for _, account := range []string{"acct_a", "acct_b", "acct_c"} {
		w.tutor(account, "000123456", 1000)
		all = append(all, w.due(account, 1000))
	}
	w.send()
	b := w.onlyBatch().ID
	applied := w.mustApply(rail.Report{Batch: b, State: rail.Failed, Code: "declined", Amount: hkd(3000)}, rail.Report{Reference: all[1].ID, State: rail.Accepted})
	if applied.Moved != 2 || len(applied.Unmatched) != 0 {
		t.Errorf("%+v", applied)
	}
	w.expectStatus(all[0], payouts.Failed)
	w.expectStatus(all[1], payouts.InTransit)
	w.expectStatus(all[2], payouts.Failed)
	w.expectBatch(payouts.BatchAcknowledged)
	// A statement shows one sum for what is left of the batch.
	if applied := w.mustApply(rail.Report{Batch: b, State: rail.Paid, Amount: hkd(1000)}); applied.Moved != 1 || len(applied.Unmatched) != 0 {
		t.Errorf("%+v", applied)
	}
	w.expectStatus(all[1], payouts.Paid)
	w.expectBatch(payouts.BatchDone)
	w.expectBooks(`
		available           a    hkd   1000
		available           c    hkd   1000
		bank                hub  hkd   1000
		processor_clearing  hub  hkd  -3000`)
}

func TestThePaymentOfAPayoutThatWasGivenBackIsLookedAtBySomebody(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	w.mustApply(rail.Report{Reference: p.ID, State: rail.Failed, Code: "declined"})
	if applied := w.mustApply(rail.Report{Reference: p.ID, State: rail.Paid}); applied.Moved != 0 || len(applied.Unmatched) != 1 {
		t.Errorf("%+v", applied)
	}
	w.expectStatus(p, payouts.Failed)
}

// However the reports about some payouts are cut into files, shuffled and repeated,
// they leave the same payouts and the same books.
func TestReportsMayComeRepeatedLateAndInAnyOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for range 6 {
		w := openFiled(t)
		w.tutor("acct_a", "000123456", 1000)
		w.tutor("acct_b", "000123456", 2000)
		w.tutor("acct_c", "000123456", 3000)
		a, b, c := w.due("acct_a", 1000), w.due("acct_b", 2000), w.due("acct_c", 3000)
		w.courier.fault, w.courier.blind = "silent", true
		w.send()
		reports := []rail.Report{
			{Batch: w.onlyBatch().ID, State: rail.Accepted, Amount: hkd(6000)},
			{Reference: a.ID, State: rail.Accepted}, {Reference: a.ID, State: rail.Paid, Amount: hkd(1000)},
			{Reference: b.ID, State: rail.Failed, Code: "no_account", Amount: hkd(2000)},
			{Reference: c.ID, State: rail.Paid, Amount: hkd(3000)}, {Reference: c.ID, State: rail.Failed, Code: "account_closed", Amount: hkd(3000)},
		}
		reports = slices.Concat(reports, reports)
		chance.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		for len(reports) > 0 {
			n := 1 + chance.IntN(len(reports))
			w.mustApply(reports[:n]...)
			reports = reports[n:]
		}
		w.expectStatus(a, payouts.Paid)
		w.expectStatus(b, payouts.Failed)
		w.expectStatus(c, payouts.Failed)
		w.expectBooks(`
			available           b    hkd   2000
			available           c    hkd   3000
			bank                hub  hkd   1000
			processor_clearing  hub  hkd  -6000`)
		w.expectItemised()
		w.expectBatch(payouts.BatchDone)
		if got := fmt.Sprint(w.again(b).FailureCode, " ", w.again(c).FailureCode); got != "no_account account_closed" {
			t.Error(got)
		}
	}
}
