package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Payout is money on its way from an account's balance to its bank.
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
}

// PayoutCreated takes the money from the available balance.
//
//	payout
//	account               debit  credit  line
//	available A            7000          payout -7000 floor
//	in_transit A                   7000
func PayoutCreated(p Payout, newID NewID) ledger.Entry {
	d := open("payout_created", p.ID, p.At, p.Livemode, p.Amount.Currency, newID)
	d.funds(p.Account, ledger.Line{Type: "payout", Amount: -p.Amount.Minor, Source: p.ID,
		Description: p.Description}, true)
	d.move(p.Account, ledger.InTransit, p.Amount.Minor)
	return d.entry
}

// PayoutPaid books that the bank account has paid.
//
//	paid
//	account               debit  credit  line
//	in_transit A           7000
//	bank P                         7000
func PayoutPaid(p Payout) ledger.Entry {
	d := open("payout_paid", p.ID, p.At, p.Livemode, p.Amount.Currency, nil)
	d.move(p.Account, ledger.InTransit, -p.Amount.Minor)
	d.move(p.Platform, ledger.Bank, p.Amount.Minor)
	return d.entry
}

// PayoutFailed gives the money back to the available balance.
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
func PayoutFailed(p Payout, newID NewID) ledger.Entry {
	return payoutReturned("payout_failed", "payout_failure", p, newID)
}

// PayoutCanceled gives the money back to the available balance.
//
//	canceled
//	account               debit  credit  line
//	in_transit A           7000
//	available A                    7000  payout_cancel 7000
func PayoutCanceled(p Payout, newID NewID) ledger.Entry {
	return payoutReturned("payout_canceled", "payout_cancel", p, newID)
}

func payoutReturned(kind, line string, p Payout, newID NewID) ledger.Entry {
	d := open(kind, p.ID, p.At, p.Livemode, p.Amount.Currency, newID)
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
// for the next. Amount is the remainder.
//
//	remainder
//	account               debit  credit  line
//	available A             300          payout_minimum_balance_hold -300
//	available A                     300  payout_minimum_balance_release 300
func PayoutCut(p Payout, newID NewID) ledger.Entry {
	d := open("payout_cut", p.ID, p.At, p.Livemode, p.Amount.Currency, newID)
	d.funds(p.Account, ledger.Line{Type: "payout_minimum_balance_hold", Amount: -p.Amount.Minor,
		Source: p.ID, Description: "Held back from the payout"}, false)
	d.funds(p.Account, ledger.Line{Type: "payout_minimum_balance_release", Amount: p.Amount.Minor,
		Source: p.ID, Description: "Left for the next payout"}, false)
	return d.entry
}
