package payouts_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
)

// A marketplace lives through weeks of earning, paying, canceling and crashing,
// with every kind of bank account. In the end our books and the bank's agree.
func TestWhateverHappensOurBooksAndTheBanksAgree(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if again, err := strconv.ParseUint(os.Getenv("SLUICE_SIM_SEED"), 10, 64); err == nil {
		seed = again
	}
	t.Logf("SLUICE_SIM_SEED=%d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	w := open(t)
	var tutors []string
	for i, number := range []string{"000123456", "000111111113", "000222222227", "000444444440", "000555555558", "000777777777", "000666666660", "000000000009"} {
		tutor := fmt.Sprintf("acct_t%d", i)
		w.pays(tutor, []payouts.Interval{payouts.Daily, payouts.Manual}[chance.IntN(2)], "hkd", number)
		tutors = append(tutors, tutor)
	}
	steps := []string{payouts.Created, payouts.Sealed, payouts.Submitted, payouts.Accepted, payouts.Settled, "", "", ""}
	for range 250 {
		tutor := tutors[chance.IntN(len(tutors))]
		w.crash, w.stops = steps[chance.IntN(len(steps))], chance.IntN(2) == 0
		switch chance.IntN(8) {
		case 0, 1:
			w.earn(tutor, 1+chance.Int64N(5000), "hkd", chance.IntN(3))
			w.handle(w.available(tutor, "hkd"))
		case 2:
			_, _ = w.create(tutor, payouts.CreateParams{Amount: 1 + chance.Int64N(5000), Currency: "hkd"})
		case 3:
			if made := w.all(tutor); len(made) > 0 {
				_ = w.cancel(made[chance.IntN(len(made))])
			}
		case 4:
			w.people.accounts[tutor].Destinations[0].Errored = false
		case 5:
			w.clock.Advance(time.Duration(chance.IntN(30*60)) * time.Minute)
			w.mature()
		default:
			w.jobs()
		}
	}
	w.crash = ""
	for range 10 {
		w.clock.Advance(24 * time.Hour)
		w.job(w.service.Send)
		w.job(w.service.Settle)
	}
	w.expectItemised()
	w.expectAgreement(tutors)
}

// expectItemised checks that the lines of every payout sum to zero,
// its own included, and those of a living one without its own to its amount.
func (w *world) expectItemised() {
	w.Helper()
	var wrong []string
	err := w.pool.NewRaw(`
		SELECT p.id || ' ' || p.status FROM payouts.payouts p
		LEFT JOIN ledger.payout_lines t ON t.payout = p.id AND t.id NOT IN (p.balance_transaction, p.failure_balance_transaction)
		GROUP BY p.id, p.amount, p.status
		HAVING coalesce(sum(t.net), 0) <> CASE WHEN p.status IN ('failed', 'canceled') THEN 0 ELSE p.amount END`).Scan(w.Context(), &wrong)
	if err != nil {
		w.Fatal(err)
	}
	if len(wrong) > 0 {
		w.Errorf("the lines do not make up %q", wrong)
	}
}

// expectAgreement holds every payout against the bank's own books.
func (w *world) expectAgreement(accounts []string) {
	w.Helper()
	var paid, bank int64
	for _, account := range accounts {
		for _, p := range w.everyone(account) {
			var debits, returns int
			err := w.pool.NewRaw(`SELECT count(*) FILTER (WHERE kind = 'debit'), count(*) FILTER (WHERE kind = 'return')
				FROM banksim.movements WHERE reference = ?`, p.ID).Scan(w.Context(), &debits, &returns)
			if err != nil {
				w.Fatal(err)
			}
			left := debits - returns
			if debits > 1 || (left == 1) != (p.Status == payouts.Paid) {
				w.Errorf("%s is %s, the bank has paid it %d times and got it back %d times", p.ID, p.Status, debits, returns)
			}
			if p.Status == payouts.Canceled && w.bank.told[p.ID] > 0 {
				w.Errorf("%s is canceled, but the bank was told", p.ID)
			}
			paid += p.Amount * int64(left)
		}
	}
	err := w.pool.NewRaw(`SELECT coalesce(sum(debits - credits), 0)::bigint FROM ledger.accounts WHERE kind = 'bank'`).Scan(w.Context(), &bank)
	if err != nil {
		w.Fatal(err)
	}
	if bank != -paid {
		w.Errorf("our books say %d left the bank, the bank says %d", -bank, paid)
	}
}
