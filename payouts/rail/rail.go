// Package rail is the way out: what a bank must offer so that payouts can go
// over it, and nothing about how. Conformance is tested by package railtest.
package rail

import (
	"context"
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Rail is a way to a bank: a Direct one, or a Filed one.
type Rail interface {
	// Capabilities is data about the rail; it asks nobody.
	Capabilities() Capabilities
}

// Direct hands instructions over one by one and asks what became of them.
//
// Both calls go over a network: they refuse to run inside a transaction, and an
// answer that does not come is Unknown, never Failed.
type Direct interface {
	Rail
	// Submit hands an instruction over. The reference makes it idempotent: told
	// twice, the bank pays once and answers what it knows of the first.
	Submit(ctx context.Context, i Instruction) Result
	// Lookup asks what became of an instruction.
	Lookup(ctx context.Context, q Query) Result
}

// Recaller is a rail that carries the wish to call an instruction back, if its
// Capabilities say Recalls. The bank's answer comes with a Lookup or in a file:
// Failed means that the money is back, RecallRefused that it is not coming.
type Recaller interface {
	// Recall asks the bank; asking twice is harmless. Accepted means that it has
	// heard. It refuses to run inside a transaction.
	Recall(ctx context.Context, q Query) Result
}

// Modes holds the rails of each mode, the preferred ones first; none is a mode
// that cannot pay out.
type Modes struct {
	Live Set
	Test Set
}

// For is the rails of a mode.
func (m Modes) For(livemode bool) Set {
	if livemode {
		return m.Live
	}
	return m.Test
}

// Set is rails in order of preference.
type Set []Rail

// Find is the first rail that takes such a payout.
func (s Set) Find(u Use) (Rail, bool) {
	for _, r := range s {
		if r.Capabilities().Takes(u) {
			return r, true
		}
	}
	return nil, false
}

// Named is the rail with a name.
func (s Set) Named(name string) (Rail, bool) {
	for _, r := range s {
		if r.Capabilities().Name == name {
			return r, true
		}
	}
	return nil, false
}

// Use is what a payout needs of a rail.
type Use struct {
	Currency money.Currency
	Country  string // of the bank account, ISO 3166 alpha-2
	Instant  bool
	Debit    bool // the money is taken from the account
}

// Instruction tells the bank to pay somebody once.
type Instruction struct {
	Reference string       // end-to-end id, up to 35 characters; one per payout, never used again
	Amount    money.Amount // positive, also of a debit
	Creditor  Creditor
	Debit     bool // take the money from the creditor, for what he owes
	Instant   bool
	Statement string // what the creditor's statement shows
	ExecuteOn time.Time
	At        time.Time // business time of the hand-over
}

// Creditor is who is paid.
type Creditor struct {
	Name    string
	Country string // ISO 3166 alpha-2
	Routing string // bank, branch or sort code; "" with an IBAN
	Number  secret.Text
	Proxy   ProxyKind // what Number is, if it is not the number of an account

	HolderType  string // "individual", "company" or ""
	AccountType string // "checking", "savings" or ""
	Address     Address
}

// ProxyKind is what stands for an account at the Faster Payment System.
type ProxyKind string

// The proxies of HKICL's FPS; NoProxy is an account number.
const (
	NoProxy ProxyKind = ""
	FPSID   ProxyKind = "fps_id"
	Mobile  ProxyKind = "mobile" // +852-61234567
	Email   ProxyKind = "email"
)

// Address is where somebody lives, in the parts that ISO 20022 wants.
type Address struct {
	Line1, Line2, Town, Postcode, State string
	Country                             string // ISO 3166 alpha-2
}

// Query asks for one instruction. At is business time: a sandbox bank lives by
// it, a real one by its own.
type Query struct {
	Reference string
	At        time.Time
}

// State is what the bank says about an instruction.
type State int8

const (
	// Unknown is no answer, or one that cannot be understood: ask again, send nothing.
	Unknown State = iota
	// Absent means that the bank certainly has no such instruction.
	Absent
	// Accepted means that the bank will pay.
	Accepted
	// Paid means that the money has left.
	Paid
	// Failed means that it will not be paid, or that it was paid and came back.
	Failed
)

func (s State) String() string {
	return [...]string{"unknown", "absent", "accepted", "paid", "failed"}[s]
}

// Result is the bank's answer.
type Result struct {
	State State
	Code  string // of Failed: one of Codes
	Trace string // the bank's own reference, if it gave one
	Err   error  // of Unknown: why, for the log
	// RecallRefused says that the bank will not call the instruction back.
	RecallRefused bool
}

// Capabilities is what may be asked of a rail.
type Capabilities struct {
	Name string // unique in a mode; kept with each payout
	// Steps holds, in minor units, what amounts must be multiples of where it is
	// not one: whole units for HUF and TWD.
	Steps map[money.Currency]int64
	// Most is the largest amount of one instruction, in minor units; a currency
	// that is not listed has no limit of the rail's own.
	Most       map[money.Currency]int64
	Currencies []money.Currency // nil: all
	Countries  []string         // of the receiving bank; nil: all
	Instant    bool             // pays within minutes, at any hour
	Debits     bool             // may also take money from the account
	Recalls    bool             // an instruction can be called back after the hand-over
	Calendar   string           // the bank days of package calendar; "" is every day
	// CutOff is the local time in Zone from which an instruction counts for the
	// next bank day, as an offset from midnight; zero: none.
	CutOff time.Duration
	Zone   string // IANA name; "" is UTC
}

// Step is what amounts in c must be a multiple of, in minor units.
func (c Capabilities) Step(currency money.Currency) int64 {
	return max(1, c.Steps[currency])
}

// Takes reports whether a payout can go over the rail.
func (c Capabilities) Takes(u Use) bool {
	return (c.Currencies == nil || slices.Contains(c.Currencies, u.Currency)) &&
		(c.Countries == nil || slices.Contains(c.Countries, u.Country)) &&
		(c.Instant || !u.Instant) && (c.Debits || !u.Debit)
}

// Duplicate reports whether a bank's own reason says that it has had the
// instruction, or the file, before. That is no failure of the first one: who took it
// for one would pay twice.
func Duplicate(reason string) bool {
	switch reason {
	case "AM05", "DU01", "DU02", "DU03", "DU04", "DU05", "DUPL":
		return true
	}
	return false
}

// Codes explains the failure codes a payout can show.
var Codes = map[string]string{
	"account_closed":                   "The bank account has been closed.",
	"account_frozen":                   "The bank account has been frozen.",
	"bank_account_restricted":          "The bank account has restrictions on either the type, or the number, of payouts allowed.",
	"bank_ownership_changed":           "The destination bank account is no longer valid because its branch has changed ownership.",
	"could_not_process":                "The bank could not process this payout.",
	"debit_not_authorized":             "Debit transactions are not approved on the bank account.",
	"declined":                         "The bank has declined this payout.",
	"insufficient_funds":               "The account the payout was to be paid from did not have the funds.",
	"invalid_account_number":           "The routing number seems correct, but the account number is invalid.",
	"incorrect_account_holder_name":    "The account holder name on file does not match the bank's.",
	"incorrect_account_holder_address": "The account holder address on file does not match the bank's.",
	"incorrect_account_holder_tax_id":  "The account holder tax id on file does not match the bank's.",
	"invalid_currency":                 "The bank was unable to process this payout because of its currency.",
	"no_account":                       "The bank account could not be located.",
	"unsupported_card":                 "The card does not take payouts.",
}
