package payouts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// says is what the file of a batch says: read from its items page by page, never
// all at once.
func (s *Service) says(ctx context.Context, idb bun.IDB, b Batch) (rail.Batch, error) {
	debtor, err := s.openDebtor(b.Debtor, b.ID)
	if err != nil {
		return rail.Batch{}, err
	}
	return rail.Batch{
		ID: b.ID, Number: b.Number, CreatedAt: b.CreatedAt.UTC(), ExecuteOn: b.ExecuteOn.UTC(), Currency: b.Currency, Debit: b.Debit,
		Instant: b.Instant, Debtor: debtor, Count: int(b.Count), Total: b.Total, Instructions: s.instructions(ctx, idb, b),
	}, nil
}

func (s *Service) instructions(ctx context.Context, idb bun.IDB, b Batch) iter.Seq2[rail.Instruction, error] {
	return func(yield func(rail.Instruction, error) bool) {
		for n := int64(0); n < b.Count; {
			items, err := itemsOf(ctx, idb, b.ID, n)
			if err == nil && (len(items) == 0 || items[0].N != n) {
				err = fmt.Errorf("batch %s: item %d is missing", b.ID, n)
			}
			if err != nil {
				yield(rail.Instruction{}, err)
				return
			}
			for _, item := range items {
				creditor, err := s.openCreditor(item.Creditor, item.Payout)
				i := rail.Instruction{
					Reference: item.Payout, Amount: money.New(item.Amount, b.Currency), Creditor: creditor, Debit: b.Debit, Instant: b.Instant,
					Statement: item.Statement, ExecuteOn: b.ExecuteOn.UTC(), At: b.CreatedAt.UTC(),
				}
				if !yield(i, err) || err != nil {
					return
				}
				n++
			}
		}
	}
}

// write streams the file of a sealed batch. A file that differs from the sealed one,
// because the format was changed since, is an error: its end is held back until its
// digest is known, so that nobody ever receives a whole file that was not sealed.
func (s *Service) write(ctx context.Context, w io.Writer, way rail.Filed, b Batch) error {
	said, err := s.says(ctx, s.pool, b)
	if err != nil {
		return err
	}
	digest := digest{hash: sha256.New(), to: w}
	if err := way.Write(&digest, said); err != nil {
		return fmt.Errorf("write the file of batch %s: %w", b.ID, err)
	}
	if digest.size != b.Size || !bytes.Equal(digest.hash.Sum(nil), b.SHA256) {
		return fmt.Errorf("the file of batch %s differs from the one that was sealed: has the format changed?", b.ID)
	}
	return digest.flush()
}

// digest measures what is written through it, and holds the last part of it back.
type digest struct {
	hash hash.Hash
	to   io.Writer // nil: nobody else
	size int64
	held []byte
}

func (d *digest) Write(b []byte) (int, error) {
	d.size += int64(len(b))
	d.hash.Write(b)
	if d.to == nil || len(b) == 0 {
		return len(b), nil
	}
	if err := d.flush(); err != nil {
		return 0, err
	}
	d.held = append(d.held[:0], b...)
	return len(b), nil
}

// flush lets go of what was held back.
func (d *digest) flush() error {
	_, err := d.to.Write(d.held)
	d.held = d.held[:0]
	return err
}
