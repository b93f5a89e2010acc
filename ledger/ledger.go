package ledger

import (
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// Kind is the role of a ledger account.
type Kind string

// The chart of accounts. Every account belongs to one owner in one mode;
// nothing is shared between platforms or modes.
const (
	// Pending is what an account has earned but cannot spend yet (liability).
	Pending Kind = "pending"
	// Available is what an account can transfer or pay out (liability).
	Available Kind = "available"
	// Reserved is the platform's money set aside for negative connected accounts (liability).
	Reserved Kind = "reserved"
	// Held is money of transfers on hold: the account's, but nobody may spend it yet (liability).
	Held Kind = "held"
	// InTransit is money on its way to a bank account (liability).
	InTransit Kind = "in_transit"
	// ProcessorClearing is what the processor owes the platform (asset).
	ProcessorClearing Kind = "processor_clearing"
	// ProcessorFees is what the processor keeps for its work (liability, settled by netting).
	ProcessorFees Kind = "processor_fees"
	// Bank is the platform's money at its bank (asset).
	Bank Kind = "bank"
)

// Asset reports whether accounts of the kind hold what the platform has, so that debits
// raise them; of all others they are what is owed.
func (k Kind) Asset() bool { return k == ProcessorClearing || k == Bank }

// Class is "asset" or "liability".
func (k Kind) Class() string {
	if k.Asset() {
		return "asset"
	}
	return "liability"
}

// Account names one ledger account; with a currency it names one row of totals.
type Account struct {
	Livemode bool
	Owner    string // acct_…: for processor and bank kinds the platform account
	Kind     Kind
}

// Side is where a posting stands.
type Side int8

const (
	// Debit is the left side.
	Debit Side = 1
	// Credit is the right side.
	Credit Side = -1
)

// Posting is one line of an entry.
type Posting struct {
	Account Account
	Side    Side
	Amount  money.Amount // never negative

	// MaturesOn is set on Pending postings: the UTC day on which the money becomes
	// available. If that day has already matured for the account, Post books the
	// line on the Available account of the same owner instead.
	MaturesOn time.Time
	// NoOverdraft refuses the entry if the account would owe less than zero afterwards.
	NoOverdraft bool
	// Line is the statement line (balance transaction) this posting makes, if the
	// account is Pending or Available. Its Net equals the posting (credit positive).
	Line *Line
}

// Line is one line of an account's statement: a balance transaction.
type Line struct {
	ID          string // txn_…
	Type        string // "charge", "transfer", … as in the Stripe API
	Amount      int64  // gross, signed: credit positive
	Fee         int64
	FeeDetails  []Fee
	Source      string // ch_…, tr_…, …
	Description string
}

// Fee is one part of a line's fee.
type Fee struct {
	Type        string `json:"type"` // "application_fee" or "stripe_fee" (the wire's name of the processing fee)
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Description string `json:"description"`
	Application string `json:"application"`
}

// Entry is a balanced whole: its postings sum to zero per currency.
type Entry struct {
	Kind     string // "charge_succeeded", … one per journal function
	Source   string // the object that caused it; (Kind, Source) is booked at most once
	At       time.Time
	Postings []Posting
}

// Result is what became of one entry of a batch.
type Result struct {
	EntryID int64
	Err     error // a fault.Error with code balance_insufficient, or nil
	// Pending tells for each posting whether it landed on a Pending account.
	Pending []bool
}
