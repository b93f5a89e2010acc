package payouts

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// Skip is why no automatic payout is made of a purse now.
type Skip string

// The reasons of a run, in the order in which they are looked at.
const (
	SkipDisabled     Skip = "payouts_disabled"     // the account may not be paid
	SkipManual       Skip = "manual_schedule"      // it is paid by hand
	SkipNotToday     Skip = "not_scheduled"        // its schedule has no payout now
	SkipPaid         Skip = "already_paid"         // its payout of this day was made
	SkipNoBank       Skip = "no_bank_account"      // no bank account in the currency
	SkipErrored      Skip = "bank_account_errored" // a payout to the bank account failed
	SkipNoRail       Skip = "no_rail"              // no bank of ours pays there
	SkipAccountHeld  Skip = "account_on_hold"
	SkipCoolingOff   Skip = "bank_account_changed" // too recently
	SkipNothing      Skip = "nothing_available"    // or less than what is retained
	SkipBelowMinimum Skip = "below_minimum"
	SkipDailyLimit   Skip = "daily_limit"
)

// Verdict is what holds and policies say about a payout that could be made.
type Verdict struct {
	Skip  Skip      // why it is not made now, or ""
	Until time.Time // with Skip: when it is worth looking again; zero: at the next payday
	// Approval says that it is made, and waits for people to agree.
	Approval bool
}

// controls are the holds and policies that concern some accounts of a mode.
type controls struct {
	held     map[string][]*Hold // on whole accounts
	policies map[string]*Policy // of platforms
	left     map[purseOf]int64  // of today's limits, where there is one
	tomorrow map[string]time.Time
	rails    rail.Set
}

// controlsFor reads them for accounts whose purses are locked, with a constant
// number of statements: one that makes payouts sees every hold that was said
// before. A platform's daily limit is kept by its policy's lock, which lasts until
// the end of the transaction; who has no limit waits for nobody.
func (s *Service) controlsFor(ctx context.Context, idb bun.IDB, livemode bool, platforms, accounts []string) (controls, error) {
	c := controls{left: map[purseOf]int64{}, tomorrow: map[string]time.Time{}, rails: s.cfg.Rails.For(livemode)}
	var err error
	if c.held, err = standing(ctx, idb, livemode, accounts); err != nil {
		return controls{}, err
	}
	if c.policies, err = policiesOf(ctx, idb, livemode, platforms); err != nil {
		return controls{}, err
	}
	since := map[string]time.Time{}
	for platform, policy := range c.policies {
		if len(policy.Rules.DailyLimit) > 0 {
			since[platform], c.tomorrow[platform] = policy.Rules.today(s.cfg.Clocks.For(livemode).Now())
		}
	}
	paid, err := paidOut(ctx, idb, livemode, since)
	if err != nil {
		return controls{}, err
	}
	for platform, policy := range c.policies {
		for currency, limit := range policy.Rules.DailyLimit {
			of := purseOf{platform, currency}
			c.left[of] = limit - paid[of]
		}
	}
	return c, nil
}

// decide judges what the scheduler would make of one due. Where it is divided, a part
// that must wait does not hold up the others; whether people have to agree, and what
// is left of the day's limit, is asked of the whole: cutting it up gets round nothing.
func (c controls) decide(d *decision, now time.Time) Verdict {
	if len(d.parts) == 0 {
		return c.judge(d.payout, d.to, now)
	}
	if holds := c.held[d.payout.Account]; len(holds) > 0 {
		return Verdict{Skip: SkipAccountHeld, Until: c.over(d.payout, holds)}
	}
	policy := c.policies[d.payout.Platform]
	if policy == nil {
		return Verdict{}
	}
	var waits Verdict
	for _, part := range d.parts {
		if part.payout == nil {
			continue
		}
		if v := policy.Rules.delay(part.payout, part.to, now); v.Skip != "" {
			waits = v
			part.keep()
		}
	}
	if d.sum(); d.payout.Amount == 0 {
		return waits
	}
	return c.limit(policy, d.payout)
}

// judge looks at a payout before it is made; those judged before count for
// limits. Money taken from a bank account is stopped by a hold, and waits for people
// over the same amount; limits are about money that leaves.
func (c controls) judge(p *Payout, to Destination, now time.Time) Verdict {
	if holds := c.held[p.Account]; len(holds) > 0 {
		return Verdict{Skip: SkipAccountHeld, Until: c.over(p, holds)}
	}
	policy := c.policies[p.Platform]
	if policy == nil {
		return Verdict{}
	}
	if p.Debit() {
		over, limited := policy.Rules.ApprovalOver[p.Currency]
		return Verdict{Approval: limited && p.Moves().Minor > over}
	}
	if v := policy.Rules.delay(p, to, now); v.Skip != "" {
		return v
	}
	return c.limit(policy, p)
}

// delay is why a payout to a destination has to wait, if it has to.
func (rules Rules) delay(p *Payout, to Destination, now time.Time) Verdict {
	if cooled := to.ChangedAt.Add(time.Duration(rules.CoolingOffHours) * time.Hour); !to.ChangedAt.IsZero() && now.Before(cooled) {
		return Verdict{Skip: SkipCoolingOff, Until: cooled}
	}
	if p.Amount < rules.MinimumPayout[p.Currency] {
		return Verdict{Skip: SkipBelowMinimum}
	}
	return Verdict{}
}

// limit takes a payout off the day's limit, and asks whether people have to agree.
func (c controls) limit(policy *Policy, p *Payout) Verdict {
	of := purseOf{p.Platform, p.Currency}
	if left, limited := c.left[of]; limited {
		if p.Amount > left {
			return Verdict{Skip: SkipDailyLimit, Until: c.tomorrow[p.Platform]}
		}
		c.left[of] = left - p.Amount
	}
	over, limited := policy.Rules.ApprovalOver[p.Currency]
	return Verdict{Approval: limited && p.Amount > over}
}

// over is when the last of the holds ends by itself; zero if one does not.
func (c controls) over(p *Payout, holds []*Hold) (last time.Time) {
	way, ok := c.rails.Named(p.Rail)
	for _, h := range holds {
		if h.ExpiresAt.IsZero() {
			return time.Time{}
		}
		end := h.ExpiresAt
		if ok {
			end = opens(way.Capabilities(), end)
		}
		if end.After(last) {
			last = end
		}
	}
	return last
}

// admit judges a payout by hand whose purse is locked, and refuses what an
// automatic one would be skipped for.
func (s *Service) admit(ctx context.Context, tx bun.Tx, p *Payout, payable Payable) error {
	c, err := s.controlsFor(ctx, tx, p.Livemode, []string{p.Platform}, []string{p.Account})
	if err != nil {
		return err
	}
	to, _ := payable.named(p.Destination)
	verdict := c.judge(p, to, p.CreatedAt)
	switch verdict.Skip {
	case SkipAccountHeld:
		return fault.Invalidf("account_on_hold", "", "Payouts of the account '%s' are on hold.", p.Account)
	case SkipCoolingOff:
		return fault.Invalidf("bank_account_cooling_off", "destination",
			"The bank account '%s' was changed a short time ago: payouts to it are made from %s on.", to.ID, verdict.Until.UTC().Format(time.RFC3339))
	case SkipBelowMinimum:
		return fault.Invalidf("amount_too_small", "amount", "Payouts must be at least %s.",
			money.New(c.policies[p.Platform].Rules.MinimumPayout[p.Currency], p.Currency))
	case SkipDailyLimit:
		return fault.Invalidf("daily_limit_exceeded", "amount", "The platform's limit for payouts of one day leaves %s.",
			money.New(max(0, c.left[purseOf{p.Platform, p.Currency}]), p.Currency))
	}
	if verdict.Approval {
		p.Approval = ApprovalRequired
	}
	return nil
}

// waits reports whether people keep the payout from being handed over.
func (p *Payout) waits() bool {
	return p.Held || p.Approval == ApprovalRequired || p.Approval == ApprovalRefused
}
