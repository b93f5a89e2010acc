// Package db opens PostgreSQL and runs transactions.
//
// Rules: a use case opens the transaction and passes it down as tx; InTx takes
// the pool only, so a nested call cannot silently become a savepoint; network
// calls never happen inside (adapters ask Inside and refuse).
package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

type insideKey struct{}

// attempts bounds how often InTx runs fn when PostgreSQL asks to try again.
const attempts = 5

// InTx runs fn in one transaction and commits it. Serialization failures and
// deadlocks (SQLSTATE 40001, 40P01) are retried up to five times with jitter,
// so fn must not have effects outside its tx.
func InTx(ctx context.Context, pool *bun.DB, fn func(ctx context.Context, tx bun.Tx) error) error {
	if Inside(ctx) {
		return errors.New("db: InTx called inside a transaction")
	}
	var err error
	for try := range attempts {
		if err = pool.RunInTx(context.WithValue(ctx, insideKey{}, true), nil, fn); err == nil || !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(1+rand.IntN(5<<try)) * time.Millisecond):
		}
	}
	return fmt.Errorf("transaction gave up after %d attempts: %w", attempts, err)
}

// Inside reports whether ctx belongs to an open transaction.
func Inside(ctx context.Context) bool { return ctx.Value(insideKey{}) != nil }

// Constraint is the name of the constraint that err violates, or "".
// Stores turn these names into faults; nobody else reads them.
func Constraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	return ""
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
