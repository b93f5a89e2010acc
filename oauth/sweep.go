package oauth

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// sweepSQL removes a batch of what is no longer looked at. Rows that somebody
// works on are left for the next time.
const sweepSQL = `
DELETE FROM ? WHERE ctid IN (
	SELECT ctid FROM ? WHERE ? <= ? ORDER BY ? LIMIT ? FOR UPDATE SKIP LOCKED)`

// Sweep removes expired codes, tokens and requests, at most limit of each kind,
// and tells how many; call it again while it removes something. now is real time.
func (p *Provider) Sweep(ctx context.Context, idb bun.IDB, now time.Time, limit int) (removed int, err error) {
	for _, t := range []struct{ table, column string }{
		{"oauth.tokens", "keep_until"}, {"oauth.codes", "keep_until"},
		{"oauth.pushed_requests", "expires_at"}, {"oauth.authorize_requests", "expires_at"},
	} {
		table, column := bun.Ident(t.table), bun.Ident(t.column)
		res, err := idb.NewRaw(sweepSQL, table, table, column, now, column, limit).Exec(ctx)
		if err != nil {
			return removed, fmt.Errorf("sweep %s: %w", t.table, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return removed, fmt.Errorf("sweep %s: %w", t.table, err)
		}
		removed += int(n)
	}
	return removed, nil
}
