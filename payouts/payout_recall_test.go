package payouts_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
)

// ways are the recalls, reversals and retries of a world.

func (w *world) recall(p *payouts.Payout) (*payouts.Payout, error) {
	return act(w, func(ctx context.Context, tx bun.Tx) (*payouts.Payout, error) {
		return w.service.Recall(ctx, tx, p.Scope(), p.ID, "key_1")
	})
}

func (w *world) reverse(p *payouts.Payout) (*payouts.Payout, error) {
	return act(w, func(ctx context.Context, tx bun.Tx) (*payouts.Payout, error) {
		return w.service.Reverse(ctx, tx, p.Scope(), p.ID, payouts.ReverseParams{})
	})
}

func (w *world) retry(p *payouts.Payout, destination string) (*payouts.Payout, error) {
	return act(w, func(ctx context.Context, tx bun.Tx) (*payouts.Payout, error) {
		return w.service.Retry(ctx, tx, p.Scope(), p.ID, payouts.RetryParams{Destination: destination})
	})
}

func (w *world) expectCode(err error, want string) {
	w.Helper()
	if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Code != want {
		w.Errorf("got %v, want %s", err, want)
	}
}

// callable is paper that carries recalls.
type callable struct {
	rail.File
	mu     sync.Mutex
	told   map[string]int
	answer rail.Result
}

func (c *callable) Recall(_ context.Context, q rail.Query) rail.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[q.Reference]++
	return c.answer
}

func openCallable(t *testing.T) (*filedWorld, *callable) {
	w := openFiled(t)
	c := &callable{File: w.way, told: map[string]int{}, answer: rail.Result{State: rail.Accepted}}
	c.Way.Recalls = true
	w.extra = rail.Set{c}
	w.restart()
	return w, c
}

func TestARailWithoutRecallsSaysSo(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	p := w.due(may, 7000)
	_, err := w.recall(p)
	w.expectCode(err, "payout_not_recallable") // it can be canceled
	w.send()
	_, err = w.recall(p)
	w.expectCode(err, "payout_recall_unsupported")
	w.expectEvents(p, "1 payout.created", "2 payout.updated")
}

func TestARecalledPayoutGivesItsMoneyBackOnceTheBankHasIt(t *testing.T) {
	w, bank := openCallable(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	called, err := w.recall(p)
	if err != nil || called.Recall != payouts.RecallRequested || called.Status != payouts.InTransit {
		t.Fatalf("%+v, %v", called, err)
	}
	bank.answer = rail.Result{State: rail.Unknown}
	w.send()
	bank.answer = rail.Result{State: rail.Accepted}
	w.clock.Advance(time.Hour)
	w.send()
	w.clock.Advance(time.Hour)
	w.send()
	if bank.told[p.ID] != 2 {
		t.Errorf("the bank was told %d times, want again after no answer, and then no more", bank.told[p.ID])
	}
	w.expectStatus(p, payouts.InTransit)
	w.mustApply(rail.Report{Reference: p.ID, State: rail.Failed, Code: "could_not_process", Reason: "FOCR"})
	if got := w.again(p); got.Status != payouts.Failed || got.Recall != payouts.Recalled {
		t.Errorf("%+v", got)
	}
	w.expectBooks(`
		available           may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.updated", "4 payout.failed")
	if w.people.accounts[may].Destinations[0].Errored {
		t.Error("the bank account was blamed for a recall")
	}
	w.expectLines(p, `
		payout          -7000
		payout_failure   7000`)
	w.expectItemised()
	w.expectZero()
	_, err = w.recall(p)
	w.expectCode(err, "payout_not_recallable")
}

func TestARefusedRecallLeavesThePayoutAsItIs(t *testing.T) {
	w, _ := openCallable(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	if _, err := w.recall(p); err != nil {
		t.Fatal(err)
	}
	w.mustApply(rail.Report{Reference: p.ID, RecallRefused: true})
	w.mustApply(rail.Report{Reference: p.ID, RecallRefused: true}, rail.Report{Reference: p.ID, State: rail.Paid})
	if got := w.again(p); got.Status != payouts.Paid || got.Recall != payouts.RecallRefused {
		t.Errorf("%+v", got)
	}
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.updated", "4 payout.updated", "5 payout.paid")
	_, err := w.recall(p)
	w.expectCode(err, "payout_not_recallable")
}

// obliging is a bank that takes instructions one by one, and calls them back.
type obliging struct {
	rail.Direct
	told, asked int
	answer      rail.Result // to a recall, and to look-ups after it
}

func (o *obliging) Capabilities() rail.Capabilities {
	c := o.Direct.Capabilities()
	c.Recalls = true
	return c
}

func (o *obliging) Recall(context.Context, rail.Query) rail.Result {
	o.told++
	return rail.Result{State: rail.Accepted}
}

func (o *obliging) Lookup(ctx context.Context, q rail.Query) rail.Result {
	if o.told == 0 {
		return o.Direct.Lookup(ctx, q)
	}
	o.asked++
	return o.answer
}

func TestABankThatIsAskedTellsWhatBecameOfARecall(t *testing.T) {
	for name, c := range map[string]struct {
		answer rail.Result
		status payouts.Status
		recall payouts.Recall
	}{
		"the money is back":     {rail.Result{State: rail.Failed, Code: "could_not_process"}, payouts.Failed, payouts.Recalled},
		"the bank refuses":      {rail.Result{State: rail.Paid, RecallRefused: true}, payouts.Paid, payouts.RecallRefused},
		"the bank is not ready": {rail.Result{State: rail.Paid}, payouts.Paid, payouts.RecallRequested},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			bank := &obliging{Direct: w.bank, answer: c.answer}
			w.service = payouts.New(w.pool, payouts.Config{
				Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Rails: rail.Modes{Test: rail.Set{bank}},
			})
			w.earn(may, 7000, "hkd", 0)
			w.handle(w.available(may, "hkd"))
			w.jobs()
			p := w.only(may)
			w.expectStatus(p, payouts.Paid)
			if _, err := w.recall(p); err != nil {
				t.Fatal(err)
			}
			w.job(w.service.Send)
			w.clock.Advance(2 * time.Minute)
			w.job(w.service.Settle)
			if got := w.again(p); got.Status != c.status || got.Recall != c.recall || bank.told != 1 || bank.asked != 1 {
				t.Errorf("%s, the recall is %s; the bank was told %d times and asked %d times", got.Status, got.Recall, bank.told, bank.asked)
			}
			w.expectZero()
		})
	}
}
