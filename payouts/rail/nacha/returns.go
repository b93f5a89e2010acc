package nacha

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moov-io/ach"
	"github.com/moov-io/base"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Notices is what a file from the network says.
type Notices struct {
	Reports []rail.Report // of returned entries
	// Changes are of entries that were paid although something in them is out of
	// date, which is to be mended within six bank days.
	Changes []rail.Report
}

// mostBytes bounds a file: a million returns.
const mostBytes = 256 << 20

// Read reads a file of returns and notifications of change. A file that is
// damaged, or that holds anything else, is refused whole: the library goes on
// after an error and hands out what it understood, which must not be acted upon.
func Read(r io.Reader) (Notices, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	switch {
	case err != nil:
		return Notices{}, fmt.Errorf("read ACH returns: %w", err)
	case len(raw) > mostBytes:
		return Notices{}, errors.New("read ACH returns: the file is too long")
	}
	file, err := ach.NewReader(bytes.NewReader(raw)).Read()
	if err != nil {
		return Notices{}, fmt.Errorf("read ACH returns: %w", where(err))
	}
	if err := file.Validate(); err != nil {
		return Notices{}, fmt.Errorf("read ACH returns: %w", unquoted(err))
	}
	at, err := time.Parse("060102", file.Header.FileCreationDate)
	if err != nil {
		return Notices{}, errors.New("read ACH returns: the file has no date")
	}
	if len(file.IATBatches) > 0 {
		return Notices{}, errors.New("read ACH returns: the file holds international entries")
	}
	var n Notices
	for _, batch := range file.Batches {
		if len(batch.GetADVEntries()) > 0 {
			return Notices{}, errors.New("read ACH returns: the file holds advices of accounting")
		}
		for _, entry := range batch.GetEntries() {
			if err := n.add(entry, at); err != nil {
				return Notices{}, fmt.Errorf("read ACH returns: line %d: %w", entry.LineNumber, err)
			}
		}
	}
	return n, nil
}

// Returns is Read for those who take both as they come.
func Returns(r io.Reader) ([]rail.Report, error) {
	n, err := Read(r)
	return append(n.Reports, n.Changes...), err
}

// add reads one entry. A contested return says that the return stands. A
// dishonored one says that our own bank has refused it: whether the money is
// back is then for people to find out.
func (n *Notices) add(e *ach.EntryDetail, at time.Time) error {
	switch {
	case e.Addenda99Contested != nil:
		n.returned(e, e.Addenda99Contested.OriginalEntryTraceNumberField(), e.Addenda99Contested.ContestedReturnCode, at)
	case e.Addenda99Dishonored != nil:
		return errors.New("it is a dishonored return")
	case e.Addenda99 != nil:
		n.returned(e, e.Addenda99.OriginalTraceField(), e.Addenda99.ReturnCode, at)
	case e.Addenda98 != nil:
		n.Changes = append(n.Changes, rail.Report{
			Trace: e.Addenda98.OriginalTraceField(), Reason: e.Addenda98.ChangeCode, BankTrace: e.TraceNumber, At: at,
			Change: corrected(e.Addenda98),
		})
	default:
		return errors.New("it is neither a return nor a notification of change")
	}
	return nil
}

// corrected is what a notification of change says instead: C01 to C07, a number, a
// routing number, a name, and the kind of account that a transaction code means.
func corrected(a *ach.Addenda98) *rail.Change {
	c := &rail.Change{Code: a.ChangeCode}
	data := a.ParseCorrectedData()
	if data == nil {
		return c
	}
	c.Routing, c.Number, c.Holder = data.RoutingNumber, secret.New(data.AccountNumber), data.Name
	switch data.TransactionCode / 10 {
	case 2:
		c.AccountType = "checking"
	case 3:
		c.AccountType = "savings"
	}
	return c
}

func (n *Notices) returned(e *ach.EntryDetail, trace, reason string, at time.Time) {
	n.Reports = append(n.Reports, rail.Report{
		Trace: trace, State: rail.Failed, Code: Code(reason), Reason: reason, BankTrace: e.TraceNumber,
		Amount: money.New(int64(e.Amount), "usd"), At: at,
	})
}

// Code is the failure code for a return reason, R01 to R85.
func Code(reason string) string {
	if code, ok := codes[reason]; ok {
		return code
	}
	return "could_not_process"
}

// codes lists the reasons that say something about the account. All others are
// about the file, the network, or kinds of entries we do not send.
var codes = map[string]string{
	"R01": "insufficient_funds",
	"R02": "account_closed",
	"R03": "no_account",
	"R04": "invalid_account_number",
	"R05": "debit_not_authorized", // a company's debit of a consumer
	"R07": "debit_not_authorized", // authorization revoked
	"R08": "debit_not_authorized", // payment stopped
	"R09": "insufficient_funds",   // uncollected funds
	"R10": "debit_not_authorized",
	"R11": "debit_not_authorized", // not as authorized
	"R12": "bank_ownership_changed",
	"R13": "no_account",              // the bank takes no such entries
	"R14": "bank_account_restricted", // the payee's representative has died
	"R15": "bank_account_restricted", // the holder has died
	"R16": "account_frozen",
	"R17": "invalid_account_number", // an invalid number, under questionable circumstances
	"R20": "bank_account_restricted",
	"R23": "declined",
	"R28": "no_account", // the routing number's check digit
	"R29": "debit_not_authorized",
	"R34": "bank_account_restricted", // the bank's own participation is limited
}

// where is the place that err complains about, without what it quotes from there.
func where(err error) error {
	var list base.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		err = list[0]
	}
	var at *base.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("line %d: the %s is not valid", at.Line, at.Record)
	}
	return errors.New("the file is not valid")
}
