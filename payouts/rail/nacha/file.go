package nacha

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/moov-io/ach"

	"github.com/sluicepay/sluice/payouts/rail"
)

// Write writes the file of a batch. It holds the entries as text until all are
// known: the header of a batch says whether there are debits among them.
func (f *Format) Write(w io.Writer, b rail.Batch) error {
	if err := f.checkBatch(b); err != nil {
		return err
	}
	sheets, err := f.sheets(b)
	if err != nil {
		return err
	}
	out := &lines{w: bufio.NewWriter(w)}
	if err := out.put(f.header(b)); err != nil {
		return err
	}
	sum := ach.NewFileControl()
	for _, s := range sheets {
		if s.entries == 0 {
			continue
		}
		sum.BatchCount++
		if err := f.putSheet(out, b, s, sum.BatchCount); err != nil {
			return err
		}
		sum.EntryAddendaCount += s.records
		sum.EntryHash += s.hash
		sum.TotalDebitEntryDollarAmountInFile += s.debits
		sum.TotalCreditEntryDollarAmountInFile += s.credits
	}
	sum.EntryHash %= hashLimit
	sum.BlockCount = (out.n + 1 + 9) / 10
	if err := out.line(sum.String()); err != nil {
		return err
	}
	return out.fill()
}

// checkBatch refuses what no file could say, before a byte of it is written.
func (f *Format) checkBatch(b rail.Batch) error {
	switch {
	case !validRouting(b.Debtor.Routing):
		return errors.New("nacha: the debtor's bank is not a routing number")
	case b.Debtor.ID == "" || len(b.Debtor.ID) > 10 || plain(b.Debtor.ID, 10) != b.Debtor.ID:
		return errors.New("nacha: the debtor's company identification must have 1 to 10 characters")
	case plain(b.Debtor.Name, 16) == "":
		return errors.New("nacha: the debtor has no name that a file can carry")
	case b.Count > MostEntries:
		return fmt.Errorf("nacha: %d instructions are more than the %d of a file", b.Count, MostEntries)
	case b.Number < 1:
		return errors.New("nacha: batches are numbered from 1")
	}
	return nil
}

// hashLimit bounds the sums of routing numbers: their last ten digits count.
const hashLimit = 10_000_000_000

// sheet is a batch in the sense of the file: what goes to one kind of holder.
type sheet struct {
	class   string
	lines   bytes.Buffer
	entries int
	records int // entries and addenda
	hash    int
	debits  int
	credits int
}

// sheets sorts the instructions by class; the order within is theirs.
func (f *Format) sheets(b rail.Batch) ([]*sheet, error) {
	people, companies := &sheet{class: ach.PPD}, &sheet{class: ach.CCD}
	n, total := 0, int64(0)
	for i, err := range b.Instructions {
		if err != nil {
			return nil, err
		}
		if err := f.Check(i); err != nil {
			return nil, fmt.Errorf("nacha: %s: %w", i.Reference, err)
		}
		s := people
		if class(i.Creditor) == ach.CCD {
			s = companies
		}
		if err := s.add(f.entry(i, f.Trace(b, n)), i.Reference); err != nil {
			return nil, err
		}
		n++
		total += i.Amount.Minor
	}
	if n != b.Count || total != b.Total {
		return nil, fmt.Errorf("nacha: batch %s says %d instructions of %d cents, but has %d of %d", b.ID, b.Count, b.Total, n, total)
	}
	switch {
	case n == 0:
		return nil, fmt.Errorf("nacha: batch %s is empty", b.ID)
	case total > MostTotal:
		return nil, fmt.Errorf("nacha: batch %s comes to more than the fields of a file can say", b.ID)
	}
	return []*sheet{people, companies}, nil
}

func (s *sheet) add(e *ach.EntryDetail, reference string) error {
	if err := e.Validate(); err != nil {
		return fmt.Errorf("nacha: %s: %w", reference, unquoted(err))
	}
	s.lines.WriteString(e.String())
	s.lines.WriteByte('\n')
	s.entries++
	s.records++
	if e.AddendaRecordIndicator == 1 {
		a := addenda(reference, sequence(e.TraceNumber))
		if err := a.Validate(); err != nil {
			return fmt.Errorf("nacha: %s: %w", reference, unquoted(err))
		}
		s.lines.WriteString(a.String())
		s.lines.WriteByte('\n')
		s.records++
	}
	s.hash = (s.hash + digits(e.RDFIIdentification)) % hashLimit
	switch e.TransactionCode {
	case ach.CheckingDebit, ach.SavingsDebit:
		s.debits += e.Amount
	default:
		s.credits += e.Amount
	}
	return nil
}

// service is the code that says whether money is taken, given, or both.
func (s *sheet) service() int {
	switch {
	case s.credits == 0:
		return ach.DebitsOnly
	case s.debits == 0:
		return ach.CreditsOnly
	}
	return ach.MixedDebitsAndCredits
}

func (f *Format) putSheet(out *lines, b rail.Batch, s *sheet, number int) error {
	head := ach.NewBatchHeader()
	head.ServiceClassCode = s.service()
	head.CompanyName = plain(b.Debtor.Name, 16)
	head.CompanyIdentification = b.Debtor.ID
	head.StandardEntryClassCode = s.class
	head.CompanyEntryDescription = f.cfg.Description
	head.EffectiveEntryDate = b.ExecuteOn.UTC().Format("060102")
	head.ODFIIdentification = odfi(b)
	head.BatchNumber = number
	if err := out.put(head); err != nil {
		return err
	}
	if err := out.text(&s.lines, s.records); err != nil {
		return err
	}
	foot := ach.NewBatchControl()
	foot.ServiceClassCode = head.ServiceClassCode
	foot.EntryAddendaCount = s.records
	foot.EntryHash = s.hash
	foot.TotalDebitEntryDollarAmount = s.debits
	foot.TotalCreditEntryDollarAmount = s.credits
	foot.CompanyIdentification = head.CompanyIdentification
	foot.ODFIIdentification = head.ODFIIdentification
	foot.BatchNumber = number
	return out.line(foot.String())
}

func (f *Format) header(b rail.Batch) *ach.FileHeader {
	made := b.CreatedAt.In(f.zone)
	h := ach.NewFileHeader()
	if len(f.cfg.Origin) == 10 {
		h.SetValidation(&ach.ValidateOpts{BypassOriginValidation: true})
	}
	h.ImmediateDestination, h.ImmediateDestinationName = f.cfg.Destination, f.cfg.DestinationName
	h.ImmediateOrigin, h.ImmediateOriginName = f.cfg.Origin, f.cfg.OriginName
	h.FileCreationDate, h.FileCreationTime = made.Format("060102"), made.Format("1504")
	h.FileIDModifier = modifier(b.Number)
	h.ReferenceCode = fmt.Sprintf("%08d", b.Number%100_000_000)
	return &h
}

// record is one line of a file. Controls are written without the library's check:
// it takes a hash that happens to end in ten zeros for a missing one.
type record interface {
	Validate() error
	String() string
}

// lines counts what it writes.
type lines struct {
	w *bufio.Writer
	n int
}

func (l *lines) put(r record) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("nacha: %w", unquoted(err))
	}
	return l.line(r.String())
}

func (l *lines) line(s string) error {
	l.n++
	if _, err := l.w.WriteString(s); err != nil {
		return err
	}
	return l.w.WriteByte('\n')
}

func (l *lines) text(from *bytes.Buffer, n int) error {
	l.n += n
	_, err := from.WriteTo(l.w)
	return err
}

// fill completes the last block of ten.
func (l *lines) fill() error {
	for l.n%10 != 0 {
		if err := l.line(strings.Repeat("9", 94)); err != nil {
			return err
		}
	}
	return l.w.Flush()
}

// unquoted is the field that err complains about, without the value it quotes:
// that may be the number of a bank account.
func unquoted(err error) error {
	var field *ach.FieldError
	if errors.As(err, &field) {
		return fmt.Errorf("the field %s is not valid", field.FieldName)
	}
	return errors.New("a record is not valid")
}

// sequence is our seven digits of a trace number.
func sequence(trace string) int { return digits(trace[len(trace)-7:]) }

// digits is the number that s writes in digits; they have been checked.
func digits(s string) int {
	n := 0
	for _, c := range []byte(s) {
		n = n*10 + int(c-'0')
	}
	return n
}
