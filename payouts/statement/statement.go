package statement

import (
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Kind is what a bank calls its report, which decides what must be in it.
type Kind string

// The kinds of reports.
const (
	Booked       Kind = "statement"    // a day or more that is over: balances, and all entries between them
	Intraday     Kind = "interim"      // what was booked so far
	Notification Kind = "notification" // single debits and credits
)

// Statement is what a bank says of one account over some time.
type Statement struct {
	Number   int    // 1, 2, … in the file
	ID       string // the bank's name for it, or ""
	Kind     Kind
	Account  secret.Text // its number or IBAN
	Currency money.Currency
	From, To time.Time // days, midnight UTC; zero if it does not say
	Opening  *Balance
	Closing  *Balance
	Lines    int // entries, without the parts of batches
	Pending  int // entries that are announced and not booked; they are not Lines
	// Checked says that opening balance and entries come to the closing balance. It is
	// false where a format has no balances to check, and never for a Booked statement in
	// a format that has them: that would be an error.
	Checked bool
}

// Balance is what was in the account at the end of a day.
type Balance struct {
	Minor int64
	On    time.Time
}

// Line is one entry, or one payment of an entry for many (Part).
type Line struct {
	Number     int    // of the entry, 1, 2, … in the statement; a part has that of its entry
	Part       int    // 1, 2, … of a payment inside an entry, which has its own line; else 0
	Parts      bool   // parts of this entry follow
	ExternalID string // the bank's own id of the entry, or ""
	Booked     time.Time
	Valued     time.Time
	// Amount is what it adds to the account; a debit is negative. A part's is in the
	// part's own currency, and zero if the bank does not say.
	Amount     money.Amount
	References References
	Code       string // bank transaction code as the format has it: PMNT/ICDT/ESCT, NTRF, 451
	Return     bool   // money that came back, or an entry that undoes one
	Reason     string // of a return, in the bank's words: AC04, R03
	// Remittance is text of others for others: never logged.
	Remittance secret.Text
}

// References tie a line to what was sent.
type References struct {
	EndToEnd string // what the payer called the payment
	Batch    string // the message or the payment group it was sent with
	Trace    string // what a clearing called it
	Bank     string // what the account's bank calls it
}

// Sink takes what a file says, in the order in which it stands there.
type Sink interface {
	// Begin opens a statement. Number, ID, Kind, Account and Currency are known.
	Begin(Statement) error
	// Line takes one line of the statement that is open.
	Line(Line) error
	// End closes it; everything is known.
	End(Statement) error
}

// Error is a file that cannot be vouched for. Its text has no content of the file.
type Error struct {
	Statement int // number of the statement, 0: the file
	Line      int // number of the entry, 0: the statement
	Problem   string
}

func (e *Error) Error() string {
	switch {
	case e.Statement == 0:
		return e.Problem
	case e.Line == 0:
		return fmt.Sprintf("statement %d: %s", e.Statement, e.Problem)
	}
	return fmt.Sprintf("statement %d, entry %d: %s", e.Statement, e.Line, e.Problem)
}

func problemf(format string, args ...any) *Error {
	return &Error{Problem: fmt.Sprintf(format, args...)}
}
