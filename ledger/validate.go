package ledger

import (
	"fmt"

	"github.com/sluicepay/sluice/platform/money"
)

// validateAll refuses malformed entries. They are bugs of the caller, not
// failures of a user, so the error is not a fault.
func validateAll(entries []Entry) error {
	if len(entries) > MaxEntries {
		return fmt.Errorf("ledger: %d entries in one call, at most %d", len(entries), MaxEntries)
	}
	type event struct{ kind, source string }
	seen := make(map[event]bool, len(entries))
	for _, e := range entries {
		if err := e.validate(); err != nil {
			return fmt.Errorf("ledger: %s of %s: %w", e.Kind, e.Source, err)
		}
		if ev := (event{e.Kind, e.Source}); seen[ev] {
			return &Repeated{Kind: e.Kind, Source: e.Source}
		} else {
			seen[ev] = true
		}
	}
	return nil
}

func (e Entry) validate() error {
	switch {
	case e.Kind == "" || e.Source == "":
		return fmt.Errorf("no kind or source")
	case e.At.IsZero():
		return fmt.Errorf("no time")
	case len(e.Postings) < 2 || len(e.Postings) > MaxPostings:
		return fmt.Errorf("%d postings, must be 2 to %d", len(e.Postings), MaxPostings)
	}
	for i, p := range e.Postings {
		if err := p.validate(); err != nil {
			return fmt.Errorf("posting %d: %w", i, err)
		}
	}
	return e.balanced()
}

func (p Posting) validate() error {
	switch {
	case p.Account.Owner == "" || p.Account.Kind == "":
		return fmt.Errorf("no owner or kind")
	case p.Amount.Currency == "":
		return fmt.Errorf("no currency")
	case p.Side != Debit && p.Side != Credit:
		return fmt.Errorf("side %d", p.Side)
	case p.Amount.Minor < 0 || p.Amount.Minor > money.MaxMinor:
		return fmt.Errorf("amount %d is not between 0 and %d", p.Amount.Minor, int64(money.MaxMinor))
	case !p.MaturesOn.IsZero() && p.Account.Kind != Pending:
		return fmt.Errorf("%s money does not mature", p.Account.Kind)
	case p.Line == nil:
		return nil
	case p.Account.Kind != Pending && p.Account.Kind != Available:
		return fmt.Errorf("a statement line on %s", p.Account.Kind)
	case p.Account.Kind == Pending && p.MaturesOn.IsZero():
		return fmt.Errorf("a pending line without the day it matures")
	case p.Line.ID == "" || p.Line.Type == "" || p.Line.Source == "":
		return fmt.Errorf("a line without id, type or source")
	case !bounded(p.Line.Amount) || !bounded(p.Line.Fee):
		return fmt.Errorf("a line of %d less %d, at most %d either way", p.Line.Amount, p.Line.Fee, int64(money.MaxMinor))
	case p.Line.Amount-p.Line.Fee != p.net(): // bounded, so the difference cannot wrap
		return fmt.Errorf("line nets %d, posting %d", p.Line.Amount-p.Line.Fee, p.net())
	}
	return nil
}

func bounded(minor int64) bool { return -money.MaxMinor <= minor && minor <= money.MaxMinor }

// balanced checks that the entry sums to zero per currency, and that what
// moves on an owner's spendable money without a line moves only within it.
func (e Entry) balanced() error {
	type purse struct {
		owner    string
		livemode bool
		currency money.Currency
	}
	sums := make(map[money.Currency]int64)
	untold := make(map[purse]int64)
	for _, p := range e.Postings {
		sums[p.Amount.Currency] += p.net() // 64 postings of at most 10^15 cannot overflow
		if p.Line == nil && (p.Account.Kind == Pending || p.Account.Kind == Available) {
			untold[purse{p.Account.Owner, p.Account.Livemode, p.Amount.Currency}] += p.net()
		}
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("sums to %d %s instead of zero", -sum, currency)
		}
	}
	for purse, sum := range untold {
		if sum != 0 {
			return fmt.Errorf("%d %s of %s move without a statement line", sum, purse.currency, purse.owner)
		}
	}
	return nil
}
