package reconcile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

func (b *Books) find(ctx context.Context, idb bun.IDB, file string) (File, error) {
	row := new(fileRow)
	if err := idb.NewSelect().Model(row).Where("f.id = ?", file).Scan(ctx); err != nil {
		return File{}, fmt.Errorf("read statement file: %w", err)
	}
	return row.File, nil
}

// FilesParams narrow a list of files.
type FilesParams struct {
	page.Params
	Status  string     `form:"status"`
	Created page.Range `form:"created"`
}

func seenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("f.platform = ? AND f.livemode = ? AND f.status <> 'receiving'", scope.Platform, scope.Livemode)
	}
}

// Files lists the files of a platform's mode, newest first.
func (b *Books) Files(ctx context.Context, scope tenant.Scope, p FilesParams) (page.Of[File], error) {
	rows, err := page.Fetch[fileRow](ctx, b.pool, p.Params, "bank statement", seenBy(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		if p.Status != "" {
			q = q.Where("f.status = ?", p.Status)
		}
		return p.Created.Apply(q, "f.created_at")
	})
	if err != nil {
		return page.Of[File]{}, fmt.Errorf("list statement files: %w", err)
	}
	found := page.Of[File]{HasMore: rows.HasMore}
	for _, r := range rows.Items {
		found.Items = append(found.Items, r.File)
	}
	return found, nil
}

// Get is a file of a platform's mode, or NotFound.
func (b *Books) Get(ctx context.Context, scope tenant.Scope, file string) (File, error) {
	row := new(fileRow)
	err := seenBy(scope)(b.pool.NewSelect().Model(row)).Where("f.id = ?", file).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return File{}, fault.NoSuch("bank statement", file)
	}
	if err != nil {
		return File{}, fmt.Errorf("read statement file: %w", err)
	}
	return row.File, nil
}

// shownStatements bounds how many statements of a file are shown with it.
const shownStatements = 100

// Details are the first statements of files, and how many of their lines are matched.
type Details struct {
	Statements []Summary
	Matched    int64
	Open       int64
}

// Details reads what is shown with files.
func (b *Books) Details(ctx context.Context, files ...File) (map[string]Details, error) {
	ids := make([]string, 0, len(files))
	for _, f := range files {
		if f.Status == Imported {
			ids = append(ids, f.ID)
		}
	}
	found := map[string]Details{}
	var rows []summaryRow
	err := b.pool.NewSelect().Model(&rows).Where("s.file = ANY(?) AND s.number <= ?", pgdialect.Array(ids), shownStatements).OrderExpr("s.file, s.number").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	for _, r := range rows {
		d := found[r.File]
		d.Statements = append(d.Statements, r.Summary)
		found[r.File] = d
	}
	var counts []struct {
		File          string
		Matched, Open int64
	}
	err = b.pool.NewRaw(`SELECT file, count(*) FILTER (WHERE status = 'matched') AS matched, count(*) FILTER (WHERE status = 'open') AS open
		FROM payouts.statement_lines WHERE file = ANY(?) GROUP BY file`, pgdialect.Array(ids)).Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("count statement lines: %w", err)
	}
	for _, c := range counts {
		d := found[c.File]
		d.Matched, d.Open = c.Matched, c.Open
		found[c.File] = d
	}
	return found, nil
}

// LinesParams narrow a list of lines.
type LinesParams struct {
	page.Params
	Status string     `form:"status"`
	Payout string     `form:"payout"`
	Amount *int64     `form:"amount"`
	Booked page.Range `form:"booked"`
}

// Check refuses what no line can be.
func (p LinesParams) Check() error {
	switch p.Status {
	case "", Open, Matched, Split:
		return nil
	}
	return fault.Invalidf("", "status", "Invalid status: must be one of matched, open or split")
}

// Lines lists the lines that count of a file of a platform's mode; newest last read first.
func (b *Books) Lines(ctx context.Context, scope tenant.Scope, file string, p LinesParams) (page.Of[Line], error) {
	if err := p.Check(); err != nil {
		return page.Of[Line]{}, err
	}
	f, err := b.Get(ctx, scope, file)
	if err != nil || f.Status != Imported {
		return page.Of[Line]{}, err
	}
	of := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("l.file = ?", file) }
	rows, err := page.Fetch[lineRow](ctx, b.pool, p.Params, "bank statement line", of, func(q *bun.SelectQuery) *bun.SelectQuery {
		if p.Status != "" {
			q = q.Where("l.status = ?", p.Status)
		}
		if p.Payout != "" {
			q = q.Where("l.payout = ?", p.Payout)
		}
		if p.Amount != nil {
			q = q.Where("l.amount = ?", *p.Amount)
		}
		if p.Booked.From != nil {
			q = q.Where("l.booked >= ?", time.Unix(*p.Booked.From, 0).UTC())
		}
		if p.Booked.Until != nil {
			q = q.Where("l.booked < ?", time.Unix(*p.Booked.Until, 0).UTC())
		}
		return q
	})
	if err != nil {
		return page.Of[Line]{}, fmt.Errorf("list statement lines: %w", err)
	}
	found := page.Of[Line]{HasMore: rows.HasMore}
	for _, r := range rows.Items {
		found.Items = append(found.Items, r.Line)
	}
	return found, nil
}

// Text opens what a bank says in words about a line.
func (b *Books) Text(l Line) (secret.Text, error) {
	if len(l.Remittance) == 0 || l.Code == noticeCode { // a notice is shown by its own list, masked
		return secret.Text{}, nil
	}
	return b.cfg.Keyring.OpenBytes(l.Remittance, lineTable, l.ID)
}

// linesAbout bounds how many lines are shown with a payout.
const linesAbout = 100

// aboutSQL finds what was matched with a payout, or with the file it went in.
const aboutSQL = `
SELECT id FROM payouts.statement_lines WHERE payout = ?0 AND payout <> ''
UNION
SELECT line FROM payouts.statement_matches WHERE batch = ?1 AND batch <> ''
ORDER BY 1 LIMIT ?2`

// About lists the lines that were matched with a payout, or with the batch it went in
// ("" if it went without); oldest first.
func (b *Books) About(ctx context.Context, payout, batch string) ([]Line, error) {
	var ids []string
	if err := b.pool.NewRaw(aboutSQL, payout, batch, linesAbout).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("find statement lines: %w", err)
	}
	var rows []lineRow
	if err := b.pool.NewSelect().Model(&rows).Where("l.id = ANY(?)", pgdialect.Array(ids)).OrderExpr("l.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read statement lines: %w", err)
	}
	found := make([]Line, len(rows))
	for i, r := range rows {
		found[i] = r.Line
	}
	return found, nil
}
