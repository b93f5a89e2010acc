package payouts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Next is what an account's schedule will pay in a currency, as things stand. It
// promises nothing: new payments add to it, refunds, holds and limits take from it.
type Next struct {
	Livemode    bool
	Currency    money.Currency
	Destination string // ba_…
	Rail        string
	Reason      Skip       // why nothing is foreseen, or ""
	Paydays     []Payday   // until all that is pending now is paid
	Kept        []KeptPart // in the balance for single destinations, until they can be paid
}

// Payday is a day of a schedule with what it would pay.
type Payday struct {
	At          time.Time // when the payout is made
	ArrivalDate time.Time // midnight UTC
	Amount      int64     // minor units
}

// mostPaydays bounds how far is looked ahead: two months of daily payouts.
const mostPaydays = 62

// Next foresees the automatic payouts of scope's account, by currency of its money.
func (s *Service) Next(ctx context.Context, scope tenant.Scope) (all []Next, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		all = nil
		payables, err := s.cfg.Accounts.Payables(ctx, tx, scope.Livemode, []string{scope.Account})
		if err != nil {
			return fmt.Errorf("read who is paid how: %w", err)
		}
		funds, err := balance.Of(ctx, tx, scope)
		if err != nil {
			return err
		}
		payable, there := payables[scope.Account]
		for _, f := range funds {
			next, err := s.next(ctx, tx, scope, payable, there, f)
			if err != nil {
				return err
			}
			all = append(all, next)
		}
		return nil
	})
	return all, err
}

func (s *Service) next(ctx context.Context, tx bun.Tx, scope tenant.Scope, payable Payable, there bool, funds balance.Funds) (Next, error) {
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	due := Due{Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode, Currency: funds.Currency}
	since, err := sinceOf(ctx, tx, due, now)
	if err != nil {
		return Next{}, err
	}
	d := &decision{due: dueRow{Due: due, Since: since}, payable: payable}
	n := Next{Livemode: scope.Livemode, Currency: funds.Currency}
	if err := s.mayPay(ctx, tx, d, there, now, s.calendars()); err != nil {
		return n, err
	}
	n.Destination, n.Rail = d.to.ID, d.way.Name
	if n.Kept, err = keptOf(ctx, tx, due.purse()); err != nil {
		return n, err
	}
	if d.skip != "" && d.skip != SkipNotToday {
		n.Reason = d.skip
		return n, nil
	}
	if err := s.weigh(ctx, tx, []*decision{d}, false); err != nil {
		return n, err
	}
	expected, err := balance.Expected(ctx, tx, due.purse())
	if err != nil {
		return n, err
	}
	if n.Paydays = d.foresee(expected, now); len(n.Paydays) == 0 {
		n.Reason = SkipNothing
		return n, nil
	}
	n.Reason, err = s.held(ctx, tx, d, n.Paydays[0])
	return n, err
}

// sinceOf is from when on paydays of a due have not been decided; now if nobody has noted it.
func sinceOf(ctx context.Context, tx bun.Tx, due Due, now time.Time) (time.Time, error) {
	since := []time.Time{}
	err := tx.NewSelect().Model((*dueRow)(nil)).Column("since").
		Where("account = ? AND livemode = ? AND currency = ?", due.Account, due.Livemode, string(due.Currency)).Scan(ctx, &since)
	if err != nil {
		return now, fmt.Errorf("find the due: %w", err)
	}
	if len(since) == 0 {
		return now, nil
	}
	return since[0], nil
}

// foresee goes through what will happen, as the scheduler would: money is paid on its
// payday, or, if it comes later on a payday that has paid nothing yet, when it comes.
func (d *decision) foresee(expected []balance.Upcoming, now time.Time) (days []Payday) {
	schedule, free := d.payable.Schedule, d.free-d.payable.Retain[d.due.Currency]
	trigger, triggers := d.payable.Trigger[d.due.Currency]
	var decided calendar.Date
	pay := func(date calendar.Date, at time.Time) {
		amount := min(free, largest(d.way, d.due.Currency))
		if amount -= amount % d.way.Step(d.due.Currency); amount > 0 {
			days = append(days, Payday{At: at, ArrivalDate: executes(d.way, d.days, at), Amount: amount})
			free, decided = free-amount, date
		}
	}
	if d.pays {
		pay(d.payday.Date, now)
	}
	for at := now; len(days) < mostPaydays; {
		firing, fires := schedule.Next(at, d.days)
		for len(expected) > 0 && (!fires || !expected[0].Day.After(firing.At)) {
			comes := later(expected[0].Day, now)
			free, expected = free+expected[0].Amount, expected[1:]
			last, ok := schedule.Last(comes, d.days)
			today := ok && !last.Date.Before(calendar.Of(comes, schedule.zone())) && last.Date != decided
			if today || triggers && free+d.payable.Retain[d.due.Currency] >= trigger {
				pay(last.Date, comes)
			}
		}
		if !fires {
			break
		}
		if pay(firing.Date, firing.At); len(expected) == 0 {
			break
		}
		at = firing.At
	}
	return days
}

// held says what would stop a payout on a day: somebody's hold, or a limit. What is
// left of a daily limit is known of today only.
func (s *Service) held(ctx context.Context, tx bun.Tx, d *decision, day Payday) (Skip, error) {
	c, err := s.controlsFor(ctx, tx, d.due.Livemode, []string{d.due.Platform}, []string{d.due.Account})
	if err != nil {
		return "", err
	}
	p := newPayout(d.due.scope(), money.New(day.Amount, d.due.Currency), d.to, d.way, d.payable, day.At)
	skip := c.judge(p, d.to, day.At).Skip
	if skip == SkipDailyLimit && dayOf(day.At).After(dayOf(s.cfg.Clocks.For(d.due.Livemode).Now())) {
		return "", nil
	}
	return skip, nil
}

// Wire is what is foreseen as the API shows it.
func (n Next) Wire() wire.NextPayout {
	w := wire.NextPayout{
		Object: "next_payout", Currency: string(n.Currency), Livemode: n.Livemode, Method: "standard", Paydays: []wire.Payday{},
		Destination: wire.Nullable(n.Destination), Rail: wire.Nullable(n.Rail), Reason: wire.Nullable(string(n.Reason)),
	}
	for _, day := range n.Paydays {
		w.Paydays = append(w.Paydays, wire.Payday{At: wire.Unix(day.At), ArrivalDate: wire.Unix(day.ArrivalDate), Amount: day.Amount})
	}
	for _, k := range n.Kept {
		w.Kept = append(w.Kept, wire.KeptPart{Amount: k.Amount, Destination: k.Destination})
	}
	if len(w.Paydays) > 0 && n.Reason == "" {
		first := w.Paydays[0]
		w.Amount, w.Payday, w.ArrivalDate = first.Amount, &first.At, &first.ArrivalDate
	}
	return w
}
