package report

import (
	"fmt"
	"slices"

	"github.com/sluicepay/sluice/platform/fault"
)

// Type is a kind of report.
type Type struct {
	ID        string
	Name      string
	Connected bool // of connected accounts, asked for by their platform
	ByID      bool // of one payout
	grain     grain
}

// grain is what a row of a report is.
type grain int

const (
	perLine     grain = iota // a statement line in a payout
	perCategory              // a reporting category and currency
	perPayout
)

// types are the reports there are. Numbers are versions, as at Stripe; these are ours from the start.
var types = []Type{
	{ID: "connected_account_payout_reconciliation.by_id.itemized.4", Name: "Connected account payout reconciliation: by payout", Connected: true, ByID: true},
	{ID: "connected_account_payout_reconciliation.itemized.5", Name: "Connected account payout reconciliation: itemized", Connected: true},
	{ID: "connected_account_payouts.itemized.3", Name: "Connected account payouts: itemized", Connected: true, grain: perPayout},
	{ID: "payout_reconciliation.by_id.itemized.4", Name: "Payout reconciliation: by payout", ByID: true},
	{ID: "payout_reconciliation.itemized.5", Name: "Payout reconciliation: itemized"},
	{ID: "payout_reconciliation.summary.1", Name: "Payout reconciliation: summary by reporting category", grain: perCategory},
	{ID: "payouts.itemized.3", Name: "Payouts: itemized", grain: perPayout},
}

// Types lists the reports in order of id.
func Types() []Type { return slices.Clone(types) }

// Find is the report type of an id, or a fault.
func Find(id string) (Type, error) {
	for _, t := range types {
		if t.ID == id {
			return t, nil
		}
	}
	return Type{}, fault.NoSuch("report type", id)
}

// Columns are those a report of the type has unless others are asked for.
func (t Type) Columns() []string {
	var names []string
	for _, c := range t.columns() {
		if !c.extra {
			names = append(names, c.name)
		}
	}
	return names
}

func (t Type) columns() []column {
	switch t.grain {
	case perCategory:
		return summaryColumns
	case perPayout:
		return payoutColumns
	case perLine:
	}
	return lineColumns
}

// choose is the columns that were asked for, in that order; none is the usual ones.
func (t Type) choose(names []string) ([]column, error) {
	if len(names) == 0 {
		names = t.Columns()
	}
	var chosen []column
	for i, name := range names {
		at := slices.IndexFunc(t.columns(), func(c column) bool { return c.name == name })
		if at < 0 {
			return nil, fault.Invalidf("parameter_invalid", fmt.Sprintf("parameters[columns][%d]", i), "The report %s has no column %q.", t.ID, name)
		}
		chosen = append(chosen, t.columns()[at])
	}
	return chosen, nil
}
