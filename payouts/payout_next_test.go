package payouts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/money"
)

func (w *world) next(account string) payouts.Next {
	w.Helper()
	all, err := w.service.Next(w.Context(), scopeOf(account))
	if err != nil {
		w.Fatal(err)
	}
	if len(all) != 1 {
		w.Fatalf("%d currencies are foreseen, want one", len(all))
	}
	return all[0]
}

// What is foreseen must be what happens: the schedule is let run, and every payout it
// makes compared.
func TestWhatIsForeseenIsWhatIsPaid(t *testing.T) {
	hongKong, err := time.LoadLocation("Asia/Hong_Kong")
	if err != nil {
		t.Fatal(err)
	}
	for name, schedule := range map[string]payouts.Schedule{
		"daily":     {Interval: payouts.Daily},
		"hong kong": {Interval: payouts.Daily, Zone: hongKong},
		"evening":   {Interval: payouts.Daily, Zone: hongKong, At: 18 * time.Hour},
		"weekly":    {Interval: payouts.Weekly, Weekdays: []time.Weekday{time.Tuesday, time.Friday}, Zone: hongKong},
		"monthly":   {Interval: payouts.Monthly, Days: []int{1, 25}},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.people.accounts[may].Schedule = schedule
			for i, days := range []int{1, 2, 2, 5, 9} {
				w.earn(may, int64(1000*(i+1)), "hkd", days)
			}
			foreseen := w.next(may)
			if foreseen.Reason != "" || len(foreseen.Paydays) == 0 {
				t.Fatalf("nothing is foreseen: %q", foreseen.Reason)
			}
			for range 12 * 12 { // twelve days
				w.mature()
				w.jobs()
				w.clock.Advance(2 * time.Hour)
			}
			var want, got []string
			for _, day := range foreseen.Paydays {
				want = append(want, day.ArrivalDate.Format(time.DateOnly)+" "+minor(day.Amount))
			}
			for _, p := range w.all(may) {
				got = append(got, p.ArrivalDate.Format(time.DateOnly)+" "+minor(p.Amount))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-foreseen +paid)\n%s", diff)
			}
		})
	}
}

func minor(n int64) string { return fmt.Sprintf("%d minor units", n) }

func TestWhyNoPayoutIsForeseen(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*payouts.Payable)
		want   payouts.Skip
	}{
		{"paid by hand", func(p *payouts.Payable) { p.Schedule.Interval = payouts.Manual }, payouts.SkipManual},
		{"may not be paid", func(p *payouts.Payable) { p.PayoutsEnabled = false }, payouts.SkipDisabled},
		{"no bank account", func(p *payouts.Payable) { p.Destinations = nil }, payouts.SkipNoBank},
		{"the bank account failed", func(p *payouts.Payable) { p.Destinations[0].Errored = true }, payouts.SkipErrored},
		{"all is kept back", func(p *payouts.Payable) { p.Retain = map[money.Currency]int64{"hkd": 5000} }, payouts.SkipNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t)
			w.earn(may, 5000, "hkd", 1)
			c.change(w.people.accounts[may])
			if n := w.next(may); n.Reason != c.want || n.Wire().Amount != 0 || n.Wire().ArrivalDate != nil {
				t.Errorf("foreseen %+v, want the reason %s", n, c.want)
			}
		})
	}
}
