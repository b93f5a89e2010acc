package idempotency

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// Store keeps claims and answers in platform.idempotency_keys. The zero value is ready.
type Store struct{}

// NewStore makes a store.
func NewStore() *Store { return &Store{} }

// Find looks without claiming: the fast path before any transaction.
// Fresh means that nobody has used the key so far.
func (s *Store) Find(ctx context.Context, idb bun.IDB, c *Claim) (Outcome, error) {
	panic("not yet")
}

// ClaimMany claims the keys of a batch in one statement. The result has one outcome per
// claim in the same order; nil claims are Fresh. Of equal keys inside the batch the
// first wins, the others are InProgress.
func (s *Store) ClaimMany(ctx context.Context, tx bun.Tx, at time.Time, claims []*Claim) ([]Outcome, error) {
	panic("not yet")
}

// SaveMany saves the answers of claims, in one statement.
func (s *Store) SaveMany(ctx context.Context, tx bun.Tx, at time.Time, hashes [][16]byte, responses []Response) error {
	panic("not yet")
}

// ReleaseMany gives claims without an answer up, so that their keys are free again.
func (s *Store) ReleaseMany(ctx context.Context, tx bun.Tx, hashes [][16]byte) error {
	panic("not yet")
}

// Sweep forgets up to limit keys that expired before now and tells how many.
func Sweep(ctx context.Context, pool *bun.DB, now time.Time, limit int) (int, error) {
	panic("not yet")
}
