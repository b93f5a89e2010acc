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
	SELECT f.id, sum(f.net) OVER w AS covered, row_number() OVER w AS rank
	FROM ledger.free_lines f
	WHERE f.account = ? AND f.livemode = ? AND f.currency = ? AND NOT (f.source = ? AND f.type = 'payout')
	WINDOW w AS (ORDER BY f.available_on, f.id)
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

// Posted is a payout and the number of the entry that took its money.
type Posted struct {
	Payout
	Entry int64
}

// AttachAll is Attach for payouts of different purses, which are all locked and whose
// entries were posted in this transaction. Most payouts take everything that is
// available: those are served by one statement for all, and by no line of theirs being
// written. The others are served one by one.
func AttachAll(ctx context.Context, tx bun.Tx, book *ledger.Book, payouts []Posted) error {
	for _, livemode := range []bool{false, true} {
		var asked []Posted
		for _, p := range payouts {
			if p.Livemode == livemode {
				asked = append(asked, p)
			}
		}
		spanned, err := span(ctx, tx, livemode, asked)
		if err != nil {
			return err
		}
		for _, p := range asked {
			if spanned[p.ID] {
				continue
			}
			if _, err := Attach(ctx, tx, book, p.Payout); err != nil {
				return err
			}
		}
	}
	return nil
}

// spanSQL gives payouts that leave nothing available all lines that nobody has named, from
// where the payout before stopped, their own among them. They sum to zero, as the balance does; the
// database checks. Where a payout failed its lines are free by name: those are
// named again, by Attach.
const spanSQL = `
WITH whole AS MATERIALIZED (
	SELECT w.payout, w.entry, av.id AS available, pe.id AS pending, pe.matured_through
	FROM unnest(?0::text[], ?1::text[], ?2::text[], ?3::bigint[]) AS w (owner, currency, payout, entry)
	JOIN ledger.accounts av ON av.owner = w.owner AND av.livemode = ?4 AND av.currency = w.currency AND av.kind = 'available'
	LEFT JOIN ledger.accounts pe ON pe.owner = w.owner AND pe.livemode = ?4 AND pe.currency = w.currency AND pe.kind = 'pending'
	WHERE av.credits = av.debits
		AND NOT EXISTS (SELECT FROM ledger.balance_transactions t WHERE t.account_id = ANY(ARRAY[av.id, pe.id]) AND t.payout = '')
)
INSERT INTO ledger.payout_spans (account_id, after, through, payout)
SELECT v.account, coalesce(taken.through, 0), v.through, whole.payout
FROM whole
CROSS JOIN LATERAL (VALUES (available, entry), (pending, matured_through - DATE '1970-01-01')) AS v (account, through)
LEFT JOIN LATERAL (SELECT s.through FROM ledger.payout_spans s WHERE s.account_id = v.account ORDER BY s.through DESC LIMIT 1) AS taken ON true
WHERE v.through > coalesce(taken.through, 0)
RETURNING payout`

// span serves the payouts that take everything there is, and says which those are.
func span(ctx context.Context, tx bun.Tx, livemode bool, payouts []Posted) (map[string]bool, error) {
	var owners, currencies, ids []string
	var entries []int64
	for _, p := range payouts {
		if p.Amount > 0 && !p.Whole {
			owners, currencies, ids, entries = append(owners, p.Account), append(currencies, string(p.Currency)), append(ids, p.ID), append(entries, p.Entry)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var served []string
	err := tx.NewRaw(spanSQL, pgdialect.Array(owners), pgdialect.Array(currencies), pgdialect.Array(ids), pgdialect.Array(entries), livemode).
		Scan(ctx, &served)
	if err != nil {
		return nil, fmt.Errorf("attach lines to payouts: %w", err)
	}
	spanned := make(map[string]bool, len(served))
	for _, payout := range served {
		spanned[payout] = true
	}
	return spanned, nil
}
