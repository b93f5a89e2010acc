package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Transfer moves money from the platform's balance to a connected account's.
type Transfer struct {
	ID          string // tr_…
	Payment     string // py_…
	Livemode    bool
	Platform    string
	Destination string
	Amount      money.Amount
	Description string
	At          time.Time
	// SourceCharge says that the transfer draws on one charge (source_transaction):
	// it may move money that has not come yet, so it has no floor, and it matures
	// with the charge on MaturesOn (zero if the charge was available at once).
	SourceCharge bool
	MaturesOn    time.Time
}

// TransferCreated books a transfer made apart from a charge.
//
//	from the available balance
//	account               debit  credit  line
//	available P            5000          transfer -5000 floor
//	available C                    5000  payment 5000
//
//	tied to a charge
//	account               debit  credit  line
//	pending P              5000          transfer -5000
//	pending C                      5000  payment 5000
func TransferCreated(t Transfer, newID NewID) ledger.Entry {
	d := open("transfer_created", t.ID, t.At, t.Livemode, t.Amount.Currency, newID)
	if t.SourceCharge {
		d.day = t.MaturesOn
	}
	d.funds(t.Platform, ledger.Line{Type: "transfer", Amount: -t.Amount.Minor, Source: t.ID,
		Description: t.Description}, !t.SourceCharge)
	d.funds(t.Destination, ledger.Line{Type: "payment", Amount: t.Amount.Minor, Source: t.Payment,
		Description: t.Description}, false)
	return d.entry
}

// Reversal pulls a transfer back by hand.
type Reversal struct {
	Unwound
	Livemode  bool
	Platform  string
	Currency  money.Currency
	At        time.Time
	MaturesOn time.Time  // the day of the transfer's charge; zero if it drew on the available balance
	Fee       *FeeReturn // refund_application_fee, or nil
	Overdraft bool       // the destination may be left owing
	// Released is how much of it was on hold: that is set free first, and what it
	// covers goes back even from an account that owes.
	Released int64
	Payment  string // py_…, with Released
}

// TransferReversed books a reversal; the destination must have the money, unless
// it may be left owing.
//
//	from the available balance
//	account               debit  credit  line
//	available C            2000          payment_refund -2000 floor
//	available P                    2000  transfer_refund 2000
//
//	tied to a charge, fee returned
//	account               debit  credit  line
//	pending C              2000          payment_refund -2000 floor
//	pending P                      2000  transfer_refund 2000
//	pending P               200          application_fee_refund -200
//	pending C                       200  application_fee_refund 200
//
//	whatever is there
//	account               debit  credit  line
//	available C            2000          payment_refund -2000
//	available P                    2000  transfer_refund 2000
//
//	on hold
//	account               debit  credit  line
//	held C                 2000
//	available C                    2000  reserve_release 2000
//	available C            2000          payment_refund -2000
//	available P                    2000  transfer_refund 2000
//
//	on hold in part
//	account               debit  credit  line
//	held C                 1500
//	available C                    1500  reserve_release 1500
//	available C            2000          payment_refund -2000 floor
//	available P                    2000  transfer_refund 2000
func TransferReversed(r Reversal, newID NewID) ledger.Entry {
	d := open("transfer_reversed", r.Unwound.Reversal, r.At, r.Livemode, r.Currency, newID)
	d.day = r.MaturesOn
	if r.Released > 0 {
		d.release(r.Destination, r.Payment, r.Released)
	}
	d.unwind(r.Platform, r.Unwound, !r.Overdraft && r.Released < r.Amount)
	if r.Fee != nil {
		d.feeReturn(r.Platform, *r.Fee)
	}
	return d.entry
}
