package journal

import (
	"fmt"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Maturity is everything of one purse that has become available by a day.
type Maturity struct {
	Livemode bool
	Account  string
	Amount   money.Amount // negative if more was refunded than earned
	Day      time.Time    // the last day included; names the entry
	At       time.Time
}

// Matured moves what is due from pending to available, in one entry however
// many charges it came from. Lines change their status with it, so it
// makes none of its own.
//
//	earned
//	account               debit  credit  line
//	pending A              9660
//	available A                    9660
//
//	more refunded than earned
//	account               debit  credit  line
//	pending A                       340
//	available A             340
func Matured(m Maturity) ledger.Entry {
	source := fmt.Sprintf("%s/%s/%s", m.Account, m.Amount.Currency, m.Day.UTC().Format(time.DateOnly))
	if m.Livemode {
		source += "/live"
	}
	d := open("matured", source, m.At, m.Livemode, m.Amount.Currency, nil)
	// A sum of amounts may exceed what one posting holds: it moves in parts.
	for left := m.Amount.Minor; left != 0; {
		part := max(-money.MaxMinor, min(left, money.MaxMinor))
		d.move(m.Account, ledger.Pending, -part)
		d.move(m.Account, ledger.Available, part)
		left -= part
	}
	return d.entry
}

// Reserve moves the platform's money in or out of the reserve that covers
// negative balances of its connected accounts.
type Reserve struct {
	ID       string // names this movement
	Livemode bool
	Platform string
	Amount   money.Amount // positive: set aside; negative: released
	At       time.Time
}

// ReserveMoved books a movement of the reserve. It has no floor: the reserve
// must be full even if that leaves the platform owing.
//
//	set aside
//	account               debit  credit  line
//	available P             500          reserve_transaction -500
//	reserved P                      500
//
//	released
//	account               debit  credit  line
//	available P                     500  reserve_transaction 500
//	reserved P              500
func ReserveMoved(r Reserve, newID NewID) ledger.Entry {
	d := open("reserve_moved", r.ID, r.At, r.Livemode, r.Amount.Currency, newID)
	d.funds(r.Platform, ledger.Line{Type: "reserve_transaction", Amount: -r.Amount.Minor, Source: r.ID,
		Description: "Reserve for negative balances"}, false)
	d.move(r.Platform, ledger.Reserved, r.Amount.Minor)
	return d.entry
}

// Collection ends what an account has owed for too long: its platform pays.
type Collection struct {
	ID       string // cct_…
	Livemode bool
	Platform string
	Debtor   string
	Amount   money.Amount // what is owed
	Reserved int64        // how much of it the reserve holds
	At       time.Time
}

// DebtCollected zeroes the debtor's balance with the platform's money, which is
// that of the reserve as far as it is full. It has no floor.
//
//	from the reserve
//	account               debit  credit  line
//	reserved P              500
//	available P                     500  reserve_transaction 500
//	available P             500          connect_collection_transfer -500
//	available C                     500  connect_collection_transfer 500
//
//	the reserve is not full yet
//	account               debit  credit  line
//	available P             500          connect_collection_transfer -500
//	available C                     500  connect_collection_transfer 500
func DebtCollected(c Collection, newID NewID) ledger.Entry {
	d := open("debt_collected", c.ID, c.At, c.Livemode, c.Amount.Currency, newID)
	if c.Reserved > 0 {
		d.move(c.Platform, ledger.Reserved, -c.Reserved)
		d.funds(c.Platform, ledger.Line{Type: "reserve_transaction", Amount: c.Reserved, Source: c.ID,
			Description: "Released from the reserve"}, false)
	}
	d.funds(c.Platform, ledger.Line{Type: "connect_collection_transfer", Amount: -c.Amount.Minor, Source: c.ID,
		Description: "Paid for an account that has owed for too long"}, false)
	d.funds(c.Debtor, ledger.Line{Type: "connect_collection_transfer", Amount: c.Amount.Minor, Source: c.ID,
		Description: "Balance settled by the platform"}, false)
	return d.entry
}

// Topup is money the platform has sent to its own balance.
type Topup struct {
	ID          string // tu_…
	Livemode    bool
	Platform    string
	Amount      money.Amount
	Description string
	At          time.Time
}

// TopupSucceeded books a top-up that has arrived at the bank.
//
//	arrived
//	account               debit  credit  line
//	bank P                 2000
//	available P                    2000  topup 2000
func TopupSucceeded(t Topup, newID NewID) ledger.Entry {
	d := open("topup_succeeded", t.ID, t.At, t.Livemode, t.Amount.Currency, newID)
	d.move(t.Platform, ledger.Bank, -t.Amount.Minor)
	d.funds(t.Platform, ledger.Line{Type: "topup", Amount: t.Amount.Minor, Source: t.ID,
		Description: t.Description}, false)
	return d.entry
}
