package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// EntriesFrom lists the entries that an object caused or made a statement line
// in, oldest first, at most 100.
func EntriesFrom(ctx context.Context, idb bun.IDB, source string) ([]Record, error) {
	var ids []int64
	err := idb.NewRaw(`
		SELECT id FROM ledger.entries WHERE source = ?
		UNION SELECT entry_id FROM ledger.balance_transactions WHERE source = ?
		ORDER BY 1 LIMIT 100`, source, source).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find entries: %w", err)
	}
	return recordsOf(ctx, idb, ids)
}

// EntriesOf lists one page of the entries in which an owner takes part, newest
// first: those below the entry number before, or the newest if it is 0.
func EntriesOf(ctx context.Context, idb bun.IDB, owner string, livemode bool, before int64, limit int) ([]Record, error) {
	var ids []int64
	err := idb.NewRaw(`
		SELECT DISTINCT p.entry_id FROM ledger.accounts a
		CROSS JOIN LATERAL (
			SELECT entry_id FROM ledger.postings
			WHERE account_id = a.id AND (entry_id < ? OR ? = 0)
			ORDER BY account_id DESC, entry_id DESC, line DESC LIMIT ?
		) p
		WHERE a.owner = ? AND a.livemode = ?
		ORDER BY p.entry_id DESC LIMIT ?`,
		before, before, limit*MaxPostings, owner, livemode, limit).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	records, err := recordsOf(ctx, idb, ids)
	slices.Reverse(records)
	return records, err
}
