package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
)

// Proof is why an entry cannot have been changed unnoticed: the digest of the batch
// that wrote it, and the batch's link in the chain.
type Proof struct {
	Batch                 int64
	FirstEntry, LastEntry int64
	Digest                []byte // as it was written with the batch
	Holds                 bool   // the rows of the batch have this digest today
	Position              int64  // in the chain; 0: not sealed yet
	Previous, Link        []byte // nil until it is sealed
	Follows               bool   // the link follows from the one before
}

// ProofOf reads the batch of an entry again and compares it with what was written;
// nil if there is no such entry.
func ProofOf(ctx context.Context, idb bun.IDB, entry int64) (*Proof, error) {
	var rows []batchRow
	err := idb.NewRaw(`SELECT id, first_entry, last_entry, digest, coalesce(position, 0) AS position, link FROM ledger.batches
		WHERE id = ? AND last_entry >= ?`, entry/ledger.MaxEntries, entry).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read the batch of entry %d: %w", entry, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	row := rows[0]
	records, err := ledger.Records(ctx, idb, row.FirstEntry, row.LastEntry)
	if err != nil {
		return nil, err
	}
	p := &Proof{Batch: row.ID, FirstEntry: row.FirstEntry, LastEntry: row.LastEntry, Digest: row.Digest,
		Holds: bytes.Equal(ledger.Digest(row.ID, records), row.Digest)}
	if row.Position == 0 {
		return p, nil
	}
	p.Position, p.Link = row.Position, row.Link
	if p.Previous, err = linkAt(ctx, idb, row.Position-1); err != nil {
		return nil, err
	}
	p.Follows = bytes.Equal(row.Link, link(p.Previous, row.Position, row.ID, row.Digest))
	return p, nil
}

// linkAt is the link at a position of the chain.
func linkAt(ctx context.Context, idb bun.IDB, position int64) (found []byte, err error) {
	if position == 0 {
		return genesis(), nil
	}
	err = idb.NewRaw(`SELECT link FROM ledger.batches WHERE position = ?`, position).Scan(ctx, &found)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // the chain is broken here, and nothing follows from nothing
	}
	if err != nil {
		return nil, fmt.Errorf("read link %d: %w", position, err)
	}
	return found, nil
}
