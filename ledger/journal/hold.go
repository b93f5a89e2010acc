package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Hold is money of a transfer that is set aside on the account that received
// it, or set free again. Where the transfer's money lies, pending until its
// charge's day or available, there it is taken from and there it goes back.
type Hold struct {
	ID        string // names this movement: a transfer may be held and released again and again
	Payment   string // py_…, the transfer as its receiver sees it
	Livemode  bool
	Account   string // who received the transfer
	Amount    money.Amount
	At        time.Time
	MaturesOn time.Time // the day of the transfer's charge; zero if it was available at once
	// Arriving says that the money comes with the transfer in the same transaction.
	// Money that came earlier must still be there.
	Arriving bool
}

// TransferHeld sets money of a transfer aside.
//
//	with the transfer
//	account               debit  credit  line
//	available C            5000          reserve_hold -5000
//	held C                         5000
//
//	later
//	account               debit  credit  line
//	available C            5000          reserve_hold -5000 floor
//	held C                         5000
//
//	tied to a charge
//	account               debit  credit  line
//	pending C              5000          reserve_hold -5000
//	held C                         5000
func TransferHeld(h Hold, newID NewID) ledger.Entry {
	d := open("transfer_held", h.ID, h.At, h.Livemode, h.Amount.Currency, newID)
	d.day = h.MaturesOn
	d.funds(h.Account, ledger.Line{Type: "reserve_hold", Amount: -h.Amount.Minor, Source: h.Payment,
		Description: "Transfer on hold"}, !h.Arriving)
	d.move(h.Account, ledger.Held, h.Amount.Minor)
	return d.entry
}

// TransferReleased sets it free. Before a refund takes a leg on hold back it comes
// first, so that the money on hold is what goes back.
//
//	released
//	account               debit  credit  line
//	held C                 5000
//	available C                    5000  reserve_release 5000
//
//	tied to a charge whose day has not come
//	account               debit  credit  line
//	held C                 5000
//	pending C                      5000  reserve_release 5000
func TransferReleased(h Hold, newID NewID) ledger.Entry {
	d := open("transfer_released", h.ID, h.At, h.Livemode, h.Amount.Currency, newID)
	d.day = h.MaturesOn
	d.release(h.Account, h.Payment, h.Amount.Minor)
	return d.entry
}

func (d *draft) release(account, payment string, amount int64) {
	d.move(account, ledger.Held, -amount)
	d.funds(account, ledger.Line{Type: "reserve_release", Amount: amount, Source: payment,
		Description: "Transfer released"}, false)
}
