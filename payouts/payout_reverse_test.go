package payouts_test

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
)

func withDebits(w *filedWorld) { w.way.Way.Debits = true }

// paidOut is a payout of an account that the bank has paid.
func (w *filedWorld) paidOut(account string, amount int64) *payouts.Payout {
	w.Helper()
	w.earn(account, amount, "hkd", 0)
	p := w.due(account, amount)
	w.send()
	w.work()
	w.expectStatus(p, payouts.Paid)
	return p
}

func TestAReversedPayoutComesBackByADebitThatHasToClear(t *testing.T) {
	w := openFiled(t, withDebits)
	p := w.paidOut(may, 7000)
	back, err := w.reverse(p)
	if err != nil {
		t.Fatal(err)
	}
	if back.Amount != -7000 || back.OriginalPayout != p.ID || back.Status != payouts.Pending || w.again(p).ReversedBy != back.ID {
		t.Errorf("%+v", back)
	}
	_, err = w.reverse(p)
	w.expectCode(err, "payout_not_reversible")
	w.expectBooks(`
		bank                hub  hkd   7000
		in_transit          may  hkd  -7000
		pending             may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectLines(back, `
		payout                       7000
		payout_minimum_balance_hold -7000`)
	w.send()
	if b := w.batches()[1]; !b.Debit || b.Total != 7000 {
		t.Errorf("%+v", b)
	}
	w.work()
	w.expectStatus(back, payouts.Paid)
	w.expectBooks(`
		pending             may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectEvents(back, "1 payout.created", "2 payout.updated", "3 payout.paid")
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid", "4 payout.updated")

	w.clock.Advance(8 * 24 * time.Hour)
	w.mature()
	w.expectBooks(`
		available           may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	again := w.due(may, 7000)
	w.expectLines(again, `
		payout_minimum_balance_release  7000
		payout                         -7000`)
	w.expectItemised()
	w.expectZero()
}

func TestADebitThatFailsTakesItsMoneyBackBeforeOrAfterItWasPaid(t *testing.T) {
	for name, paidFirst := range map[string]bool{"refused": false, "taken back": true} {
		t.Run(name, func(t *testing.T) {
			w := openFiled(t, withDebits)
			p := w.paidOut(may, 7000)
			back, err := w.reverse(p)
			if err != nil {
				t.Fatal(err)
			}
			w.send()
			if paidFirst {
				w.mustApply(rail.Report{Reference: back.ID, State: rail.Paid, Amount: hkd(7000)})
			}
			w.mustApply(rail.Report{Reference: back.ID, State: rail.Failed, Code: "debit_not_authorized", Amount: hkd(7000)})
			w.expectStatus(back, payouts.Failed)
			w.expectBooks(`
				bank                hub  hkd   7000
				processor_clearing  hub  hkd  -7000`)
			w.expectLines(back, `
				payout          7000
				payout_failure -7000`)
			if !w.people.accounts[may].Destinations[0].Errored {
				t.Error("the bank account that refuses debits is still used")
			}
			if _, err := w.reverse(p); err != nil {
				t.Errorf("a reversal that failed cannot be tried again: %v", err)
			}
			_, err = w.retry(back, "")
			w.expectCode(err, "payout_not_retryable")
			w.expectItemised()
			w.expectZero()
		})
	}
}

func TestADebitCanceledInTimeLeavesNothing(t *testing.T) {
	w := openFiled(t, withDebits)
	p := w.paidOut(may, 7000)
	back, err := w.reverse(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cancel(back); err != nil {
		t.Fatal(err)
	}
	w.expectBooks(`
		bank                hub  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectLines(back, `
		payout         7000
		payout_cancel -7000`)
	w.expectZero()
}

func TestOnlyPaidPayoutsOfConnectedAccountsAreReversed(t *testing.T) {
	w := openFiled(t, withDebits)
	w.earn(hub, 9000, "hkd", 0)
	w.earn(may, 9000, "hkd", 0)
	own, waiting := w.due(hub, 1000), w.due(may, 1000)
	_, err := w.reverse(waiting)
	w.expectCode(err, "payout_not_reversible")
	w.send()
	_, err = w.reverse(waiting)
	w.expectCode(err, "payout_not_reversible")
	w.work()
	_, err = w.reverse(own)
	w.expectCode(err, "payout_not_reversible")
	back, err := w.reverse(waiting)
	if err != nil {
		t.Fatal(err)
	}
	w.send()
	w.work()
	_, err = w.reverse(back)
	w.expectCode(err, "payout_not_reversible")
}

func TestARailWithoutDebitsReversesNothing(t *testing.T) {
	w := openFiled(t)
	p := w.paidOut(may, 7000)
	_, err := w.reverse(p)
	w.expectCode(err, "payout_reversal_unsupported")
	w.expectBooks(`
		bank                hub  hkd   7000
		processor_clearing  hub  hkd  -7000`)
}

func TestAReversalIsStoppedByAHoldAndWaitsForTwoPeopleOverTheAmount(t *testing.T) {
	t.Parallel()
	w := openFiled(t, withDebits)
	p := w.paidOut(may, 7000)
	held := w.mustHold(payouts.HoldParams{Account: may, Reason: "chargebacks"})
	_, err := w.reverse(p)
	w.expectCode(err, "account_on_hold")
	if err := w.release(held); err != nil {
		t.Fatal(err)
	}
	w.policy("key_ada", payouts.PolicyParams{ApprovalOver: inHKD("6999")})
	back, err := w.reverse(p)
	if err != nil {
		t.Fatal(err)
	}
	w.send()
	w.expectStatus(back, payouts.Pending)
	for _, actor := range []string{"key_ada", "key_bob"} {
		if err := w.approve(actor, back); err != nil {
			t.Fatal(err)
		}
	}
	w.send()
	w.work()
	w.expectStatus(back, payouts.Paid)
}
