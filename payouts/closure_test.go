package payouts_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/event"
)

func (w *world) says(name, day string, closed bool) error {
	return w.try(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.SetClosure(ctx, tx, scopeOf(hub), payouts.NewClosure{Calendar: name, Day: day, Closed: closed, Reason: "the bank told us", Actor: "key_1"})
		return err
	})
}

func (w *world) takesBack(name, day string) error {
	return w.try(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.TakeBackClosure(ctx, tx, scopeOf(hub), name, day)
		return err
	})
}

func (w *world) expectArrival(p *payouts.Payout, want string) {
	w.Helper()
	if got := w.again(p).ArrivalDate.Format(time.DateOnly); got != want {
		w.Errorf("the payout of %d arrives on %s, want %s", p.Amount, got, want)
	}
}

func TestAClosureMovesWhatIsNotSealedAndNothingElse(t *testing.T) {
	w := open(t) // a Sunday
	w.bank.calendar = "hong_kong"
	w.earn(may, 10000, "hkd", 0)
	sealed := w.mustCreate(may, 1000)
	w.clock.Advance(15 * time.Minute)
	w.crash = payouts.Sealed // nobody knows whether the bank has it
	w.job(w.service.Send)
	waiting := w.mustCreate(may, 2000)
	canceled := w.mustCreate(may, 3000)
	if err := w.cancel(canceled); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*payouts.Payout{sealed, waiting, canceled} {
		w.expectArrival(p, "2026-11-23")
	}

	if err := w.says("target", "2026-11-23", true); err != nil { // a calendar that the rail does not keep to
		t.Fatal(err)
	}
	w.expectArrival(waiting, "2026-11-23")
	w.expectEvents(waiting, "1 payout.created")

	if err := w.says("hong_kong", "2026-11-23", true); err != nil { // a storm
		t.Fatal(err)
	}
	w.expectArrival(waiting, "2026-11-24")
	w.expectArrival(sealed, "2026-11-23")
	w.expectArrival(canceled, "2026-11-23")
	w.expectEvents(waiting, "1 payout.created", "2 payout.updated")
	w.expectEvents(sealed, "1 payout.created")
	told, err := event.Of(t.Context(), w.pool, waiting.ID)
	if err != nil || len(told) != 2 {
		t.Fatalf("%d events, %v", len(told), err)
	}
	for text, want := range map[string]string{string(told[1].Previous): `"arrival_date":1795392000`, string(told[1].Object): `"arrival_date":1795478400`} { // the 23rd and the 24th
		if !strings.Contains(text, want) {
			t.Errorf("the event does not say %s: %s", want, text)
		}
	}

	if err := w.says("hong_kong", "2026-11-23", true); err != nil { // said again
		t.Fatal(err)
	}
	w.expectEvents(waiting, "1 payout.created", "2 payout.updated")
	if err := w.takesBack("hong_kong", "2026-11-23"); err != nil {
		t.Fatal(err)
	}
	w.expectArrival(waiting, "2026-11-23")
	w.expectRefusal(w.takesBack("hong_kong", "2026-11-23"), "resource_missing")
	if said, err := w.service.Closures(t.Context(), w.pool, scopeOf(hub), "hong_kong"); err != nil || len(said) != 0 {
		t.Errorf("%v is said still, %v", said, err)
	}
}

func TestAnOpenDayIsPaidOnAlthoughItIsAHoliday(t *testing.T) {
	w := open(t)
	w.bank.calendar = "hong_kong"
	w.earn(may, 10000, "hkd", 0)
	p := w.mustCreate(may, 1000)
	if err := w.says("hong_kong", "2026-11-22", false); err != nil { // that Sunday
		t.Fatal(err)
	}
	w.expectArrival(p, "2026-11-22")
	for day, want := range map[string]bool{"2026-11-22": true, "2026-11-29": false, "2026-12-25": false, "2026-12-28": true} {
		days, err := w.service.Days(t.Context(), w.pool, hub, false, "hong_kong+every_day")
		if err != nil {
			t.Fatal(err)
		}
		date, err := calendar.Parse(day)
		if err != nil {
			t.Fatal(err)
		}
		if days.Business(date) != want {
			t.Errorf("%s: the bank works: %v", day, !want)
		}
	}
	if other, err := w.service.Days(t.Context(), w.pool, "acct_other", false, "hong_kong"); err != nil || other.Business(calendar.On(2026, 11, 22)) {
		t.Errorf("another platform's days are changed, %v", err)
	}
}

func TestAClosedPaydayIsPaidOnTheNextDay(t *testing.T) {
	w := open(t)
	w.bank.calendar = "hong_kong"
	w.people.accounts[may].Schedule = payouts.Schedule{Interval: payouts.Weekly, Weekdays: []time.Weekday{time.Tuesday}}
	w.earn(may, 1000, "hkd", 0)
	w.handle(w.available(may, "hkd"))
	w.jobs()
	if err := w.says("hong_kong", "2026-11-24", true); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * 24 * time.Hour) // Tuesday
	w.jobs()
	if n := len(w.all(may)); n != 0 {
		t.Fatalf("%d payouts on a closed day", n)
	}
	w.clock.Advance(24 * time.Hour)
	w.jobs()
	if p := w.only(may); p.CreatedAt.Day() != 25 {
		t.Errorf("paid on %v", p.CreatedAt)
	}
}

func TestClosuresSayWhatIsWrong(t *testing.T) {
	w := open(t)
	w.expectRefusal(w.says("moon", "2026-11-24", true), "resource_missing")
	w.expectRefusal(w.says("hong_kong", "2026-11-31", true), "parameter_invalid")
	w.expectRefusal(w.takesBack("moon", "2026-11-24"), "resource_missing")
}

func TestOfSeveralWordsForADayAtOnceOneStands(t *testing.T) {
	w := open(t)
	w.bank.calendar = "hong_kong"
	var busy sync.WaitGroup
	refused := make([]error, 4)
	for i := range refused {
		busy.Go(func() { refused[i] = w.says("hong_kong", "2026-11-24", i%2 == 0) })
	}
	busy.Wait()
	for _, err := range refused {
		if err != nil && codeOf(err) != "lock_timeout" {
			t.Error(err)
		}
	}
	if said, err := w.service.Closures(t.Context(), w.pool, scopeOf(hub), "hong_kong"); err != nil || len(said) != 1 {
		t.Errorf("the platform says %v, %v", said, err)
	}
}
