// Package terms is what a bank and its customer have agreed of a way to pay: limits,
// currencies, hours. An operator writes it down; formats of files read it.
package terms

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// Terms is the agreement. The zero value is: any amount in any currency to any country,
// every day at any hour.
type Terms struct {
	Currencies []money.Currency         `json:"currencies,omitempty"` // none: all
	Countries  []string                 `json:"countries,omitempty"`  // of the receiving bank; none: all
	Steps      map[money.Currency]int64 `json:"steps,omitempty"`      // minor units that amounts are multiples of
	Most       map[money.Currency]int64 `json:"most,omitempty"`       // of one instruction, minor units
	Instant    bool                     `json:"instant,omitempty"`
	Recalls    bool                     `json:"recalls,omitempty"`
	Calendar   string                   `json:"calendar,omitempty"` // bank days, as package calendar names them; "": every day
	CutOff     string                   `json:"cut_off,omitempty"`  // local time, "15:30"; "": none
	Zone       string                   `json:"zone,omitempty"`     // IANA name; "": UTC
}

// Capabilities is the terms as a rail shows them.
func (t Terms) Capabilities(name string) rail.Capabilities {
	offset, _ := t.cutOff()
	return rail.Capabilities{
		Name: name, Steps: t.Steps, Most: t.Most, Currencies: t.Currencies, Countries: t.Countries,
		Instant: t.Instant, Recalls: t.Recalls, Calendar: t.Calendar, CutOff: offset, Zone: t.Zone,
	}
}

// Location is where the bank's clock hangs.
func (t Terms) Location() *time.Location {
	loc, err := time.LoadLocation(t.Zone)
	if err != nil {
		return time.UTC // Check has refused it
	}
	return loc
}

// Check fails on terms that cannot be meant.
func (t Terms) Check() error {
	for _, c := range t.Currencies {
		if !c.Known() {
			return fmt.Errorf("currencies: %q is not an ISO 4217 currency in lower case", string(c))
		}
	}
	for _, c := range t.Countries {
		if !Country(c) {
			return fmt.Errorf("countries: %q is not a country code in upper case", c)
		}
	}
	for name, table := range map[string]map[money.Currency]int64{"steps": t.Steps, "most": t.Most} {
		for c, minor := range table {
			if !c.Known() || minor <= 0 || minor > money.MaxMinor {
				return fmt.Errorf("%s: %q: %d: want a currency and a positive number of minor units", name, string(c), minor)
			}
		}
	}
	if _, err := t.cutOff(); err != nil {
		return err
	}
	if _, err := time.LoadLocation(t.Zone); err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	return nil
}

func (t Terms) cutOff() (time.Duration, error) {
	if t.CutOff == "" {
		return 0, nil
	}
	at, err := time.Parse("15:04", t.CutOff)
	if err != nil {
		return 0, fmt.Errorf("cut_off: %q is not a time such as 15:30", t.CutOff)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// Country reports whether s has the form of an ISO 3166 alpha-2 code.
func Country(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

// Refuse is why a rail with these terms does not take an instruction, or nil.
func (t Terms) Refuse(i rail.Instruction) error {
	c := i.Amount.Currency
	capabilities := t.Capabilities("")
	switch {
	case i.Debit:
		return fault.Invalidf("", "amount", "Money cannot be taken from a bank account over this rail.")
	case !c.Known() || !capabilities.Takes(rail.Use{Currency: c, Country: i.Creditor.Country, Instant: i.Instant}):
		return fault.Invalidf("", "destination", "This rail does not pay %s to %s%s.", c, i.Creditor.Country, map[bool]string{true: " instantly"}[i.Instant && !t.Instant])
	case !i.Amount.Positive() || i.Amount.Check() != nil:
		return fault.Invalidf("", "amount", "The amount must be positive and at most %s.", money.New(money.MaxMinor, c))
	case i.Amount.Minor%capabilities.Step(c) != 0:
		return fault.Invalidf("", "amount", "The amount must be a multiple of %s on this rail.", money.New(capabilities.Step(c), c))
	case t.Most[c] > 0 && i.Amount.Minor > t.Most[c]:
		return fault.Invalidf("", "amount", "The amount must be at most %s on this rail.", money.New(t.Most[c], c))
	}
	return nil
}

// Trace is a reference of the n-th instruction (from 0) of a batch in letters, digits and
// one hyphen, at most 35.
func Trace(b rail.Batch, n int) string { return fmt.Sprintf("%s-%d", id.Body(b.ID), n+1) }

// Tally counts what goes into a file, so that a file never says another count or sum than
// its batch: a bank that compares would refuse all of it, and one that does not would pay it.
type Tally struct {
	batch rail.Batch
	count int
	total int64
}

// errTally is in every error about a batch that is not what it says of itself.
var errTally = errors.New("the batch does not have the instructions that it was sealed with")

// Begin starts the tally of a batch.
func Begin(b rail.Batch) (*Tally, error) {
	if b.Count <= 0 || b.Total <= 0 || !b.Currency.Known() {
		return nil, fmt.Errorf("batch %s: %d instructions, %s: %w", b.ID, b.Count, money.New(b.Total, b.Currency), errTally)
	}
	return &Tally{batch: b}, nil
}

// Add counts one instruction, before it is written.
func (t *Tally) Add(i rail.Instruction) error {
	switch {
	case i.Amount.Currency != t.batch.Currency:
		return fmt.Errorf("%s is in %s, batch %s in %s: %w", i.Reference, i.Amount.Currency, t.batch.ID, t.batch.Currency, errTally)
	case t.count == t.batch.Count, i.Amount.Minor > math.MaxInt64-t.total:
		return fmt.Errorf("batch %s has more than %d: %w", t.batch.ID, t.batch.Count, errTally)
	}
	t.count++
	t.total += i.Amount.Minor
	return nil
}

// End fails unless all was there.
func (t *Tally) End() error {
	if t.count != t.batch.Count || t.total != t.batch.Total {
		return fmt.Errorf("batch %s: %d of %d instructions, %s of %s: %w", t.batch.ID, t.count, t.batch.Count,
			money.New(t.total, t.batch.Currency), money.New(t.batch.Total, t.batch.Currency), errTally)
	}
	return nil
}
