package payouts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
)

func TestAChargeIsAPaidPayoutTwoDaysLater(t *testing.T) {
	w := open(t)
	w.earn(may, 60000, "hkd", 2)
	w.jobs()
	w.expectBooks(`
		pending             may  hkd   60000
		processor_clearing  hub  hkd  -60000`)

	w.clock.Advance(48 * time.Hour)
	w.mature()
	w.job(w.service.RunDue)
	p := w.only(may)
	w.expectStatus(p, payouts.Pending)
	w.expectBooks(`
		in_transit          may  hkd   60000
		processor_clearing  hub  hkd  -60000`)
	w.expectLines(p, `
		charge   60000
		payout  -60000`)

	w.job(w.service.Send)
	w.expectStatus(p, payouts.InTransit)
	w.job(w.service.Settle)
	w.expectPaidOnce(p)
	w.expectBooks(`
		bank                hub  hkd   60000
		processor_clearing  hub  hkd  -60000`)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid")
	if !p.Automatic || !p.ArrivalDate.Equal(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("automatic %v, arrives %s", p.Automatic, p.ArrivalDate)
	}
}

func TestManualPayoutListsExactlyItsLines(t *testing.T) {
	w := open(t)
	w.earn(hub, 5000, "hkd", 0)
	w.earn(hub, 5000, "hkd", 0)
	w.earn(hub, 5000, "hkd", 0)
	first := w.mustCreate(hub, 7000)
	w.expectLines(first, `
		charge                        5000
		charge                        5000
		payout                       -7000
		payout_minimum_balance_hold  -3000`)
	second := w.mustCreate(hub, 8000)
	w.expectLines(second, `
		charge                          5000
		payout_minimum_balance_release  3000
		payout                         -8000`)
}

func TestPayoutNeverExceedsTheAvailableBalance(t *testing.T) {
	w := open(t)
	w.earn(hub, 5000, "hkd", 0)
	w.earn(hub, 5000, "hkd", 2)
	_, err := w.create(hub, payouts.CreateParams{Amount: 5001, Currency: "hkd"})
	if f := fault.As(err); f == nil || f.Code != "balance_insufficient" {
		t.Errorf("got %v, want balance_insufficient", err)
	}
	w.mustCreate(hub, 5000)
}

func TestWhatCannotBecomeAPayoutIsRefused(t *testing.T) {
	w := open(t)
	w.pays("acct_held", payouts.Manual, "hkd", "000123456")
	w.people.accounts["acct_held"].PayoutsEnabled = false
	w.pays("acct_buda", payouts.Manual, "huf", "000123456")
	text := func(n int) *string { s := strings.Repeat("x", n); return &s }
	for name, c := range map[string]struct {
		account string
		params  payouts.CreateParams
		param   string
		code    string
	}{
		"nothing":          {hub, payouts.CreateParams{Currency: "hkd"}, "amount", "parameter_invalid_integer"},
		"too much":         {hub, payouts.CreateParams{Amount: 10_000_000_000_000_000, Currency: "hkd"}, "amount", "amount_too_large"},
		"no such currency": {hub, payouts.CreateParams{Amount: 1, Currency: "xxx"}, "currency", "currency_not_supported"},
		"instant":          {hub, payouts.CreateParams{Amount: 1, Currency: "hkd", Method: "instant"}, "method", "instant_payouts_unsupported"},
		"long descriptor":  {hub, payouts.CreateParams{Amount: 1, Currency: "hkd", StatementDescriptor: text(23)}, "statement_descriptor", ""},
		"no bank account":  {hub, payouts.CreateParams{Amount: 1, Currency: "usd"}, "currency", ""},
		"another's bank":   {hub, payouts.CreateParams{Amount: 1, Currency: "hkd", Destination: "ba_acct_mayhkd"}, "destination", "resource_missing"},
		"whole forints":    {"acct_buda", payouts.CreateParams{Amount: 150, Currency: "huf"}, "amount", "parameter_invalid_integer"},
		"payouts disabled": {"acct_held", payouts.CreateParams{Amount: 1, Currency: "hkd"}, "", "payouts_not_allowed"},
	} {
		_, err := w.create(c.account, c.params)
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Param != c.param || f.Code != c.code {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func TestOnlyAPayoutTheBankHasNotHeardOfIsCanceled(t *testing.T) {
	w := open(t)
	w.earn(hub, 9000, "hkd", 0)
	called, kept := w.mustCreate(hub, 4000), w.mustCreate(hub, 5000)
	w.job(w.service.Send) // inside the cancel window nothing leaves
	if err := w.cancel(called); err != nil {
		t.Fatal(err)
	}
	w.expectStatus(called, payouts.Canceled)
	w.expectLines(called, `
		payout         -4000
		payout_cancel   4000`)
	w.expectEvents(called, "1 payout.created", "2 payout.canceled")

	w.clock.Advance(10 * time.Minute)
	w.job(w.service.Send)
	if err := w.cancel(kept); fault.As(err) == nil {
		t.Errorf("a payout in transit was canceled: %v", err)
	}
	w.job(w.service.Settle)
	w.expectPaidOnce(kept)
	if times, _ := w.debits(called); times != 0 {
		t.Error("the bank paid a canceled payout")
	}
	w.expectBooks(`
		available           hub  hkd   4000
		bank                hub  hkd   5000
		processor_clearing  hub  hkd  -9000`)
	w.expectLines(w.mustCreate(hub, 4000), `
		charge                        9000
		payout_minimum_balance_hold  -5000
		payout                       -4000`)
}

func TestAFailedPayoutGivesItsMoneyBackAndStopsTheDestination(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000111111113")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	p := w.again(w.only(may))
	if p.Status != payouts.Failed || p.FailureCode != "account_closed" || p.FailureMessage == "" || p.FailureBalanceTransaction == "" {
		t.Fatalf("%+v", p)
	}
	w.expectBooks(`
		available           may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectLines(p, `
		payout          -7000
		payout_failure   7000`)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.failed")

	w.clock.Advance(24 * time.Hour)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	if n := len(w.all(may)); n != 1 {
		t.Fatalf("%d payouts: the schedule went on to a bank account that errored", n)
	}
	w.people.accounts[may].Destinations[0].Errored = false
	w.people.numbers["ba_acct_mayhkd"] = "000123456"
	w.clock.Advance(24 * time.Hour)
	w.jobs()
	w.expectPaidOnce(w.all(may)[1])
}

func TestAPayoutTheBankRefusesAtOnceFails(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000444444440")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	p := w.only(may)
	w.expectStatus(p, payouts.Failed)
	w.expectEvents(p, "1 payout.created", "2 payout.failed")
	w.expectBooks(`
		available           may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
}

func TestAPaidPayoutThatComesBackIsFailedAndItsMoneyAvailable(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "hkd", "000555555558")
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	p := w.only(may)
	w.expectStatus(p, payouts.Paid)
	w.clock.Advance(72 * time.Hour)
	w.job(w.service.Settle)
	w.expectStatus(p, payouts.Failed)
	w.expectBooks(`
		available           may  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid", "4 payout.failed")
}

func TestForintsArePaidInWholeUnitsAndTheRestStays(t *testing.T) {
	w := open(t)
	w.pays(may, payouts.Daily, "huf", "000123456")
	w.earn(may, 123456, "huf", 0)
	w.handle(w.available(may, "huf"))
	w.jobs()
	p := w.only(may)
	w.expectPaidOnce(p)
	w.expectLines(p, `
		charge                       123456
		payout                      -123400
		payout_minimum_balance_hold     -56`)
	w.expectBooks(`
		available           may  huf       56
		bank                hub  huf   123400
		processor_clearing  hub  huf  -123456`)
	w.clock.Advance(24 * time.Hour)
	w.handle(w.available(may, "huf"))
	w.jobs()
	if n := len(w.all(may)); n != 1 {
		t.Errorf("%d payouts: 56 fillér cannot be paid out", n)
	}
}

func TestADeletedDestinationFailsThePayout(t *testing.T) {
	w := open(t)
	w.earn(may, 7000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.job(w.service.RunDue)
	delete(w.people.numbers, "ba_acct_mayhkd")
	w.jobs()
	if p := w.only(may); p.Status != payouts.Failed || p.FailureCode != "no_account" || w.bank.told[p.ID] != 0 {
		t.Errorf("%+v", p)
	}
}
