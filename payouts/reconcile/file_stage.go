package reconcile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// read stages a kept file and makes it count, or quarantines it.
func (b *Books) read(ctx context.Context, f *File) error {
	if err := b.unstage(ctx, f.ID); err != nil {
		return err
	}
	s := &stage{ctx: ctx, b: b, file: f, seen: map[[keySize]byte]int64{}}
	err := s.parse()
	var unsound *statement.Error
	if errors.As(err, &unsound) {
		return b.quarantine(ctx, f, unsound.Error())
	}
	if err != nil {
		return err
	}
	return b.count(ctx, f, s)
}

// unstage forgets the lines of a file that do not count.
func (b *Books) unstage(ctx context.Context, file string) error {
	for {
		res, err := b.pool.NewRaw(`DELETE FROM payouts.statement_lines WHERE id IN
			(SELECT id FROM payouts.statement_lines WHERE file = ? ORDER BY n LIMIT 20000)`, file).Exec(ctx)
		if err != nil {
			return fmt.Errorf("unstage statement lines: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			break
		}
	}
	if _, err := b.pool.NewRaw(`DELETE FROM payouts.statements WHERE file = ?`, file).Exec(ctx); err != nil {
		return fmt.Errorf("unstage statements: %w", err)
	}
	return nil
}

func (b *Books) quarantine(ctx context.Context, f *File, reason string) error {
	if err := b.unstage(ctx, f.ID); err != nil {
		return err
	}
	f.Status, f.Reason, f.EndedAt = Quarantined, reason, b.cfg.Clocks.For(f.Livemode).Now()
	_, err := b.pool.NewUpdate().Model(&fileRow{File: *f}).Column("status", "reason", "ended_at", "format").Where("f.id = ?", f.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("quarantine statement file: %w", err)
	}
	b.cfg.Log.WarnContext(ctx, "a bank statement was quarantined", "file", f.ID, "reason", reason)
	return nil
}

const keySize = 16

// stage takes what a file says and writes it in rows that do not count yet.
type stage struct {
	ctx  context.Context
	b    *Books
	file *File
	// seen counts equal lines of the file: 24 bytes a kind of line.
	seen       map[[keySize]byte]int64
	now        statement.Statement
	account    [32]byte
	statements int
	rows       []stagedLine
	n          int64
}

type stagedLine struct {
	Line
	n, nth int64
	key    []byte
}

// presumed is why most lines stay open; those lines are never written again.
func (l *stagedLine) presumed() string {
	switch {
	case l.Status != Open:
		return ""
	case l.EndToEnd == "" && l.Batch == "" && l.Trace == "":
		return noReference
	}
	return unknownReference
}

// stagedAtOnce bounds one statement that stages lines.
const stagedAtOnce = 1000

// maxStatements bounds one file: they are held against their neighbours in memory.
const maxStatements = 100_000

func (s *stage) parse() error {
	from := &contents{ctx: s.ctx, b: s.b, file: s.file.ID}
	if read, ok := s.b.cfg.Readers[s.file.Format]; ok {
		reports, err := read(from)
		if err != nil {
			s.b.cfg.Log.WarnContext(s.ctx, "a bank's report could not be read", "file", s.file.ID, "format", s.file.Format)
			return &statement.Error{Problem: "the " + string(s.file.Format) + " file cannot be read whole"}
		}
		if len(reports) == 0 {
			return &statement.Error{Problem: "the file reports on nothing"}
		}
		for _, r := range reports {
			if err := s.report(r); err != nil {
				return err
			}
		}
		return s.flush()
	}
	if err := statement.Read(s.file.Format, from, s.b.cfg.Profiles, s); err != nil {
		return err
	}
	return s.flush()
}

// Begin opens a statement.
func (s *stage) Begin(now statement.Statement) error {
	if now.Number > maxStatements {
		return &statement.Error{Problem: "the file holds too many statements"}
	}
	s.now, s.account = now, s.b.cfg.Pepper.Sum(now.Account)
	return nil
}

// Line stages a line.
func (s *stage) Line(l statement.Line) error {
	key := s.key(l)
	s.seen[key]++
	s.n++
	staged := stagedLine{n: s.n, nth: s.seen[key], key: key[:], Line: Line{
		ID: id.New("bsl"), Statement: s.now.Number, Entry: int64(l.Number), Part: int64(l.Part), External: plain(l.ExternalID), Booked: l.Booked, Valued: l.Valued,
		Amount: l.Amount.Minor, Currency: l.Amount.Currency, EndToEnd: plain(l.References.EndToEnd), Batch: plain(l.References.Batch),
		Trace: plain(l.References.Trace), Bank: plain(l.References.Bank), Code: plain(l.Code), Returned: l.Return, BankCode: plain(l.Reason), Status: Open,
	}}
	if l.Parts {
		staged.Status = Split
	}
	find(&staged.Line, l.Remittance)
	if !l.Remittance.IsZero() {
		sealed, err := s.b.cfg.Keyring.SealBytes([]byte(l.Remittance.Reveal()), lineTable, staged.ID)
		if err != nil {
			return fmt.Errorf("seal statement line: %w", err)
		}
		staged.Remittance = sealed
	}
	return s.add(staged)
}

const lineTable = "payouts.statement_lines"

// report stages what a file that is no statement says of an instruction.
func (s *stage) report(r rail.Report) error {
	s.n++
	bankCode := r.Reason
	if r.State == rail.Accepted || r.State == rail.Paid {
		bankCode = r.State.String()
	}
	staged := stagedLine{n: s.n, nth: 1, key: make([]byte, keySize), Line: Line{
		ID: id.New("bsl"), Booked: r.At, Valued: r.At, Amount: r.Amount.Minor, Currency: r.Amount.Currency, EndToEnd: plain(r.Reference), Batch: plain(r.Batch),
		Trace: plain(r.Trace), Bank: plain(r.BankTrace), Code: r.Code, Returned: r.State == rail.Failed, BankCode: plain(bankCode), Status: Open,
	}}
	if r.Change != nil {
		staged.Code = noticeCode
		sealed, err := s.b.sealNotice(*r.Change, staged.ID)
		if err != nil {
			return err
		}
		staged.Remittance = sealed
	}
	return s.add(staged)
}

func (s *stage) add(l stagedLine) error {
	s.rows = append(s.rows, l)
	if len(s.rows) < stagedAtOnce {
		return nil
	}
	return s.flush()
}

// End closes a statement.
func (s *stage) End(now statement.Statement) error {
	number := now.Account.Reveal()
	sealed, err := s.b.cfg.Keyring.Seal(now.Account, "payouts.statements", s.file.ID)
	if err != nil {
		return fmt.Errorf("seal account: %w", err)
	}
	row := &summaryRow{AccountSealed: sealed, AccountHash: s.account[:], Summary: Summary{
		File: s.file.ID, Number: now.Number, Reference: plain(now.ID), Kind: now.Kind, Last4: plain(number[max(0, len(number)-4):]), Currency: now.Currency,
		FirstDay: now.From, LastDay: now.To, Checked: now.Checked, Lines: int64(now.Lines), Pending: int64(now.Pending),
	}}
	if now.Opening != nil {
		row.Opening = &now.Opening.Minor
	}
	if now.Closing != nil {
		row.Closing = &now.Closing.Minor
	}
	if _, err := s.b.pool.NewInsert().Model(row).Exec(s.ctx); err != nil {
		return fmt.Errorf("stage statement: %w", err)
	}
	s.statements++
	return nil
}

type summaryRow struct {
	bun.BaseModel `bun:"table:payouts.statements,alias:s"`
	Summary
	AccountSealed string `bun:"account"`
	AccountHash   []byte
}

// plain is a text that a database can keep.
func plain(text string) string {
	if len(text) > 140 {
		text = text[:140]
	}
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if r != 0 {
			out = append(out, r)
		}
	}
	return string(out)
}

// key is equal for lines that nothing tells apart. It is keyed, since the texts in it
// could be guessed from a plain hash. A line with an id of the bank's own is that one,
// whatever else is said of it.
func (s *stage) key(l statement.Line) [keySize]byte {
	b := append(make([]byte, 0, 256), s.account[:]...)
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text := func(t string) {
		number(int64(len(t)))
		b = append(b, t...)
	}
	number(l.Amount.Minor)
	text(string(l.Amount.Currency))
	number(l.Booked.Unix())
	number(int64(l.Part))
	text(l.ExternalID)
	if l.ExternalID == "" || l.Part > 0 {
		text(l.References.EndToEnd)
		text(l.References.Batch)
		text(l.References.Trace)
		text(l.References.Bank)
		text(l.Code)
		text(l.Reason)
		text(l.Remittance.Reveal())
	}
	full := s.b.cfg.Pepper.Sum(secret.New(string(b)))
	return [keySize]byte(full[:])
}

// insertLines writes lines turned on their side.
const insertLines = `
INSERT INTO payouts.statement_lines (id, file, n, statement, entry, part, external, booked, valued, amount, currency, end_to_end, batch, trace,
	bank, code, returned, bank_code, remittance, key, nth, status, reason)
SELECT l.id, $1, l.n, l.statement, l.entry, l.part, l.external, NULLIF(l.booked, '')::date, NULLIF(l.valued, '')::date, l.amount, l.currency, l.end_to_end, l.batch, l.trace,
	l.bank, l.code, l.returned, l.bank_code, l.remittance, l.key, l.nth, l.status, l.reason
FROM unnest($2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[],
	$12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::boolean[], $18::text[], $19::bytea[], $20::bytea[], $21::bigint[], $22::text[], $23::text[])
	AS l (id, n, statement, entry, part, external, booked, valued, amount, currency, end_to_end, batch, trace, bank, code, returned, bank_code,
	remittance, key, nth, status, reason)`

func (s *stage) flush() error {
	if len(s.rows) == 0 {
		return nil
	}
	var c struct {
		ids, external, currency, endToEnd, batch, trace, bank, code, bankCode, status, reason, booked, valued []string
		n, entry, part, amount, nth                                                                           []int64
		statement                                                                                             []int32
		returned                                                                                              []bool
		remittance, key                                                                                       [][]byte
	}
	for i := range s.rows {
		l := &s.rows[i]
		c.ids, c.external, c.currency = append(c.ids, l.ID), append(c.external, l.External), append(c.currency, string(l.Currency))
		c.endToEnd, c.batch, c.trace = append(c.endToEnd, l.EndToEnd), append(c.batch, l.Batch), append(c.trace, l.Trace)
		c.bank, c.code, c.bankCode = append(c.bank, l.Bank), append(c.code, l.Code), append(c.bankCode, l.BankCode)
		c.status, c.n, c.entry, c.reason = append(c.status, l.Status), append(c.n, l.n), append(c.entry, l.Entry), append(c.reason, l.presumed())
		c.part, c.amount, c.nth = append(c.part, l.Part), append(c.amount, l.Amount), append(c.nth, l.nth)
		c.statement, c.returned = append(c.statement, int32(l.Statement)), append(c.returned, l.Returned)
		c.booked, c.valued = append(c.booked, dayOrNone(l.Booked)), append(c.valued, dayOrNone(l.Valued))
		c.remittance, c.key = append(c.remittance, append([]byte{}, l.Remittance...)), append(c.key, l.key)
	}
	s.rows = s.rows[:0]
	_, err := s.b.pool.DB.ExecContext(s.ctx, insertLines, s.file.ID, c.ids, c.n, c.statement, c.entry, c.part, c.external, c.booked, c.valued, c.amount,
		c.currency, c.endToEnd, c.batch, c.trace, c.bank, c.code, c.returned, c.bankCode, c.remittance, c.key, c.nth, c.status, c.reason)
	if err != nil {
		return fmt.Errorf("stage statement lines: %w", err)
	}
	return nil
}

func dayOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// count makes a staged file count: its lines that are new, all at once.
func (b *Books) count(ctx context.Context, f *File, s *stage) error {
	return db.InTx(ctx, b.pool, func(ctx context.Context, tx bun.Tx) error {
		// One file of a mode at a time: two that overlap would not see each other's lines.
		if _, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(?, hashtext(?))`, flipLock, fmt.Sprint(f.Platform, f.Livemode)).Exec(ctx); err != nil {
			return fmt.Errorf("lock statements: %w", err)
		}
		if _, err := tx.NewRaw(`SET LOCAL statement_timeout = 0`).Exec(ctx); err != nil { // a million lines take their time
			return err
		}
		var known int64
		for number := 1; number <= s.statements; number++ {
			n, err := b.drop(ctx, tx, f, number)
			if err != nil {
				return err
			}
			known += n
		}
		f.Status, f.Statements, f.Known, f.Lines = Imported, int64(s.statements), known, s.n-known
		f.EndedAt = b.cfg.Clocks.For(f.Livemode).Now()
		_, err := tx.NewUpdate().Model(&fileRow{File: *f}).Column("status", "statements", "known", "lines", "ended_at").Where("f.id = ?", f.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("count statement file: %w", err)
		}
		return nil
	})
}
