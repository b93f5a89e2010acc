package payouts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/money"
)

func TestOnlyOneAutomaticPayoutADay(t *testing.T) {
	w := open(t)
	for _, amount := range []int64{1000, 2000} {
		w.earn(may, amount, "hkd", 0)
		w.handle(w.available(may, "hkd"))
		w.jobs()
	}
	if p := w.only(may); p.Amount != 1000 {
		t.Errorf("paid %d, want 1000", p.Amount)
	}
	w.clock.Advance(24 * time.Hour)
	w.jobs()
	if got := w.all(may); len(got) != 2 || got[1].Amount != 2000 {
		t.Errorf("the next day did not pay the rest: %d payouts", len(got))
	}
}

func TestAMissedPaydayIsCaughtUpOnce(t *testing.T) {
	w := open(t) // a Sunday
	w.people.accounts[may].Schedule = payouts.Schedule{Interval: payouts.Weekly, Weekdays: []time.Weekday{time.Tuesday}}
	w.earn(may, 1000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	if n := len(w.all(may)); n != 0 {
		t.Fatalf("%d payouts on a Sunday", n)
	}
	w.clock.Advance(4 * 24 * time.Hour) // Thursday: nobody was there on Tuesday
	w.jobs()
	w.expectPaidOnce(w.only(may))
	w.earn(may, 1000, "hkd", 0)
	w.clock.Advance(24 * time.Hour)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	w.only(may)
}

func TestManualAccountsKeepTheirMoneyUntilTheyChange(t *testing.T) {
	w := open(t)
	w.people.accounts[may].Schedule.Interval = payouts.Manual
	w.earn(may, 1000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	for range 3 {
		w.jobs()
		w.clock.Advance(24 * time.Hour)
	}
	if n := len(w.all(may)); n != 0 {
		t.Fatalf("%d payouts of a manual account", n)
	}
	w.people.accounts[may].Schedule.Interval = payouts.Daily
	w.jobs()
	w.expectPaidOnce(w.only(may))
}

func TestIntakeNotesWhoMayHaveMoney(t *testing.T) {
	w := open(t)
	noted := func() (dues []string) {
		t.Helper()
		err := w.pool.NewRaw(`SELECT account || ' ' || currency FROM payouts.dues ORDER BY 1`).Scan(t.Context(), &dues)
		if err != nil {
			t.Fatal(err)
		}
		return dues
	}
	twice := w.available(may, "hkd")
	w.handle(twice)
	w.handle(twice)
	transfer := w.available(hub, "")
	transfer.Type = "transfer.created"
	transfer.Value = []byte(`{"data":{"object":{"id":"tr_1","amount":1,"currency":"jpy","destination":"acct_lee"}}}`)
	w.handle(transfer)
	reversed := transfer
	reversed.EventID, reversed.Type = "evt_reversed", "transfer.reversed"
	w.handle(reversed)
	other := w.available("acct_other", "hkd")
	other.Type = "charge.succeeded"
	w.handle(other)
	if got := len(noted()); got != 3 {
		t.Errorf("noted %q", noted())
	}

	w.jobs() // May has nothing: the due goes, and the event does not bring it back
	w.handle(twice)
	for _, due := range noted() {
		if due == may+" hkd" {
			t.Error("an event had its effect twice")
		}
	}
}

// A balance is a sum and may exceed what one payout may be: the rest goes the day after.
func TestMoreThanTheLargestAmountIsPaidOverDays(t *testing.T) {
	w := open(t)
	w.earn(may, money.MaxMinor, "hkd", 0)
	w.earn(may, 700, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	w.clock.Advance(24 * time.Hour)
	w.jobs()
	var paid []int64
	for _, p := range w.all(may) {
		paid = append(paid, p.Amount)
	}
	if want := []int64{money.MaxMinor, 700}; !slices.Equal(paid, want) {
		t.Errorf("paid %d, want %d", paid, want)
	}
}
