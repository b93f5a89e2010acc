// Package journal turns business events into ledger entries: one pure function
// per event. The table above each function is its specification; the test
// reads the table from the comment and compares it with what is posted.
//
// In the tables P is the platform account, C (C1, C2) are connected accounts
// and A is either. "charge 10000 fee 340" after an amount is the statement
// line (balance transaction) the posting makes.
package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// NewID makes the id of a statement line ("txn_…"); callers pass
// func() string { return id.New("txn") }, tests count.
type NewID func() string

// draft gathers the postings of one entry in one currency.
type draft struct {
	entry    ledger.Entry
	livemode bool
	currency money.Currency
	day      time.Time // when Pending money matures; zero books on Available
	newID    NewID
}

func open(kind, source string, at time.Time, livemode bool, c money.Currency, newID NewID) *draft {
	return &draft{
		entry:    ledger.Entry{Kind: kind, Source: source, At: at},
		livemode: livemode, currency: c, newID: newID,
	}
}

// move books net on an account, credit positive. Zero leaves no trace.
func (d *draft) move(owner string, kind ledger.Kind, net int64) {
	if net != 0 {
		d.entry.Postings = append(d.entry.Postings, d.posting(owner, kind, net))
	}
}

// funds books a statement line on the owner's money: Pending until the draft's
// day, or Available if there is none. A line of net zero is still told.
func (d *draft) funds(owner string, line ledger.Line, floor bool) {
	kind := ledger.Available
	if !d.day.IsZero() {
		kind = ledger.Pending
	}
	p := d.posting(owner, kind, line.Amount-line.Fee)
	p.MaturesOn, p.NoOverdraft = d.day, floor
	line.ID = d.newID()
	p.Line = &line
	d.entry.Postings = append(d.entry.Postings, p)
}

func (d *draft) posting(owner string, kind ledger.Kind, net int64) ledger.Posting {
	p := ledger.Posting{
		Account: ledger.Account{Livemode: d.livemode, Owner: owner, Kind: kind},
		Side:    ledger.Credit,
		Amount:  money.New(net, d.currency),
	}
	if net < 0 {
		p.Side, p.Amount = ledger.Debit, p.Amount.Neg()
	}
	return p
}

func (d *draft) processingFee(amount int64) ledger.Fee {
	return ledger.Fee{Type: "stripe_fee", Amount: amount, Currency: string(d.currency), Description: "Processing fee"}
}

func (d *draft) applicationFee(amount int64, application string) ledger.Fee {
	return ledger.Fee{Type: "application_fee", Amount: amount, Currency: string(d.currency),
		Description: "Application fee", Application: application}
}
