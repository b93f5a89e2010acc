package reconcile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/money"
)

// dropKnown removes the staged lines of a statement that earlier files have told. It
// counts: of a kind of line, as many are known as stand in the books already. Those of
// the statements ?2, ?3 do not count: they stand before or after this one and tell of
// other payments. Without such proof (?6), equal lines of a file's earlier statements
// come first.
const dropKnown = `
WITH mine AS (
	SELECT id, key, CASE WHEN ?6 THEN row_number() OVER (PARTITION BY key ORDER BY n) ELSE nth END AS nth
	FROM payouts.statement_lines WHERE file = ?0 AND statement = ?1),
told AS (
	SELECT l.key, count(*) AS n FROM payouts.statement_lines l
	JOIN payouts.statement_files f ON f.id = l.file
	WHERE f.status = 'imported' AND f.platform = ?4 AND f.livemode = ?5 AND l.statement > 0 AND l.key IN (SELECT key FROM mine)
	AND NOT EXISTS (SELECT FROM unnest(?2::text[], ?3::integer[]) AS o (file, number) WHERE o.file = l.file AND o.number = l.statement)
	GROUP BY l.key)
DELETE FROM payouts.statement_lines l USING told, mine
WHERE l.id = mine.id AND mine.key = told.key AND mine.nth <= told.n`

// drop removes what is known of a staged statement and tells how much that was.
func (b *Books) drop(ctx context.Context, tx bun.Tx, f *File, number int) (int64, error) {
	own, err := stretchOf(ctx, tx, f.ID, number)
	if err != nil {
		return 0, err
	}
	files, numbers, err := b.neighbours(ctx, tx, f, own)
	if err != nil {
		return 0, err
	}
	res, err := tx.NewRaw(dropKnown, f.ID, number, pgdialect.Array(files), pgdialect.Array(numbers), f.Platform, f.Livemode, own.Checked).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("drop known statement lines: %w", err)
	}
	return res.RowsAffected()
}

// stretch is a statement as a piece of an account's history.
type stretch struct {
	File             string
	Number           int
	AccountHash      []byte
	Currency         money.Currency
	Opening, Closing int64
	FirstDay         time.Time `bun:",nullzero"`
	LastDay          time.Time `bun:",nullzero"`
	Checked          bool
}

const stretchSQL = `SELECT s.file, s.number, s.account_hash, s.currency, coalesce(s.opening, 0) AS opening, coalesce(s.closing, 0) AS closing,
	s.first_day, s.last_day, s.checked FROM payouts.statements s `

func stretchOf(ctx context.Context, tx bun.Tx, file string, number int) (own stretch, err error) {
	err = tx.NewRaw(stretchSQL+`WHERE s.file = ? AND s.number = ?`, file, number).Scan(ctx, &own)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return own, fmt.Errorf("read staged statement: %w", err)
	}
	return own, nil
}

// neighbours are the statements of the account that provably stand before or after
// one, and touch its days: balance follows balance from one to the next. Their lines
// are others, even where they look the same, as payments without a reference do. A
// statement that ends with what it began with proves nothing.
func (b *Books) neighbours(ctx context.Context, tx bun.Tx, f *File, own stretch) (files []string, numbers []int, err error) {
	if !own.Checked || own.Opening == own.Closing || own.FirstDay.IsZero() || own.LastDay.IsZero() {
		return nil, nil, nil
	}
	var others []stretch
	err = tx.NewRaw(stretchSQL+`JOIN payouts.statement_files f ON f.id = s.file
		WHERE f.status = 'imported' AND f.platform = ? AND f.livemode = ? AND s.account_hash = ? AND s.currency = ?
		AND s.checked AND s.opening <> s.closing AND s.last_day >= ? AND s.first_day <= ?`,
		f.Platform, f.Livemode, own.AccountHash, own.Currency, own.FirstDay, own.LastDay).Scan(ctx, &others)
	if err != nil {
		return nil, nil, fmt.Errorf("find statements before and after: %w", err)
	}
	before := func(a, b stretch) bool { return a.Closing == b.Opening && !a.LastDay.After(b.FirstDay) }
	found := map[int]bool{}
	walk := func(next func(from, to stretch) bool) {
		for queue := []stretch{own}; len(queue) > 0; queue = queue[1:] {
			for i, other := range others {
				if !found[i] && next(queue[0], other) {
					found[i] = true
					queue = append(queue, other)
				}
			}
		}
	}
	walk(before)
	walk(func(from, to stretch) bool { return before(to, from) })
	for i := range found {
		files, numbers = append(files, others[i].File), append(numbers, others[i].Number)
	}
	return files, numbers, nil
}
