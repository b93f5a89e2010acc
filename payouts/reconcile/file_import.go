package reconcile

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
)

// Source says whose file it is and where it comes from.
type Source struct {
	Platform string // who sent it; "": a rail's bank left it for us
	Livemode bool
	Rail     string           // of the bank; "": each line's payout tells it
	Name     string           // of the file: any text
	Format   statement.Format // "": by how it begins
	Actor    string
}

type fileRow struct {
	bun.BaseModel `bun:"table:payouts.statement_files,alias:f"`
	File
}

// piece is how much of a file one row of its content holds.
const piece = 1 << 20

// Import keeps a file and reads it. Content that was sent before changes nothing, and
// the file it came in is returned. A file that cannot be read is not an error: it is
// Quarantined. An error means that the file may not have been kept: send it again.
func (b *Books) Import(ctx context.Context, source Source, content io.Reader) (File, error) {
	f := File{
		ID: id.New("bst"), Platform: source.Platform, Livemode: source.Livemode, Rail: source.Rail, Name: plainName(source.Name),
		Actor: source.Actor, Status: Receiving, CreatedAt: b.cfg.Clocks.For(source.Livemode).Now(),
	}
	if f.Platform == "" && f.Rail != "" {
		var err error
		if f.Platform, err = b.ownerOf(ctx, f.Livemode, f.Rail); err != nil {
			return File{}, err
		}
	}
	format, content := statement.Sniff(content, b.cfg.Profiles)
	if f.Format = format; source.Format != "" {
		f.Format = source.Format
	}
	if err := b.receive(ctx, &f, content); err != nil {
		return File{}, err
	}
	kept, err := b.keep(ctx, &f)
	if err != nil {
		return File{}, err
	}
	if err := b.process(ctx, kept); err != nil {
		return File{}, err
	}
	found, err := b.find(ctx, b.pool, kept)
	found.Repeated = kept != f.ID
	return found, err
}

// ownerOf is the platform that a rail's files are about, if it is only one; a file
// about several is seen by none of them.
func (b *Books) ownerOf(ctx context.Context, livemode bool, way string) (string, error) {
	var platforms []string
	err := b.pool.NewRaw(`SELECT DISTINCT platform FROM payouts.batches WHERE rail = ? AND livemode = ? LIMIT 2`, way, livemode).Scan(ctx, &platforms)
	if err != nil {
		return "", fmt.Errorf("find the platform of a rail: %w", err)
	}
	if len(platforms) != 1 {
		return "", nil
	}
	return platforms[0], nil
}

// plainName is a file's name without what could mislead a reader.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != '/' && r != '\\' {
			return r
		}
		return -1
	}, strings.ToValidUTF8(name, ""))
	if runes := []rune(name); len(runes) > 100 {
		name = string(runes[:100])
	}
	return name
}

// receive writes the content down, encrypted, piece by piece.
func (b *Books) receive(ctx context.Context, f *File, content io.Reader) error {
	if _, err := b.pool.NewInsert().Model(&fileRow{File: *f}).Exec(ctx); err != nil {
		return fmt.Errorf("insert statement file: %w", err)
	}
	hash, buf := sha256.New(), make([]byte, piece)
	for n := 0; ; n++ {
		filled, err := io.ReadFull(content, buf)
		if filled > 0 {
			hash.Write(buf[:filled])
			if f.Size += int64(filled); f.Size > b.cfg.MaxSize {
				return &fault.Error{Kind: fault.TooLarge, Param: "file", Message: fmt.Sprintf("The file is larger than %d MiB.", b.cfg.MaxSize>>20)}
			}
			sealed, err := b.cfg.Keyring.SealBytes(buf[:filled], contentTable, pieceOf(f.ID, n))
			if err != nil {
				return fmt.Errorf("seal statement file: %w", err)
			}
			// Past bun, which would write the content into the text of the statement.
			const keep = `INSERT INTO payouts.statement_contents (file, n, content) VALUES ($1, $2, $3)`
			if _, err := b.pool.DB.ExecContext(ctx, keep, f.ID, n, sealed); err != nil {
				return fmt.Errorf("keep statement file: %w", err)
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			f.SHA256 = hash.Sum(nil)
			return nil
		case err != nil:
			return fmt.Errorf("read statement file: %w", err)
		}
	}
}

const contentTable = "payouts.statement_contents"

func pieceOf(file string, n int) string { return file + "/" + strconv.Itoa(n) }

// keep makes a received file one that is kept, unless its content is there already.
// It returns the file that holds the content.
func (b *Books) keep(ctx context.Context, f *File) (kept string, err error) {
	err = db.InTx(ctx, b.pool, func(ctx context.Context, tx bun.Tx) error {
		kept = f.ID
		err := tx.NewRaw(`SELECT id FROM payouts.statement_files WHERE platform = ? AND livemode = ? AND sha256 = ? AND status <> 'receiving'`,
			f.Platform, f.Livemode, f.SHA256).Scan(ctx, &kept)
		if err == nil {
			return b.forget(ctx, tx, f.ID)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.NewUpdate().Model((*fileRow)(nil)).Set("status = 'kept', size = ?, sha256 = ?", f.Size, f.SHA256).Where("f.id = ?", f.ID).Exec(ctx)
		return err
	})
	if db.Constraint(err) == "statement_files_content_key" {
		return b.keep(ctx, f) // somebody else kept it meanwhile
	}
	if err != nil {
		return "", fmt.Errorf("keep statement file: %w", err)
	}
	return kept, nil
}

// forget removes a file that was never kept.
func (b *Books) forget(ctx context.Context, tx bun.Tx, file string) error {
	for _, statement := range []string{
		`DELETE FROM payouts.statement_contents WHERE file = ?`, `DELETE FROM payouts.statement_files WHERE id = ? AND status = 'receiving'`,
	} {
		if _, err := tx.NewRaw(statement, file).Exec(ctx); err != nil {
			return fmt.Errorf("forget statement file: %w", err)
		}
	}
	return nil
}

// contents reads a kept file from its first piece.
type contents struct {
	ctx  context.Context
	b    *Books
	file string
	n    int
	rest string
}

func (c *contents) Read(p []byte) (int, error) {
	if c.rest == "" {
		var sealed []byte
		err := c.b.pool.DB.QueryRowContext(c.ctx, `SELECT content FROM payouts.statement_contents WHERE file = $1 AND n = $2`, c.file, c.n).Scan(&sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("read statement file: %w", err)
		}
		plain, err := c.b.cfg.Keyring.OpenBytes(sealed, contentTable, pieceOf(c.file, c.n))
		if err != nil {
			return 0, err
		}
		c.rest = plain.Reveal()
		c.n++
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// process reads a kept file and applies it, as far as that is not done. Two processes
// do not work on one file: the second one waits and finds the work done.
func (b *Books) process(ctx context.Context, file string) error {
	conn, err := b.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("lock statement file: %w", err)
	}
	defer conn.Close()
	// A session's lock goes with its process. Somebody else's import may take longer than one statement.
	if _, err := conn.ExecContext(ctx, "SET statement_timeout = 0; SET lock_timeout = 0"); err != nil {
		return fmt.Errorf("lock statement file: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?, hashtext(?))", fileLock, file); err != nil {
		return fmt.Errorf("lock statement file: %w", err)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?, hashtext(?)); RESET statement_timeout; RESET lock_timeout", fileLock, file)
	}()
	f, err := b.find(ctx, b.pool, file)
	if err != nil {
		return err
	}
	if f.Status == Kept {
		if err := b.read(ctx, &f); err != nil {
			return err
		}
	}
	if f.Status == Imported && !f.Done {
		return b.apply(ctx, f)
	}
	return nil
}

// fileLock and flipLock are advisory locks: "stmf" and "stmt" in ASCII.
const (
	fileLock = 0x73746d66
	flipLock = 0x73746d74
)

// Retry reads a quarantined file again, after its cause was mended: a profile, or a
// newer release. format may say what it is.
func (b *Books) Retry(ctx context.Context, f File, format statement.Format) (File, error) {
	if f.Status != Quarantined {
		return File{}, fault.Invalidf("bank_statement_not_quarantined", "", "The bank statement is not quarantined.")
	}
	if format == "" {
		format = f.Format
	}
	if format == "" {
		format, _ = statement.Sniff(&contents{ctx: ctx, b: b, file: f.ID}, b.cfg.Profiles)
	}
	_, err := b.pool.NewUpdate().Model((*fileRow)(nil)).Set("status = 'kept', reason = '', format = ?, ended_at = NULL", format).
		Where("f.id = ? AND f.status = 'quarantined'", f.ID).Exec(ctx)
	if err != nil {
		return File{}, fmt.Errorf("release statement file: %w", err)
	}
	if err := b.process(ctx, f.ID); err != nil {
		return File{}, err
	}
	return b.find(ctx, b.pool, f.ID)
}

// Sweep finishes what a crash left behind, and forgets uploads that never ended.
func (b *Books) Sweep(ctx context.Context) error {
	const grace = time.Minute // whoever works on a file now is not disturbed
	now := b.cfg.Clocks.Live.Now()
	var undone []File
	err := b.pool.NewSelect().Model((*fileRow)(nil)).Where("NOT f.done AND f.status <> 'quarantined'").OrderExpr("f.created_at").Limit(100).Scan(ctx, &undone)
	if err != nil {
		return fmt.Errorf("find unfinished statement files: %w", err)
	}
	var errs []error
	for _, f := range undone {
		began, _ := id.Time(f.ID) // of the machine; CreatedAt may be the sandbox's
		switch {
		case f.Status == Receiving && now.Sub(began) > 24*time.Hour:
			errs = append(errs, db.InTx(ctx, b.pool, func(ctx context.Context, tx bun.Tx) error { return b.forget(ctx, tx, f.ID) }))
		case f.Status != Receiving && now.Sub(began) > grace:
			errs = append(errs, b.process(ctx, f.ID))
		}
	}
	return errors.Join(errs...)
}
