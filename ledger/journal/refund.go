package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Refund gives money of a charge back to the payer, and may pull back what the
// charge had moved on. Every side is booked on the charge's day, so that money
// not yet matured is taken from where it lies.
type Refund struct {
	ID        string // re_…
	Livemode  bool
	Owner     string // on whose account the charge lives
	Platform  string
	Amount    money.Amount
	At        time.Time
	MaturesOn time.Time // the charge's day; zero if it was available at once

	Unwound []Unwound   // reverse_transfer: the part of each leg that comes back
	Fees    []FeeReturn // refund_application_fee: the part of each fee that goes back
}

// Unwound is the part of a transfer that comes back to the platform.
type Unwound struct {
	Reversal      string // trr_…
	PaymentRefund string // pyr_…, how the receiver of the transfer sees it
	Destination   string // the account that had received the transfer
	Amount        int64
}

// FeeReturn is the part of an application fee that the platform gives back.
type FeeReturn struct {
	ID      string // fr_…
	Account string // who had paid the fee
	Amount  int64
}

// Refunded books a refund. It has no floor: a refund may leave an account
// owing. The processing fee is not returned.
//
//	platform charge
//	account               debit  credit  line
//	processor_clearing P           4000
//	pending P              4000          refund -4000
//
//	available at once
//	account               debit  credit  line
//	processor_clearing P           4000
//	available P            4000          refund -4000
//
//	direct with application fee returned
//	account               debit  credit  line
//	processor_clearing P           4000
//	pending C              4000          refund -4000
//	pending P               400          application_fee_refund -400
//	pending C                       400  application_fee_refund 400
//
//	destination with transfer reversed and fee returned
//	account               debit  credit  line
//	processor_clearing P           4000
//	pending P              4000          refund -4000
//	pending C              4000          payment_refund -4000
//	pending P                      4000  transfer_refund 4000
//	pending P               400          application_fee_refund -400
//	pending C                       400  application_fee_refund 400
//
//	splits unwound
//	account               debit  credit  line
//	processor_clearing P           4000
//	pending P              4000          refund -4000
//	pending C1             2400          payment_refund -2400
//	pending P                      2400  transfer_refund 2400
//	pending C2             1200          payment_refund -1200
//	pending P                      1200  transfer_refund 1200
func Refunded(r Refund, newID NewID) ledger.Entry {
	d := open("refunded", r.ID, r.At, r.Livemode, r.Amount.Currency, newID)
	d.day = r.MaturesOn
	d.move(r.Platform, ledger.ProcessorClearing, r.Amount.Minor)
	d.funds(r.Owner, ledger.Line{Type: "refund", Amount: -r.Amount.Minor, Source: r.ID,
		Description: "Refund"}, false)
	for _, u := range r.Unwound {
		d.unwind(r.Platform, u, false)
	}
	for _, f := range r.Fees {
		d.feeReturn(r.Platform, f)
	}
	return d.entry
}

// FailedRefund is a booked refund whose money the payer's bank sent back.
type FailedRefund struct {
	ID        string // re_…
	Livemode  bool
	Owner     string // on whose account the charge lives
	Platform  string
	Amount    money.Amount
	At        time.Time
	MaturesOn time.Time // the charge's day; zero if it was available at once
}

// RefundFailed books the money of a failed refund back to the account that had
// paid it. Transfers and fees that came back with the refund stay where they
// are: who moved on may move them again.
//
//	on the charge's day
//	account               debit  credit  line
//	processor_clearing P   4000
//	pending A                      4000  refund_failure 4000
//
//	available at once
//	account               debit  credit  line
//	processor_clearing P   4000
//	available A                    4000  refund_failure 4000
func RefundFailed(f FailedRefund, newID NewID) ledger.Entry {
	d := open("refund_failed", f.ID, f.At, f.Livemode, f.Amount.Currency, newID)
	d.day = f.MaturesOn
	d.move(f.Platform, ledger.ProcessorClearing, -f.Amount.Minor)
	d.funds(f.Owner, ledger.Line{Type: "refund_failure", Amount: f.Amount.Minor, Source: f.ID,
		Description: "Refund failed"}, false)
	return d.entry
}

// FeeRefund gives back an application fee, or a part of it, by itself.
type FeeRefund struct {
	FeeReturn
	Livemode  bool
	Platform  string
	Currency  money.Currency
	At        time.Time
	MaturesOn time.Time // the day of the fee's charge; zero if it was available at once
}

// ApplicationFeeRefunded books a fee given back by hand.
//
//	on the charge's day
//	account               debit  credit  line
//	pending P               400          application_fee_refund -400
//	pending C                       400  application_fee_refund 400
func ApplicationFeeRefunded(f FeeRefund, newID NewID) ledger.Entry {
	d := open("application_fee_refunded", f.ID, f.At, f.Livemode, f.Currency, newID)
	d.day = f.MaturesOn
	d.feeReturn(f.Platform, f.FeeReturn)
	return d.entry
}

func (d *draft) unwind(platform string, u Unwound, floor bool) {
	d.funds(u.Destination, ledger.Line{Type: "payment_refund", Amount: -u.Amount, Source: u.PaymentRefund,
		Description: "Transfer reversed"}, floor)
	d.funds(platform, ledger.Line{Type: "transfer_refund", Amount: u.Amount, Source: u.Reversal,
		Description: "Transfer reversed"}, false)
}

func (d *draft) feeReturn(platform string, f FeeReturn) {
	d.funds(platform, ledger.Line{Type: "application_fee_refund", Amount: -f.Amount, Source: f.ID,
		Description: "Application fee returned"}, false)
	d.funds(f.Account, ledger.Line{Type: "application_fee_refund", Amount: f.Amount, Source: f.ID,
		Description: "Application fee returned"}, false)
}
