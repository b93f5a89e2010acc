package payouts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// decision is what the scheduler makes of one due.
type decision struct {
	due    dueRow
	skip   Skip      // why nothing is paid, or ""
	next   time.Time // when the due is looked at again; zero: it is forgotten
	since  time.Time // from when on paydays have not been decided then
	payout *Payout   // what is made

	payable Payable
	to      Destination
	way     rail.Capabilities
	days    calendar.Days
	payday  Firing // of the schedule
	pays    bool   // payday has not been decided
	free    int64  // what may be paid out, in minor units
	parts   parts  // where payouts in the currency are divided; payout is their sum then
}

// askAgainDue is when a due is looked at again that no payday of its own will bring up.
const askAgainDue = 24 * time.Hour

// decideAll judges dues of one mode: a constant number of statements for all of them.
// With hold the purses are locked first, so that what is found stays true; without,
// it is what would be done now.
func (s *Service) decideAll(ctx context.Context, tx bun.Tx, livemode bool, dues []dueRow, now time.Time, hold bool) ([]*decision, error) {
	accounts := make([]string, len(dues))
	for i, d := range dues {
		accounts[i] = d.Account
	}
	payables, err := s.cfg.Accounts.Payables(ctx, tx, livemode, accounts)
	if err != nil {
		return nil, fmt.Errorf("read who is paid how: %w", err)
	}
	calendars := s.calendars()
	decisions := make([]*decision, len(dues))
	var asked []*decision
	for i, due := range dues {
		payable, there := payables[due.Account]
		d := &decision{due: due, payable: payable}
		decisions[i] = d
		if err := s.mayPay(ctx, tx, d, there, now, calendars); err != nil {
			return nil, err
		}
		if d.skip == "" {
			asked = append(asked, d)
		}
	}
	if err := s.weigh(ctx, tx, asked, hold); err != nil {
		return nil, err
	}
	if err := s.divideAll(ctx, tx, livemode, asked, calendars); err != nil {
		return nil, err
	}
	if err := s.judgeAll(ctx, tx, livemode, asked, now); err != nil {
		return nil, err
	}
	for _, d := range decisions {
		d.plan(now)
	}
	return decisions, nil
}

// mayPay looks at everything but the money.
func (s *Service) mayPay(ctx context.Context, tx bun.Tx, d *decision, there bool, now time.Time, calendars *calendars) error {
	switch first, has := d.payable.first(d.due.Currency); {
	case !there || !d.payable.PayoutsEnabled:
		d.skip = SkipDisabled
		return nil
	case !has:
		d.skip = SkipNoBank
		if d.payable.hasErrored(d.due.Currency) {
			d.skip = SkipErrored
		}
		return nil
	default:
		d.to = first
	}
	found, ok := s.cfg.Rails.For(d.due.Livemode).Find(rail.Use{Currency: d.due.Currency, Country: d.to.Country})
	if !ok {
		d.skip = SkipNoRail
		return nil
	}
	d.way = found.Capabilities()
	var err error
	if d.days, err = calendars.of(ctx, tx, d.due.Platform, d.due.Livemode, d.way.Calendar); err != nil {
		return err
	}
	d.payday, d.pays = d.payable.Schedule.Last(now, d.days)
	d.pays = d.pays && !d.payday.Date.Before(calendar.Of(d.due.Since, d.payable.Schedule.zone()))
	_, triggers := d.payable.Trigger[d.due.Currency]
	switch {
	case d.pays || triggers:
	case d.payable.Schedule.Interval == Manual:
		d.skip = SkipManual
	default:
		d.skip = SkipNotToday
	}
	return nil
}

// weigh reads what is free in the purses.
func (s *Service) weigh(ctx context.Context, tx bun.Tx, asked []*decision, hold bool) error {
	if len(asked) == 0 {
		return nil
	}
	purses := make([]balance.Purse, len(asked))
	for i, d := range asked {
		purses[i] = d.due.purse()
	}
	if hold {
		if err := balance.Lock(ctx, tx, s.cfg.Book, purses...); err != nil {
			return err
		}
	}
	funds, err := balance.Available(ctx, tx, purses)
	if err != nil {
		return err
	}
	var claimed map[balance.Purse]int64
	if s.cfg.Claims != nil {
		if claimed, err = s.cfg.Claims.Claimed(ctx, tx, purses); err != nil {
			return fmt.Errorf("read what is claimed: %w", err)
		}
	}
	for i, d := range asked {
		d.free = funds[purses[i]] - claimed[purses[i]]
	}
	return nil
}

// judgeAll sizes the payouts and asks holds and policies.
func (s *Service) judgeAll(ctx context.Context, tx bun.Tx, livemode bool, asked []*decision, now time.Time) error {
	var sized []*decision
	var accounts, platforms []string
	for _, d := range asked {
		if d.size(now); d.skip == "" {
			sized, accounts, platforms = append(sized, d), append(accounts, d.due.Account), append(platforms, d.due.Platform)
		}
	}
	if len(sized) == 0 {
		return nil
	}
	slices.Sort(platforms)
	c, err := s.controlsFor(ctx, tx, livemode, slices.Compact(platforms), accounts)
	if err != nil {
		return err
	}
	for _, d := range sized {
		verdict := c.decide(d, now)
		if verdict.Approval {
			d.payout.Approval = ApprovalRequired
		}
		if verdict.Skip != "" {
			d.skip, d.payout, d.next = verdict.Skip, nil, verdict.Until
			if verdict.Skip != SkipBelowMinimum {
				d.since = d.due.Since // the payday is not lost: it comes when the hold or the limit is over
			}
		}
	}
	return nil
}

// size makes the payout of what is free beyond what is retained, in whole steps of the
// rail and as much as the rail takes at once.
func (d *decision) size(now time.Time) {
	amount := d.free - d.payable.Retain[d.due.Currency]
	trigger, triggers := d.payable.Trigger[d.due.Currency]
	switch {
	case d.pays || triggers && d.free-d.parts.stuck() >= trigger:
	case d.payable.Schedule.Interval == Manual:
		d.skip = SkipManual
		return
	default:
		d.skip = SkipNotToday
		return
	}
	if len(d.parts) > 0 {
		d.divide(amount, now)
		return
	}
	amount = min(amount, largest(d.way, d.due.Currency))
	if amount -= amount % d.way.Step(d.due.Currency); amount <= 0 {
		d.skip = SkipNothing
		return
	}
	d.payout = newPayout(d.due.scope(), money.New(amount, d.due.Currency), d.to, d.way, d.payable, now)
	d.payout.Automatic = true
	d.payout.ArrivalDate = executes(d.way, d.days, now)
}

// plan says when the due is looked at again, unless a hold or limit has said so.
func (d *decision) plan(now time.Time) {
	left := d.free
	if d.payout != nil {
		left -= d.payout.Amount
	}
	switch {
	case !d.next.IsZero() && d.next.After(now):
	case !d.next.IsZero():
		d.next = now.Add(putOff) // what should be over by now is not: whoever ends it is late
	case left <= 0 && (d.payout != nil || d.skip == SkipNothing):
		return // what comes in later is noted again
	default:
		firing, ok := d.payable.Schedule.Next(now, d.days)
		d.next = now.Add(askAgainDue)
		if ok && d.skip != SkipDisabled && d.skip != SkipNoBank && d.skip != SkipErrored && d.skip != SkipNoRail {
			d.next = firing.At
		}
		if d.since.IsZero() {
			d.since = d.next
		}
	}
}

// largest is the most that one payout can be, in whole steps of the rail.
func largest(way rail.Capabilities, c money.Currency) int64 {
	most := int64(money.MaxMinor)
	if limit := way.Most[c]; limit > 0 {
		most = limit
	}
	return most - most%way.Step(c)
}

// calendars remembers the bank days of one look.
type calendars struct {
	service *Service
	known   map[calendarKey]calendar.Days
}

type calendarKey struct {
	platform string
	livemode bool
	name     string
}

func (s *Service) calendars() *calendars {
	return &calendars{service: s, known: map[calendarKey]calendar.Days{}}
}

func (c *calendars) of(ctx context.Context, idb bun.IDB, platform string, livemode bool, name string) (calendar.Days, error) {
	key := calendarKey{platform, livemode, name}
	if days, ok := c.known[key]; ok {
		return days, nil
	}
	days, err := c.service.Days(ctx, idb, platform, livemode, name)
	if err == nil {
		c.known[key] = days
	}
	return days, err
}
