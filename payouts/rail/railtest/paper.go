package railtest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// Paper is the plainest format that a bank of tests can read: a line about the
// batch, and one for each instruction. It asks for a town in the address of those
// whose address is given, as ISO 20022 does.
type Paper struct {
	// Traced leaves the reference out of the file: answers know only the trace.
	Traced bool
}

// Check refuses an address without a town.
func (p Paper) Check(i rail.Instruction) error {
	if i.Creditor.Address.Line1 != "" && i.Creditor.Address.Town == "" {
		return &rail.Misfit{Code: "incorrect_account_holder_address", Reason: "The address of the account holder lacks the town."}
	}
	return nil
}

// Write writes the lines.
func (p Paper) Write(w io.Writer, b rail.Batch) error {
	lines := bufio.NewWriter(w)
	fmt.Fprintf(lines, "batch|%s|%d|%s|%s|%t|%t|%s|%d|%d\n", b.ID, b.Number, b.ExecuteOn.Format(time.DateOnly), b.Currency, b.Debit, b.Instant,
		b.Debtor.Number.Reveal(), b.Count, b.Total)
	n := 0
	for i, err := range b.Instructions {
		if err != nil {
			return err
		}
		name := i.Reference
		if p.Traced {
			name = p.Trace(b, n)
		}
		fmt.Fprintf(lines, "pay|%s|%d|%s|%s\n", name, i.Amount.Minor, i.Creditor.Name, i.Creditor.Number.Reveal())
		n++
	}
	return lines.Flush()
}

// FileName is the number, on paper.
func (p Paper) FileName(b rail.Batch) string { return fmt.Sprintf("%06d-%s.paper", b.Number, b.ID) }

// Trace is the batch's number and the line.
func (p Paper) Trace(b rail.Batch, n int) string {
	if !p.Traced {
		return ""
	}
	return fmt.Sprintf("%06d%07d", b.Number, n+1)
}

// ReadAnswer reads what a Clerk answers.
func ReadAnswer(r io.Reader) (reports []rail.Report, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		report, err := readLine(strings.Split(lines.Text(), "|"))
		if err != nil {
			return nil, fmt.Errorf("answer line %d: %w", len(reports)+1, err)
		}
		reports = append(reports, report)
	}
	return reports, lines.Err()
}

// readLine reads "batch|bat_…|accepted", "batch|bat_…|failed|code|reason" or
// "reference|po_…|paid|code|reason|amount|currency".
func readLine(cells []string) (r rail.Report, err error) {
	if len(cells) != 7 {
		return r, fmt.Errorf("%d cells", len(cells))
	}
	switch cells[0] {
	case "batch":
		r.Batch = cells[1]
	case "reference":
		r.Reference = cells[1]
	case "trace":
		r.Trace = cells[1]
	}
	states := map[string]rail.State{"accepted": rail.Accepted, "paid": rail.Paid, "failed": rail.Failed}
	r.State, r.Code, r.Reason = states[cells[2]], cells[3], cells[4]
	if cells[5] != "" {
		r.Amount.Currency = money.Currency(cells[6])
		r.Amount.Minor, err = strconv.ParseInt(cells[5], 10, 64)
	}
	return r, err
}
