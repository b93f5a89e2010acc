package banksim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// DeskConfig is what a customer has agreed with the bank.
type DeskConfig struct {
	// Name is the desk's; each has its own inbox and its own statements. The one
	// without a name takes no files: its statements are of what came one by one.
	Name    string
	Clock   clock.Clock
	Account Account
	// Columns are the headings of its CSV files; zero is DefaultColumns.
	Columns Columns
	// Statements are the formats of its statements; nil is camt.053 alone.
	Statements []StatementFormat
	// Opening is what the account holds at the start.
	Opening map[money.Currency]int64
	// Fault says what a statement gets wrong about a movement; nil is nothing.
	Fault func(reference, kind string) Fault
}

// Account is the customer's.
type Account struct {
	Name   string
	Number secret.Text // or IBAN
	BIC    string
}

// Desk is where the bank takes files from one customer, and puts its own down. It
// reads them as a stranger: with readers of its own.
//
// A file is read when it arrives. One that the bank cannot read, or has had before
// under any name, is refused whole; an instruction whose reference it has had is
// refused alone. What it made of a file it answers in a pain.002 whatever the
// format; entries of an ACH file that fail later come back in a file of returns.
type Desk struct {
	bank *Bank
	cfg  DeskConfig
	lose chan bool // one entry: the next delivery loses its answer, and arrives or not
}

var _ rail.Delivery = (*Desk)(nil)

// Desk opens a desk.
func (b *Bank) Desk(cfg DeskConfig) *Desk {
	if cfg.Columns == (Columns{}) {
		cfg.Columns = DefaultColumns
	}
	if cfg.Statements == nil {
		cfg.Statements = []StatementFormat{Camt053}
	}
	if cfg.Fault == nil {
		cfg.Fault = func(string, string) Fault { return Faithful }
	}
	return &Desk{bank: b, cfg: cfg, lose: make(chan bool, 1)}
}

// Lose makes the next delivery lose its answer, with or without the file.
func (d *Desk) Lose(arrives bool) { d.lose <- arrives }

type file struct {
	bun.BaseModel `bun:"table:banksim.files,alias:f"`

	Desk       string `bun:",pk"`
	Name       string `bun:",pk"`
	Digest     []byte
	Message    string
	Refused    string
	ReceivedAt time.Time
}

var errInside = errors.New("banksim: called inside a transaction")

// Deliver puts a file down and has it read.
func (d *Desk) Deliver(ctx context.Context, name string, write func(io.Writer) error) rail.Receipt {
	switch {
	case db.Inside(ctx):
		return rail.Receipt{Err: errInside}
	case d.cfg.Name == "":
		return rail.Receipt{State: rail.Failed, Err: errors.New("banksim: this desk takes no files")}
	}
	var body bytes.Buffer
	if err := write(&body); err != nil {
		return rail.Receipt{State: rail.Failed, Err: err}
	}
	answers, arrives := true, true
	select {
	case arrives = <-d.lose:
		answers = false
	default:
	}
	if !arrives {
		return rail.Receipt{Err: errLost}
	}
	digest := sha256.Sum256(body.Bytes())
	other := false
	err := db.InTx(ctx, d.bank.pool, func(ctx context.Context, tx bun.Tx) error {
		f := &file{Desk: d.cfg.Name, Name: name, Digest: digest[:], ReceivedAt: d.cfg.Clock.Now()}
		if err := d.lock(ctx, tx); err != nil {
			return err
		}
		there := new(file)
		err := tx.NewSelect().Model(there).Where("desk = ? AND name = ?", f.Desk, name).Scan(ctx)
		switch {
		case err == nil:
			other = !bytes.Equal(there.Digest, f.Digest)
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		return d.take(ctx, tx, f, body.Bytes())
	})
	switch {
	case err != nil:
		return rail.Receipt{Err: fmt.Errorf("sandbox bank: take %s: %w", name, err)}
	case other:
		return rail.Receipt{State: rail.Failed, Err: errors.New("banksim: another file of that name is there")}
	case !answers:
		return rail.Receipt{Err: errLost}
	}
	return rail.Receipt{State: rail.Accepted, Note: receipt(digest[:])}
}

// Find tells whether a file of that name has arrived.
func (d *Desk) Find(ctx context.Context, name string) rail.Receipt {
	if db.Inside(ctx) {
		return rail.Receipt{Err: errInside}
	}
	there := new(file)
	err := d.bank.pool.NewSelect().Model(there).Where("desk = ? AND name = ?", d.cfg.Name, name).Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return rail.Receipt{State: rail.Absent}
	case err != nil:
		return rail.Receipt{Err: err}
	}
	return rail.Receipt{State: rail.Accepted, Note: receipt(there.Digest)}
}

func receipt(digest []byte) string { return fmt.Sprintf("SIM%X", digest[:6]) }

// Collect lets the bank live until its clock's time and lists what it has put down.
func (d *Desk) Collect(ctx context.Context) ([]rail.Answer, error) {
	if db.Inside(ctx) {
		return nil, errInside
	}
	if err := d.Work(ctx, d.cfg.Clock.Now()); err != nil {
		return nil, err
	}
	var rows []struct {
		ID   int64
		Name string
	}
	err := d.bank.pool.NewRaw(`SELECT id, name FROM banksim.answers WHERE desk = ? AND NOT taken ORDER BY id`, d.cfg.Name).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sandbox bank: list answers: %w", err)
	}
	answers := make([]rail.Answer, 0, len(rows))
	for _, row := range rows {
		answers = append(answers, rail.Answer{
			Name: row.Name,
			Open: func(ctx context.Context) (io.ReadCloser, error) {
				var body []byte
				err := d.bank.pool.NewRaw(`SELECT body FROM banksim.answers WHERE desk = ? AND id = ?`, d.cfg.Name, row.ID).Scan(ctx, &body)
				return io.NopCloser(bytes.NewReader(body)), err
			},
			Taken: func(ctx context.Context) error {
				_, err := d.bank.pool.NewRaw(`UPDATE banksim.answers SET taken = true WHERE desk = ? AND id = ?`, d.cfg.Name, row.ID).Exec(ctx)
				return err
			},
		})
	}
	return answers, nil
}

// lock serializes the desk: two copies of one file at the same moment are two
// files, of which the second is a duplicate. "desk" in ASCII, and its name.
func (d *Desk) lock(ctx context.Context, tx bun.Tx) error {
	_, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?, hashtext(?))", 0x6465736b, d.cfg.Name).Exec(ctx)
	return err
}

// take reads a file and writes down what it says.
func (d *Desk) take(ctx context.Context, tx bun.Tx, f *file, body []byte) error {
	order, err := read(body, d.cfg.Columns)
	if err != nil {
		f.Refused = "FF01" // not a file the bank can read
	} else {
		f.Message = order.message
		if f.Message == "" {
			f.Message = stem(f.Name)
		}
	}
	had := 0
	err = tx.NewRaw(`SELECT count(*) FROM banksim.files WHERE desk = ? AND (digest = ? OR message = ? AND message <> '' AND refused = '')`,
		f.Desk, f.Digest, f.Message).Scan(ctx, &had)
	if err != nil {
		return err
	}
	if had > 0 {
		f.Refused = "DU01"
	}
	r := report{message: f.Message, format: order.format}
	if f.Message == "" {
		r.message = stem(f.Name)
	}
	if f.Refused == "" {
		if r.items, f.Refused, err = d.accept(ctx, tx, f, order); err != nil {
			return err
		}
	} else if err := countAgain(ctx, tx, order.items); err != nil {
		return err
	}
	if r.refused = f.Refused; r.refused != "" {
		r.items = nil
	}
	r.all = len(order.items)
	if _, err := tx.NewInsert().Model(f).Exec(ctx); err != nil {
		return err
	}
	return d.answer(ctx, tx, "pain002", ".xml", f.ReceivedAt, d.pain002(r, f.ReceivedAt))
}

// accept writes the instructions of a sound file down. It returns those that it
// refuses at once, or why it refuses all.
func (d *Desk) accept(ctx context.Context, tx bun.Tx, f *file, o order) (refusals []status, whole string, err error) {
	var fresh []*instruction
	references := map[string]bool{}
	known, err := d.known(ctx, tx, o.items)
	if err != nil {
		return nil, "", err
	}
	var again []item
	for _, it := range o.items {
		if fateOf(it.Creditor.Number.Reveal()) == poison {
			return nil, "AG01", nil
		}
		if known[it.Reference] || references[it.Reference] {
			again = append(again, it)
			refusals = append(refusals, status{reference: it.Reference, trace: it.trace, state: failed, reason: "AM05"})
			continue
		}
		references[it.Reference] = true
		it.At = f.ReceivedAt
		i := received(it.Instruction)
		i.Desk, i.File, i.Message, i.Trace = f.Desk, f.Name, f.Message, it.trace
		if i.begin(); i.State == lost { // nothing of a file that arrived is lost
			i.State = accepted
		}
		if i.State == failed {
			i.Reported = failed
			refusals = append(refusals, i.status())
		}
		fresh = append(fresh, &i)
	}
	if err := countAgain(ctx, tx, again); err != nil {
		return nil, "", err
	}
	for part := range chunks(fresh, 2000) {
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return nil, "", err
		}
	}
	return refusals, "", nil
}

// known tells which references the bank has had, over whatever way they came.
func (d *Desk) known(ctx context.Context, tx bun.Tx, items []item) (map[string]bool, error) {
	var had []string
	err := tx.NewRaw(`SELECT reference FROM banksim.instructions WHERE reference = ANY (?)`, pgdialect.Array(references(items))).Scan(ctx, &had)
	known := make(map[string]bool, len(had))
	for _, reference := range had {
		known[reference] = true
	}
	return known, err
}

// countAgain notes that instructions were told once more than they should have been.
func countAgain(ctx context.Context, tx bun.Tx, items []item) error {
	if len(items) == 0 {
		return nil
	}
	_, err := tx.NewRaw(`UPDATE banksim.instructions SET told = told + 1 WHERE reference = ANY (?)`, pgdialect.Array(references(items))).Exec(ctx)
	return err
}

// answer puts a file down for the customer. Names sort by time.
func (d *Desk) answer(ctx context.Context, tx bun.Tx, kind, extension string, at time.Time, body []byte) error {
	var n int64
	if err := tx.NewRaw(`SELECT count(*) FROM banksim.answers WHERE desk = ?`, d.cfg.Name).Scan(ctx, &n); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%06d-%s%s", at.UTC().Format("20060102T150405"), n+1, kind, extension)
	_, err := tx.NewRaw(`INSERT INTO banksim.answers (desk, name, body, made_at) VALUES (?, ?, ?, ?)`, d.cfg.Name, name, body, at).Exec(ctx)
	return err
}
