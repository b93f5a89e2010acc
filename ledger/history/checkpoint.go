package history

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Note has two strides: of an account, and of one reading.
const (
	stride  = 1024     // postings from one checkpoint to the next
	reading = 64 << 10 // entries that are read at a time
)

// checkpoint is what an account's totals were after an entry.
type checkpoint struct {
	bun.BaseModel    `bun:"table:ledger.checkpoints,alias:c"`
	AccountID        int64
	EntryID          int64
	Postings         int64
	Debits, Credits  int64
	Earliest, Latest time.Time
}

// Note writes the checkpoints that are missing, and returns how many it wrote.
func Note(ctx context.Context, pool *bun.DB) (int, error) {
	behind, err := Behind(ctx, pool)
	if err != nil {
		return 0, err
	}
	noted := 0
	for _, account := range behind {
		n, err := noteAccount(ctx, pool, account)
		if noted += n; err != nil {
			return noted, fmt.Errorf("note checkpoints of ledger account %d: %w", account, err)
		}
	}
	return noted, nil
}

// Behind lists the ledger accounts of which Note has checkpoints to write.
func Behind(ctx context.Context, idb bun.IDB) (accounts []int64, err error) {
	err = idb.NewRaw(`
		SELECT a.id FROM ledger.accounts a
		LEFT JOIN LATERAL (
			SELECT postings FROM ledger.checkpoints WHERE account_id = a.id ORDER BY entry_id DESC LIMIT 1
		) c ON true
		WHERE a.version >= ?0 AND a.version - coalesce(c.postings, 0) >= ?0 ORDER BY a.id`, stride).Scan(ctx, &accounts)
	if err != nil {
		return nil, fmt.Errorf("find accounts without checkpoints: %w", err)
	}
	return accounts, nil
}

func noteAccount(ctx context.Context, pool *bun.DB, account int64) (noted int, err error) {
	for {
		last, err := lastOf(ctx, pool, account)
		if err != nil {
			return noted, err
		}
		steps, err := stepsAfter(ctx, pool, account, last.EntryID)
		if err != nil {
			return noted, err
		}
		found := checkpoints(last, steps)
		if len(found) == 0 {
			return noted, nil
		}
		// Whoever noted the same meanwhile has noted the same.
		if _, err := pool.NewInsert().Model(&found).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return noted, err
		}
		if noted += len(found); len(steps) < reading {
			return noted, nil
		}
	}
}

// lastOf is the last checkpoint of an account, or the beginning.
func lastOf(ctx context.Context, idb bun.IDB, account int64) (checkpoint, error) {
	var found []checkpoint
	err := idb.NewSelect().Model(&found).Where("c.account_id = ?", account).OrderExpr("c.entry_id DESC").Limit(1).Scan(ctx)
	if err != nil || len(found) == 0 {
		return checkpoint{AccountID: account}, err
	}
	return found[0], nil
}

// step is what one entry did to an account.
type step struct {
	EntryID         int64
	OccurredAt      time.Time
	Postings        int64
	Debits, Credits int64
}

func stepsAfter(ctx context.Context, idb bun.IDB, account, entry int64) (steps []step, err error) {
	err = idb.NewRaw(`
		SELECT s.*, e.occurred_at FROM (
			SELECT entry_id, count(*) AS postings, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debits,
				coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credits
			FROM ledger.postings WHERE account_id = ? AND entry_id > ? GROUP BY entry_id ORDER BY entry_id LIMIT ?
		) s JOIN ledger.entries e ON e.id = s.entry_id ORDER BY s.entry_id`, account, entry, reading).Scan(ctx, &steps)
	return steps, err
}

// checkpoints adds steps up from a checkpoint on. The steps behind the last one that
// is full wait for more.
func checkpoints(from checkpoint, steps []step) (found []checkpoint) {
	next, since := from, int64(0)
	for _, s := range steps {
		if since == 0 || s.OccurredAt.Before(next.Earliest) {
			next.Earliest = s.OccurredAt
		}
		if s.OccurredAt.After(next.Latest) {
			next.Latest = s.OccurredAt
		}
		next.EntryID = s.EntryID
		next.Postings, next.Debits, next.Credits = next.Postings+s.Postings, next.Debits+s.Debits, next.Credits+s.Credits
		if since += s.Postings; since >= stride {
			found, since = append(found, next), 0
		}
	}
	return found
}

// late is how long after its time an entry may be booked: it is made and committed
// within one transaction, on machines whose clocks agree to the second.
const late = time.Minute

// totalsSQL sums accounts up to an instant: up to the last checkpoint before it, and
// then posting by posting to where nothing can have occurred by then any more.
const totalsSQL = `
SELECT w.account_id, coalesce(c.postings, 0) + p.postings AS postings,
	coalesce(c.debits, 0) + p.debits AS debits, coalesce(c.credits, 0) + p.credits AS credits
FROM unnest(?0::bigint[]) AS w (account_id)
LEFT JOIN LATERAL (
	SELECT entry_id, postings, debits, credits FROM ledger.checkpoints
	WHERE account_id = w.account_id AND latest <= ?1 ORDER BY latest DESC, entry_id DESC LIMIT 1
) c ON true
LEFT JOIN LATERAL (
	SELECT entry_id FROM ledger.checkpoints
	WHERE account_id = w.account_id AND entry_id > coalesce(c.entry_id, 0) AND earliest > ?2 ORDER BY entry_id LIMIT 1
) z ON true
CROSS JOIN LATERAL (
	SELECT count(*) AS postings, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debits,
		coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credits
	FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id
	WHERE p.account_id = w.account_id AND p.entry_id > coalesce(c.entry_id, 0)
		AND p.entry_id <= coalesce(z.entry_id, 9223372036854775807) AND e.occurred_at <= ?1
) p`

// Totals is what stands on both sides of an account.
type Totals struct {
	AccountID       int64
	Postings        int64
	Debits, Credits int64
}

// TotalsAt are the totals of accounts as of an instant, by their numbers.
func TotalsAt(ctx context.Context, idb bun.IDB, accounts []int64, at time.Time) (map[int64]Totals, error) {
	var rows []Totals
	err := idb.NewRaw(totalsSQL, pgdialect.Array(accounts), at, at.Add(late)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sum up accounts as of %s: %w", at.Format(time.RFC3339), err)
	}
	found := make(map[int64]Totals, len(rows))
	for _, r := range rows {
		found[r.AccountID] = r
	}
	return found, nil
}
