package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Line is one posting on an account, with the balance after it in order of booking.
type Line struct {
	EntryID    int64
	Line       int16 // its place in the entry
	Amount     int64 // debits are positive
	Kind       string
	Source     string
	OccurredAt time.Time
	Balance    int64 // credits − debits, this posting counted
}

// Place is where a statement is cut: at a posting of its account.
type Place struct {
	EntryID int64
	Line    int16
}

// LinesParams say which part of an account's statement is wanted.
type LinesParams struct {
	Place     Place // not shown itself; the zero value is the newest end
	Backwards bool  // what is newer than Place, instead of older
	AsOf      time.Time
	Size      int
}

// Lines is a page of an account's statement, newest first, and whether there is more
// of it in the direction of travel.
func Lines(ctx context.Context, idb bun.IDB, account int64, p LinesParams) (lines []Line, more bool, err error) {
	q := idb.NewSelect().TableExpr("ledger.postings AS p").Join("JOIN ledger.entries AS e ON e.id = p.entry_id").
		ColumnExpr("p.entry_id, p.line, p.amount, e.kind, e.source, e.occurred_at").Where("p.account_id = ?", account)
	switch {
	case p.Backwards:
		q = q.Where("(p.entry_id, p.line) > (?, ?)", p.Place.EntryID, p.Place.Line).OrderExpr("p.account_id, p.entry_id, p.line")
	case p.Place != Place{}:
		q = q.Where("(p.entry_id, p.line) < (?, ?)", p.Place.EntryID, p.Place.Line)
		fallthrough
	default:
		q = q.OrderExpr("p.account_id DESC, p.entry_id DESC, p.line DESC")
	}
	if !p.AsOf.IsZero() {
		end, err := endOf(ctx, idb, account, p.AsOf)
		if err != nil {
			return nil, false, err
		}
		q = q.Where("e.occurred_at <= ? AND p.entry_id <= ?", p.AsOf, end)
	}
	if err := q.Limit(int64(p.Size)+1).Scan(ctx, &lines); err != nil {
		return nil, false, fmt.Errorf("read the lines of ledger account %d: %w", account, err)
	}
	if more = len(lines) > p.Size; more {
		lines = lines[:p.Size]
	}
	if p.Backwards {
		slices.Reverse(lines)
	}
	return lines, more, runBalance(ctx, idb, account, lines)
}

// endOf is an entry behind which nothing occurred on the account by an instant.
func endOf(ctx context.Context, idb bun.IDB, account int64, at time.Time) (end int64, err error) {
	err = idb.NewRaw(`
		SELECT coalesce((SELECT entry_id FROM ledger.checkpoints WHERE account_id = ?0 AND latest > ?1 AND earliest > ?1
			ORDER BY latest, entry_id LIMIT 1), 9223372036854775807)`, account, at.Add(late)).Scan(ctx, &end)
	if err != nil {
		return 0, fmt.Errorf("find the end of ledger account %d: %w", account, err)
	}
	return end, nil
}

// runBalance fills in the balance after each line, from what the account had after the
// newest one. Lines that are left out between them (of another instant) are looked up.
func runBalance(ctx context.Context, idb bun.IDB, account int64, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	newest, oldest := lines[0], lines[len(lines)-1]
	balance, err := balanceAfter(ctx, idb, account, newest.EntryID, newest.Line)
	if err != nil {
		return err
	}
	var all []Line
	err = idb.NewRaw(`
		SELECT entry_id, line, amount FROM ledger.postings
		WHERE account_id = ? AND (entry_id, line) BETWEEN (?, ?) AND (?, ?) ORDER BY account_id DESC, entry_id DESC, line DESC`,
		account, oldest.EntryID, oldest.Line, newest.EntryID, newest.Line).Scan(ctx, &all)
	if err != nil {
		return fmt.Errorf("read the balances of ledger account %d: %w", account, err)
	}
	next := 0
	for _, posting := range all {
		if l := &lines[next]; l.EntryID == posting.EntryID && l.Line == posting.Line {
			l.Balance = balance
			next++
		}
		balance += posting.Amount // before it: a debit has lowered it
	}
	return nil
}

// balanceAfter is what an account had after one of its postings.
func balanceAfter(ctx context.Context, idb bun.IDB, account, entry int64, line int16) (balance int64, err error) {
	err = idb.NewRaw(`
		SELECT coalesce(c.balance, 0) - coalesce((
			SELECT sum(amount) FROM ledger.postings
			WHERE account_id = ?0 AND entry_id > coalesce(c.entry_id, 0) AND (entry_id, line) <= (?1, ?2)), 0)::bigint
		FROM (VALUES (1)) AS one LEFT JOIN (
			SELECT entry_id, credits - debits AS balance FROM ledger.checkpoints
			WHERE account_id = ?0 AND entry_id < ?1 ORDER BY entry_id DESC LIMIT 1
		) c ON true`, account, entry, line).Scan(ctx, &balance)
	if err != nil {
		return 0, fmt.Errorf("sum up ledger account %d: %w", account, err)
	}
	return balance, nil
}
