package balance

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/money"
)

// Payout is what Attach needs to know of one.
type Payout struct {
	Purse
	ID     string // po_…
	Amount int64  // negative for a debit
	At     time.Time
	NewID  func() string // ids for the two lines of a cut
	// Whole is a debit that takes an earlier payout back: it is for no lines of the
	// past, and all of it is left for the next payout once it has cleared.
	Whole    bool
	ClearsOn time.Time // as of its journal.Payout
}

// Attach gives a payout the lines it consists of, after its entry
// (journal.PayoutCreated) was posted in the same transaction.
//
// It takes the oldest available lines that are in no payout yet: as many as
// net exactly the amount, or else as few as cover it. In the second case the
// remainder is cut off by a pair of lines, one held back in this payout and one
// left for the next. With the payout's own negative line the attached lines
// sum to zero; the database refuses anything else. It returns their ids.
//
// A debit is the same with the signs turned: its own line is positive, and it
// takes the oldest lines that come to what it collects. If no lines come to so
// much, all of it is left for the next payout by the pair.
//
// The purse is locked, so two payouts never take the same line.
func Attach(ctx context.Context, tx bun.Tx, book *ledger.Book, p Payout) ([]string, error) {
	if err := Lock(ctx, tx, book, p.Purse); err != nil {
		return nil, err
	}
	own, err := ownLine(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	lines, remainder, err := oldest(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	lines = append(lines, own)
	if remainder != 0 {
		held, err := cut(ctx, tx, book, p, remainder)
		if err != nil {
			return nil, err
		}
		lines = append(lines, held)
	}
	_, err = tx.NewRaw(`UPDATE ledger.balance_transactions SET payout = ? WHERE id = ANY(?)`,
		p.ID, pgdialect.Array(lines)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("attach lines to payout %s: %w", p.ID, err)
	}
	return lines, nil
}

func ownLine(ctx context.Context, tx bun.Tx, p Payout) (string, error) {
	var id string
	var net int64
	err := tx.NewRaw(`SELECT id, net FROM ledger.balance_transactions
		WHERE source = ? AND type = 'payout' AND account = ? AND livemode = ?`, p.ID, p.Account, p.Livemode).Scan(ctx, &id, &net)
	if err != nil {
		return "", fmt.Errorf("find the line of payout %s: %w", p.ID, err)
	}
	if net != -p.Amount {
		return "", fmt.Errorf("payout %s of %d has a line of %d", p.ID, p.Amount, net)
	}
	return id, nil
}

// oldestSQL sums up free available lines, oldest first; the sign is -1 for a debit.
// It runs after the purse was locked, so the lines it sees are the ones that are attached.
const oldestSQL = `
WITH free AS (
	SELECT t.id, sum(t.net) OVER w AS covered, row_number() OVER w AS rank
	FROM ledger.accounts a JOIN ledger.balance_transactions t ON t.account_id = a.id AND t.payout IS NULL
	WHERE a.owner = ? AND a.livemode = ? AND a.currency = ? AND a.kind IN ('pending', 'available')
		AND (a.kind = 'available' OR (t.available_on AT TIME ZONE 'UTC')::date <= a.matured_through)
		AND NOT (t.source = ? AND t.type = 'payout')
	WINDOW w AS (ORDER BY t.available_on, t.id)
), last AS (
	SELECT coalesce(max(rank) FILTER (WHERE covered = ?), min(rank) FILTER (WHERE ? * covered > ?)) AS rank FROM free
)
SELECT free.id, free.covered::bigint AS covered FROM free JOIN last ON free.rank <= last.rank ORDER BY free.rank`

func oldest(ctx context.Context, tx bun.Tx, p Payout) ([]string, int64, error) {
	if p.Whole {
		return nil, -p.Amount, nil
	}
	sign := int64(1)
	if p.Amount < 0 {
		sign = -1
	}
	var rows []struct {
		ID      string
		Covered int64
	}
	err := tx.NewRaw(oldestSQL, p.Account, p.Livemode, string(p.Currency), p.ID, p.Amount, sign, sign*p.Amount).Scan(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("find lines for payout %s: %w", p.ID, err)
	}
	if len(rows) == 0 && p.Amount < 0 {
		return nil, -p.Amount, nil
	}
	if len(rows) == 0 {
		return nil, 0, fmt.Errorf("the available lines of %s do not cover payout %s", p.Account, p.ID)
	}
	ids := make([]string, len(rows), len(rows)+2)
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, rows[len(rows)-1].Covered - p.Amount, nil
}

func cut(ctx context.Context, tx bun.Tx, book *ledger.Book, p Payout, remainder int64) (string, error) {
	entry := journal.PayoutCut(journal.Payout{
		ID: p.ID, Livemode: p.Livemode, Account: p.Account,
		Amount: money.New(remainder, p.Currency), At: p.At, ClearsOn: p.ClearsOn,
	}, p.NewID)
	results, err := book.Post(ctx, tx, entry)
	if err != nil {
		return "", fmt.Errorf("cut payout %s: %w", p.ID, err)
	}
	if results[0].Err != nil {
		return "", fmt.Errorf("cut payout %s: %w", p.ID, results[0].Err)
	}
	return entry.LineID("payout_minimum_balance_hold", p.ID), nil
}

// Detach frees the lines of a payout that failed or was canceled, after the
// entry that gave the money back was posted in the same transaction. The
// payout keeps its own line and the one that gave the money back; the others
// wait for the next payout.
func Detach(ctx context.Context, tx bun.Tx, book *ledger.Book, p Purse, payout string) error {
	if err := Lock(ctx, tx, book, p); err != nil {
		return err
	}
	var changed int
	if err := tx.NewRaw(`SELECT ledger.detach(?)`, payout).Scan(ctx, &changed); err != nil {
		return fmt.Errorf("detach lines of payout %s: %w", payout, err)
	}
	return nil
}
