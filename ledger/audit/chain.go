package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

// genesis is what the first link follows.
func genesis() []byte {
	sum := sha256.Sum256([]byte("sluice ledger"))
	return sum[:]
}

// link binds a batch to its place behind everything sealed before it.
func link(previous []byte, position, batch int64, digest []byte) []byte {
	h := sha256.New()
	h.Write(previous)
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(position))
	binary.BigEndian.PutUint64(n[8:], uint64(batch))
	h.Write(n[:])
	h.Write(digest)
	return h.Sum(nil)
}

// sealLock is the advisory lock of the one who seals.
const sealLock = 0x51ce5ea1

// Seal appends every committed batch that is not in the chain yet, in
// portions, and returns how many it appended.
//
// It runs in the background, so that no commit of money waits for the one
// before it. The order of the chain is the order of sealing: a batch that
// commits late stands later in the chain, and none is passed over.
func Seal(ctx context.Context, pool *bun.DB) (int, error) {
	sealed := 0
	for {
		n := 0
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) (err error) {
			n, err = sealSome(ctx, tx)
			return err
		})
		if err != nil {
			return sealed, fmt.Errorf("seal ledger: %w", err)
		}
		sealed += n
		if n < 10*chunk {
			return sealed, nil
		}
	}
}

func sealSome(ctx context.Context, tx bun.Tx) (int, error) {
	if _, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(?)`, sealLock).Exec(ctx); err != nil {
		return 0, err
	}
	head, err := headOf(ctx, tx)
	if err != nil {
		return 0, err
	}
	var rows []batchRow
	err = tx.NewRaw(`SELECT id, digest FROM ledger.batches WHERE position IS NULL ORDER BY id LIMIT ?`, 10*chunk).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids, positions, links := make([]int64, len(rows)), make([]int64, len(rows)), make([][]byte, len(rows))
	for i, row := range rows {
		head.Position++
		head.Link = link(head.Link, head.Position, row.ID, row.Digest)
		ids[i], positions[i], links[i] = row.ID, head.Position, head.Link
	}
	_, err = tx.NewRaw(`
		UPDATE ledger.batches b SET position = s.position, link = s.link
		FROM unnest(?::bigint[], ?::bigint[], ?::bytea[]) AS s (id, position, link) WHERE b.id = s.id`,
		pgdialect.Array(ids), pgdialect.Array(positions), pgdialect.Array(links)).Exec(ctx)
	return len(rows), err
}

// headOf is the last link of the chain.
func headOf(ctx context.Context, idb bun.IDB) (batchRow, error) {
	var heads []batchRow
	err := idb.NewRaw(`SELECT position, link FROM ledger.batches WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`).Scan(ctx, &heads)
	if err != nil || len(heads) == 0 {
		return batchRow{Link: genesis()}, err
	}
	return heads[0], nil
}

// Head is the end of the chain. Written down elsewhere (on paper, in another
// system), it makes a rewritten ledger recognisable.
type Head struct {
	Position int64
	Link     []byte
}

// ErrEmpty says that nothing has been sealed yet.
var ErrEmpty = errors.New("audit: nothing is sealed yet")

// HeadOf reads the end of the chain, or ErrEmpty.
func HeadOf(ctx context.Context, idb bun.IDB) (Head, error) {
	h, err := headOf(ctx, idb)
	if err != nil {
		return Head{}, fmt.Errorf("read the head of the chain: %w", err)
	}
	if h.Position == 0 {
		return Head{}, ErrEmpty
	}
	return Head{Position: h.Position, Link: h.Link}, nil
}
