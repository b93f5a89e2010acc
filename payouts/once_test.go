package payouts_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
)

// Two runs that each sum up and then take the lines pay double; that is how
// this was found to fail elsewhere.
func TestTenSchedulersAndTenHandsNeverPayMoreThanThereIs(t *testing.T) {
	w := open(t)
	const lines, each = 20, 1000
	for range lines {
		w.earn(may, each, "hkd", 0)
	}
	w.handle(w.available(may, "hkd"))
	var busy sync.WaitGroup
	start := make(chan struct{})
	for range 10 {
		busy.Go(func() {
			<-start
			if _, err := w.service.RunDue(t.Context(), false, w.clock.Now()); err != nil {
				t.Error(err)
			}
		})
		busy.Go(func() {
			<-start
			_, err := w.create(may, payouts.CreateParams{Amount: 700, Currency: "hkd"})
			if err != nil && fault.As(err) == nil {
				t.Error(err)
			}
		})
	}
	close(start)
	busy.Wait()

	var sum int64
	automatic := 0
	for _, p := range w.all(may) {
		sum += p.Amount
		if p.Automatic {
			automatic++
		}
	}
	if automatic != 1 || sum > lines*each {
		t.Errorf("%d automatic payouts, %d paid of %d", automatic, sum, lines*each)
	}
	w.expectItemised()

	w.clock.Advance(time.Hour)
	for range 10 {
		busy.Go(func() {
			if _, err := w.service.Send(t.Context(), false, w.clock.Now()); err != nil {
				t.Error(err)
			}
			if _, err := w.service.Settle(t.Context(), false, w.clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	for _, p := range w.all(may) {
		w.expectPaidOnce(p)
		if told := w.bank.told[p.ID]; told != 1 {
			t.Errorf("the bank was told %d times", told)
		}
	}
}

func TestACrashAfterAnyStepPaysOnce(t *testing.T) {
	for _, number := range []string{"000123456", "000777777777", "000666666660"} {
		for i, step := range []string{
			payouts.Created, payouts.Sealed, payouts.Submitted, payouts.Accepted, payouts.Settled,
			payouts.Created, payouts.Sealed, payouts.Submitted, payouts.Accepted, payouts.Settled,
		} {
			t.Run(fmt.Sprintf("%s, bank account %s", step, number), func(t *testing.T) {
				w := open(t)
				w.stops = i >= 5
				w.pays(may, payouts.Daily, "hkd", number)
				w.earn(may, 7000, "hkd", 0)
				w.handle(w.available(may, "hkd"))
				w.crash = step
				for range 3 { // an unclear answer takes a round more
					w.jobs()
					w.clock.Advance(time.Hour)
				}
				if w.crash != "" && number == "000123456" { // the others may be paid by the time the bank is asked
					t.Fatalf("never came to step %s", step)
				}
				p := w.only(may)
				w.expectPaidOnce(p)
				w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid")
				w.expectBooks(`
					bank                hub  hkd   7000
					processor_clearing  hub  hkd  -7000`)
				if told := w.bank.told[p.ID]; told > 1 && number != "000666666660" {
					t.Errorf("the bank was told %d times", told)
				}
			})
		}
	}
}

func TestAnUnclearAnswerIsLookedUpAndNeverSentAgain(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000777777777")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	p := w.only(may)
	w.expectStatus(p, payouts.Pending)
	if err := w.cancel(p); fault.As(err) == nil {
		t.Errorf("a payout the bank may have was canceled: %v", err)
	}
	w.clock.Advance(time.Minute)
	w.jobs()
	w.expectPaidOnce(p)
	if told, asked := w.bank.told[p.ID], w.bank.asked[p.ID]; told != 1 || asked < 1 {
		t.Errorf("told %d times, asked %d times", told, asked)
	}
}

func TestAnInstructionThatNeverArrivedIsToldAgainOnlyAfterAsking(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000666666660")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	w.clock.Advance(time.Minute)
	w.jobs()
	p := w.only(may)
	w.expectPaidOnce(p)
	if told := w.bank.told[p.ID]; told != 2 {
		t.Errorf("told %d times, want 2", told)
	}
}

func TestABankThatNeverSettlesLeavesThePayoutInTransit(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000000000009")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	for range 3 {
		w.jobs()
		w.clock.Advance(24 * time.Hour)
	}
	p := w.only(may)
	w.expectStatus(p, payouts.InTransit)
	w.expectBooks(`
		in_transit          may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
}
