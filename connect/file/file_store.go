package file

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type fileRow struct {
	bun.BaseModel `bun:"table:connect.files,alias:f"`

	ID        string `bun:",pk"`
	Account   string
	Livemode  bool
	Purpose   string
	Filename  string
	Type      string
	Size      int64
	CreatedAt time.Time
	ExpiresAt bun.NullTime
	ErasedAt  bun.NullTime
}

func (r fileRow) file() File {
	return File{
		ID: r.ID, Account: r.Account, Livemode: r.Livemode, Purpose: r.Purpose, Filename: r.Filename, Type: r.Type, Size: r.Size,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.Time, ErasedAt: r.ErasedAt.Time,
	}
}

func insertFile(ctx context.Context, tx bun.Tx, d Draft) error {
	f := d.file
	row := fileRow{
		ID: f.ID, Account: f.Account, Livemode: f.Livemode, Purpose: f.Purpose, Filename: f.Filename, Type: f.Type, Size: f.Size,
		CreatedAt: f.CreatedAt, ExpiresAt: bun.NullTime{Time: f.ExpiresAt},
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert file: %w", err)
	}
	// Past bun, which would write the content into the text of the statement, twice as long.
	const contentSQL = `INSERT INTO connect.file_contents (file, sealed, content) VALUES ($1, $2, $3)`
	if _, err := tx.Tx.ExecContext(ctx, contentSQL, f.ID, d.sealed, d.content); err != nil {
		return fmt.Errorf("insert file content: %w", err)
	}
	return nil
}

// Get is a file of scope's account. Fails with NotFound.
func (s *Files) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, file string) (File, error) {
	f, found, err := findFile(ctx, idb.NewSelect(), file)
	if err == nil && (!found || f.Account != scope.Account || f.Livemode != scope.Livemode) {
		err = fault.NoSuch("file", file)
	}
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// Filter are the parameters of a list.
type Filter struct {
	page.Params
	Purpose string     `form:"purpose"`
	Created page.Range `form:"created"`
}

// List is a page of the files of scope's account, newest first, erased ones too.
func (s *Files) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, filter Filter) (page.Of[File], error) {
	if filter.Purpose != "" {
		if _, err := ruleOf(filter.Purpose); err != nil {
			return page.Of[File]{}, err
		}
	}
	within := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("f.account = ? AND f.livemode = ?", scope.Account, scope.Livemode)
	}
	rows, err := page.Fetch[fileRow](ctx, idb, filter.Params, "file", within, func(q *bun.SelectQuery) *bun.SelectQuery {
		if filter.Purpose != "" {
			q = q.Where("f.purpose = ?", filter.Purpose)
		}
		return filter.Created.Apply(q, "f.created_at")
	})
	if err != nil {
		return page.Of[File]{}, err
	}
	out := page.Of[File]{Items: make([]File, len(rows.Items)), HasMore: rows.HasMore}
	for i, row := range rows.Items {
		out.Items[i] = row.file()
	}
	return out, nil
}

func findFile(ctx context.Context, q *bun.SelectQuery, file string) (File, bool, error) {
	var row fileRow
	err := q.Model(&row).Where("f.id = ?", file).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, fmt.Errorf("find file: %w", err)
	}
	return row.file(), true, nil
}

// readContent fails with NotFound when the file is erased.
func readContent(ctx context.Context, idb bun.IDB, file string) (content []byte, sealed bool, err error) {
	const contentSQL = `SELECT content, sealed FROM connect.file_contents WHERE file = ?`
	err = idb.NewRaw(contentSQL, file).Scan(ctx, &content, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, fault.NoSuch("file", file)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read file content: %w", err)
	}
	return content, sealed, nil
}
