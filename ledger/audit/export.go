package audit

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Format is a form in which the ledger leaves the house.
type Format string

// The formats Export writes.
const (
	HLedger Format = "hledger" // a journal that hledger and ledger read
	CSV     Format = "csv"     // one row per posting
)

// Export writes all entries of one mode in order, from one snapshot: hledger
// with exact decimals, CSV in minor units.
func Export(ctx context.Context, pool *bun.DB, livemode bool, format Format, w io.Writer) error {
	out := bufio.NewWriter(w)
	var write func(ledger.Record) error
	switch format {
	case HLedger:
		write = func(r ledger.Record) error { return writeHLedger(out, r) }
	case CSV:
		rows := csv.NewWriter(out) // writeCSV flushes it
		if err := rows.Write(csvHeader); err != nil {
			return err
		}
		rows.Flush()
		write = func(r ledger.Record) error { return writeCSV(rows, r) }
	default:
		return fmt.Errorf("export ledger: no format %q, there are hledger and csv", format)
	}
	if err := eachRecord(ctx, pool, livemode, write); err != nil {
		return fmt.Errorf("export ledger: %w", err)
	}
	return out.Flush()
}

// eachRecord reads in portions of entry numbers, so that memory stays bounded.
func eachRecord(ctx context.Context, pool *bun.DB, livemode bool, fn func(ledger.Record) error) error {
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // read only: nothing to lose
	for last := int64(0); ; {
		var ends []batchRow
		err := tx.NewRaw(`SELECT id, first_entry, last_entry FROM ledger.batches WHERE id > ? ORDER BY id LIMIT ?`,
			last, chunk).Scan(ctx, &ends)
		if err != nil || len(ends) == 0 {
			return err
		}
		records, err := ledger.Records(ctx, tx, ends[0].FirstEntry, ends[len(ends)-1].LastEntry)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Postings[0].Place.Account.Livemode != livemode {
				continue
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		last = ends[len(ends)-1].ID
	}
}

func writeHLedger(w io.Writer, r ledger.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%d) %s %s\n", r.At.Format(time.DateOnly), r.ID, r.Kind, r.Source)
	for _, p := range r.Postings {
		fmt.Fprintf(&b, "    %s  %s %s\n", hledgerAccount(p.Place.Account),
			strings.ToUpper(string(p.Place.Currency)), money.New(p.Amount, p.Place.Currency).Decimal())
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// hledgerAccount is "liabilities:pending:acct_1".
func hledgerAccount(a ledger.Account) string {
	class := "liabilities"
	if a.Kind.Asset() {
		class = "assets"
	}
	return class + ":" + string(a.Kind) + ":" + a.Owner
}

var csvHeader = []string{"entry", "occurred_at", "kind", "source", "owner", "account", "currency", "debit_minor", "credit_minor"}

func writeCSV(w *csv.Writer, r ledger.Record) error {
	for _, p := range r.Postings {
		debit, credit := strconv.FormatInt(p.Amount, 10), ""
		if p.Amount < 0 {
			debit, credit = "", strconv.FormatInt(-p.Amount, 10)
		}
		err := w.Write([]string{strconv.FormatInt(r.ID, 10), r.At.Format(time.RFC3339Nano), r.Kind, r.Source,
			p.Place.Account.Owner, string(p.Place.Account.Kind), string(p.Place.Currency), debit, credit})
		if err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
