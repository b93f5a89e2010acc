package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Payout is money on its way from an account's balance to its bank. A negative
// amount is a debit: money on its way from the bank to the balance.
type Payout struct {
	ID          string // po_…
	Livemode    bool
	Account     string // whose money
	Platform    string // whose bank account it leaves from
	Amount      money.Amount
	Description string
	At          time.Time
	// Paid says, for a payout that fails, that the bank had already been debited:
	// the money comes back from the bank and not from transit.
	Paid bool
	// ClearsOn is when the money of a debit can be spent; zero is at once, for what
	// fills a hole in the balance.
	ClearsOn time.Time
}

func (p Payout) open(kind string, newID NewID) *draft {
	d := open(kind, p.ID, p.At, p.Livemode, p.Amount.Currency, newID)
	d.day = p.ClearsOn
	return d
}

// PayoutCreated takes the money from the available balance.
//
//	payout
//	account               debit  credit  line
//	available A            7000          payout -7000 floor
//	in_transit A                   7000
//
//	debit of what is owed
//	account               debit  credit  line
//	available A                    7000  payout 7000
//	in_transit A           7000
//
//	debit that has to clear first
//	account               debit  credit  line
//	pending A                      7000  payout 7000
//	in_transit A           7000
func PayoutCreated(p Payout, newID NewID) ledger.Entry {
	d := p.open("payout_created", newID)
	d.funds(p.Account, ledger.Line{Type: "payout", Amount: -p.Amount.Minor, Source: p.ID,
		Description: p.Description}, p.Amount.Minor > 0)
	d.move(p.Account, ledger.InTransit, p.Amount.Minor)
	return d.entry
}

// PayoutPaid books that the bank account has paid.
//
//	paid
//	account               debit  credit  line
//	in_transit A           7000
//	bank P                         7000
//
//	debited
//	account               debit  credit  line
//	in_transit A                   7000
//	bank P                 7000
func PayoutPaid(p Payout) ledger.Entry {
	d := p.open("payout_paid", nil)
	d.move(p.Account, ledger.InTransit, -p.Amount.Minor)
	d.move(p.Platform, ledger.Bank, p.Amount.Minor)
	return d.entry
}

// PayoutFailed gives the money back to the available balance; of a debit it takes
// back what the bank did not get, or had to return.
//
//	in transit
//	account               debit  credit  line
//	in_transit A           7000
//	available A                    7000  payout_failure 7000
//
//	returned after it was paid
//	account               debit  credit  line
//	bank P                 7000
//	available A                    7000  payout_failure 7000
//
//	a debit that was refused
//	account               debit  credit  line
//	in_transit A                   7000
//	available A            7000          payout_failure -7000
//
//	a debit that was taken back before it cleared
//	account               debit  credit  line
//	bank P                         7000
//	pending A              7000          payout_failure -7000
func PayoutFailed(p Payout, newID NewID) ledger.Entry {
	return payoutReturned("payout_failed", "payout_failure", p, newID)
}

// PayoutCanceled gives the money back to the available balance.
//
//	canceled
//	account               debit  credit  line
//	in_transit A           7000
//	available A                    7000  payout_cancel 7000
//
//	a debit canceled
//	account               debit  credit  line
//	in_transit A                   7000
//	pending A              7000          payout_cancel -7000
func PayoutCanceled(p Payout, newID NewID) ledger.Entry {
	return payoutReturned("payout_canceled", "payout_cancel", p, newID)
}

func payoutReturned(kind, line string, p Payout, newID NewID) ledger.Entry {
	d := p.open(kind, newID)
	if p.Paid {
		d.move(p.Platform, ledger.Bank, -p.Amount.Minor)
	} else {
		d.move(p.Account, ledger.InTransit, -p.Amount.Minor)
	}
	d.funds(p.Account, ledger.Line{Type: line, Amount: p.Amount.Minor, Source: p.ID,
		Description: p.Description}, false)
	return d.entry
}

// PayoutCut cuts a payout's last line in two where the payout takes only a
// part of it: what is held back belongs to this payout, what is released stays
// for the next. Amount is the remainder: negative where a debit takes only a part
// of what is owed.
//
//	remainder
//	account               debit  credit  line
//	available A             300          payout_minimum_balance_hold -300
//	available A                     300  payout_minimum_balance_release 300
//
//	all of a debit that has to clear
//	account               debit  credit  line
//	pending A              7000          payout_minimum_balance_hold -7000
//	pending A                      7000  payout_minimum_balance_release 7000
func PayoutCut(p Payout, newID NewID) ledger.Entry {
	d := p.open("payout_cut", newID)
	d.funds(p.Account, ledger.Line{Type: "payout_minimum_balance_hold", Amount: -p.Amount.Minor,
		Source: p.ID, Description: "Held back from the payout"}, false)
	d.funds(p.Account, ledger.Line{Type: "payout_minimum_balance_release", Amount: p.Amount.Minor,
		Source: p.ID, Description: "Left for the next payout"}, false)
	return d.entry
}
