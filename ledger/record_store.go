package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/sluicepay/sluice/platform/money"
)

// Records reads the entries from first to last (inclusive), in order, with
// their postings and statement lines as they are stored.
func Records(ctx context.Context, idb bun.IDB, first, last int64) ([]Record, error) {
	return readRecords(ctx, idb, func(column string) schema.QueryWithArgs {
		return bun.SafeQuery(column+" BETWEEN ? AND ?", first, last)
	})
}

// recordsOf reads the entries of these numbers, in order of the numbers.
func recordsOf(ctx context.Context, idb bun.IDB, ids []int64) ([]Record, error) {
	return readRecords(ctx, idb, func(column string) schema.QueryWithArgs {
		return bun.SafeQuery(column+" = ANY(?)", pgdialect.Array(ids))
	})
}

// among is the condition that a column holds one of the wanted entry numbers.
type among func(column string) schema.QueryWithArgs

func readRecords(ctx context.Context, idb bun.IDB, wanted among) ([]Record, error) {
	var entries []struct {
		ID           int64
		Kind, Source string
		OccurredAt   time.Time
	}
	err := idb.NewRaw(`SELECT id, kind, source, occurred_at FROM ledger.entries WHERE ? ORDER BY id`, wanted("id")).Scan(ctx, &entries)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	records := make([]Record, len(entries))
	byID := make(map[int64]*Record, len(entries))
	for i, e := range entries {
		records[i] = Record{ID: e.ID, Kind: e.Kind, Source: e.Source, At: e.OccurredAt.UTC()}
		byID[e.ID] = &records[i]
	}
	if err := readPostings(ctx, idb, wanted, byID); err != nil {
		return nil, fmt.Errorf("read postings: %w", err)
	}
	if err := readLines(ctx, idb, wanted, byID); err != nil {
		return nil, fmt.Errorf("read statement lines: %w", err)
	}
	return records, nil
}

func readPostings(ctx context.Context, idb bun.IDB, wanted among, into map[int64]*Record) error {
	var rows []struct {
		EntryID  int64
		Owner    string
		Livemode bool
		Kind     Kind
		Currency money.Currency
		Amount   int64
		Account  int64
	}
	err := idb.NewRaw(`
		SELECT p.entry_id, p.account_id AS account, coalesce(a.owner, '') AS owner, coalesce(a.livemode, false) AS livemode,
			coalesce(a.kind, '') AS kind, p.currency, p.amount
		FROM ledger.postings p LEFT JOIN ledger.accounts a ON a.id = p.account_id
		WHERE ? ORDER BY p.entry_id, p.line`, wanted("p.entry_id")).Scan(ctx, &rows)
	for _, r := range rows {
		if e := into[r.EntryID]; e != nil {
			e.Postings = append(e.Postings, RecordPosting{Amount: r.Amount, Account: r.Account,
				Place: Place{Account: Account{Livemode: r.Livemode, Owner: r.Owner, Kind: r.Kind}, Currency: r.Currency}})
		}
	}
	return err
}

func readLines(ctx context.Context, idb bun.IDB, wanted among, into map[int64]*Record) error {
	var rows []struct {
		EntryID     int64
		ID          string
		Account     string
		Livemode    bool
		Type        string
		Currency    string
		Amount      int64
		Fee         int64
		FeeDetails  []Fee `bun:"type:jsonb"`
		Source      string
		Description string
		AvailableOn time.Time
		Pending     bool
	}
	err := idb.NewRaw(`
		SELECT entry_id, id, account, livemode, type, currency, amount, fee, fee_details, source, description, available_on, pending
		FROM ledger.balance_transactions WHERE ? ORDER BY entry_id, id`, wanted("entry_id")).Scan(ctx, &rows)
	for _, r := range rows {
		if e := into[r.EntryID]; e != nil {
			e.Lines = append(e.Lines, RecordLine{
				Line: Line{ID: r.ID, Type: r.Type, Amount: r.Amount, Fee: r.Fee, FeeDetails: r.FeeDetails,
					Source: r.Source, Description: r.Description},
				Account: r.Account, Livemode: r.Livemode, Currency: r.Currency,
				AvailableOn: r.AvailableOn.UTC(), Pending: r.Pending,
			})
		}
	}
	return err
}
