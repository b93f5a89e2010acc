package rail

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Filed is a rail whose bank takes many instructions as one file and answers in
// files of its own, hours later. File puts one together.
type Filed interface {
	Rail
	Format
	Delivery
	// Terms is what was agreed with the bank; it asks nobody.
	Terms() Terms
}

// Terms is what an operator has agreed with a bank about files.
type Terms struct {
	Debtor Debtor
	// Most is how many instructions one file takes; zero is DefaultMost.
	Most int
	// Gather is how long payouts wait for others before their file is sealed; it
	// never makes them miss a cut-off.
	Gather time.Duration
}

// DefaultMost is how many instructions a file takes where nobody says otherwise.
const DefaultMost = 10_000

// File is a Filed rail made of its parts.
type File struct {
	Way       Capabilities
	Agreement Terms
	Format
	Delivery
}

// Capabilities is the rail's.
func (f File) Capabilities() Capabilities { return f.Way }

// Terms is the agreement.
func (f File) Terms() Terms { return f.Agreement }

// Format writes files that a bank reads. Debits and credits never meet in one
// file, nor do instant and ordinary instructions.
type Format interface {
	// Check refuses what the file could not carry, before the payout is sealed: the
	// payout fails, and its destination waits to be mended. The error is shown to
	// the owner of the account: it tells what to mend and never shows bank details.
	// A *Misfit says with which code the payout fails.
	Check(i Instruction) error
	// Write streams the file of a batch. The same batch gives the same bytes.
	Write(w io.Writer, b Batch) error
	// FileName is the name the file is delivered under, the same for the same
	// batch, and no other batch's. It holds no path.
	FileName(b Batch) string
	// Trace is the reference that the n-th instruction (from 0) carries beside
	// its own where that does not fit, or "". A bank's answer may know only it.
	Trace(b Batch, n int) string
}

// Misfit is why a file cannot carry an instruction.
type Misfit struct {
	Code   string // one of Codes; "" is could_not_process
	Reason string // a sentence that tells what to mend
}

func (m *Misfit) Error() string { return m.Reason }

// Batch is what one file says. It is sealed: nothing in it ever changes.
type Batch struct {
	ID        string // bat_…, the file's message id
	Number    int64  // 1, 2, …: of the rail in its mode, without gaps
	CreatedAt time.Time
	ExecuteOn time.Time // midnight UTC of the bank's day
	Currency  money.Currency
	Debit     bool // all of them take money; else all pay
	Instant   bool // all of them are instant; else none is
	Debtor    Debtor
	Count     int
	Total     int64 // minor units
	// Instructions lists the same instructions in the same order each time. It may
	// be ranged over more than once, and by one reader at a time.
	Instructions iter.Seq2[Instruction, error]
}

// Debtor is whose bank account pays, and whose takes what is debited.
type Debtor struct {
	Name    string
	ID      string // what the bank calls its customer
	Routing string // bank or branch code, or BIC
	Number  secret.Text
	Address Address
}

// Delivery brings files to the bank. All calls go over a network or to a disk:
// they refuse to run inside a transaction.
type Delivery interface {
	// Deliver puts a file down under a name. Putting the same bytes down twice
	// under one name leaves one file; a file of that name with other bytes is
	// never replaced. What write fails with comes back as the Err of Failed: no
	// file is left. An error with no certain outcome is Unknown.
	Deliver(ctx context.Context, name string, write func(io.Writer) error) Receipt
	// Find tells whether a file of that name has arrived: Accepted, Absent (it
	// certainly has not), or Unknown.
	Find(ctx context.Context, name string) Receipt
	// Collect lists the bank's files that are there, oldest first; a file stays
	// until it is taken.
	Collect(ctx context.Context) ([]Answer, error)
}

// Receipt is what is known of a delivered file.
type Receipt struct {
	State State  // Accepted, Failed (certainly not there), Absent or Unknown
	Note  string // the receiver's own reference, or ""
	Err   error
}

// Answer is a file from the bank.
type Answer struct {
	Name string
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Taken says that the file has been kept and need not be offered again.
	Taken func(ctx context.Context) error
}

// Report is what a bank's file says about one instruction, or about a whole batch.
type Report struct {
	Reference string       // of the instruction; or else
	Trace     string       // what Format.Trace gave it; or else
	Batch     string       // bat_…: all of the batch that is not reported by itself
	State     State        // Accepted, Paid or Failed
	Code      string       // of Failed: one of Codes
	Reason    string       // the bank's own code, such as R03 or AC04
	BankTrace string       // the bank's own reference, or ""
	Amount    money.Amount // zero if the file does not say; of a batch, the sum
	At        time.Time    // the bank's date
	// RecallRefused says that the bank will not call the instruction back; State is
	// Unknown if the file says nothing else of it.
	RecallRefused bool
	// Change is what the bank says is out of date in the bank account; State is
	// Unknown then. nil: nothing.
	Change *Change
}

// Change is what a bank that has paid says is to be mended before the next
// instruction. It moves no money, and is taken over by people: who can send one
// could redirect payouts. What is empty stays as it is; a change that says nothing
// must be made by hand.
type Change struct {
	Code        string // the bank's own, C01 to C14 in the ACH network
	Routing     string
	Number      secret.Text
	Holder      string
	AccountType string // "checking" or "savings"
}
