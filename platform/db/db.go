// Package db opens PostgreSQL and runs transactions.
//
// Rules: a use case opens the transaction and passes it down as tx; InTx takes
// the pool only, so a nested call cannot silently become a savepoint; network
// calls never happen inside (adapters ask Inside and refuse).
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
)

// ErrUnknown means that the connection broke while PostgreSQL was committing,
// or that the caller stopped waiting: the work may or may not be there. Look
// before doing it again.
var ErrUnknown = errors.New("the outcome of the commit is not known")

type insideKey struct{}

// attempts bounds how often a transaction runs when PostgreSQL asks to try again.
const attempts = 5

// InTx runs fn in one transaction and commits it. Serialization failures and
// deadlocks (SQLSTATE 40001, 40P01) and connections lost before COMMIT are
// retried up to five times with jitter, so fn must not have effects outside its
// tx. A database out of reach is a fault of kind Unavailable; a commit that got
// no answer is ErrUnknown.
func InTx(ctx context.Context, pool *bun.DB, fn func(ctx context.Context, tx bun.Tx) error) error {
	if Inside(ctx) {
		return errors.New("db: InTx called inside a transaction")
	}
	return withRetries(ctx, func(ctx context.Context) error { return transact(ctx, pool, fn) })
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

// transact is one attempt: begin, fn, commit. A panic of fn rolls back and goes on.
func transact(ctx context.Context, pool *bun.DB, fn func(ctx context.Context, tx bun.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return &lostError{err}
	}
	open := true
	defer func() {
		if open {
			_ = tx.Rollback() // fn failed or panicked; that error tells more than this one
		}
	}()
	if err := fn(context.WithValue(ctx, insideKey{}, true), tx); err != nil {
		if broken(err) {
			return &lostError{err}
		}
		return err
	}
	open = false
	return commitOutcome(tx.Commit())
}

// lostError is a transaction that never began or whose session broke before
// COMMIT: nothing of it remains, and what it was to do is not to blame.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// commitOutcome tells a refused commit, of which nothing remains, from one
// without an answer. Only an ERROR from the server is a refusal: FATAL means
// that the session was ended, perhaps after the commit took effect.
func commitOutcome(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR":
		return err
	case errors.Is(err, pgx.ErrTxCommitRollback), errors.Is(err, sql.ErrTxDone):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// withRetries runs try again while PostgreSQL asks for it or the session was
// lost with nothing done, at most five times.
func withRetries(ctx context.Context, try func(context.Context) error) error {
	var err error
	var lost *lostError
	for n := range attempts {
		if err = try(ctx); !errors.As(err, &lost) && !retryable(err) {
			return err
		}
		if stopped := backOff(ctx, n); stopped != nil {
			return stopped
		}
	}
	if errors.As(err, &lost) {
		return unavailable("The database cannot be reached. Nothing was done; please try again.", err)
	}
	return fmt.Errorf("transaction gave up after %d attempts: %w", attempts, err)
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// broken reports whether err comes from a session that is gone.
func broken(err error) bool {
	var pg *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &pg):
		return pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false // ours, not the server's
	}
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

func unavailable(message string, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: message, Err: cause}
}

// backOff waits a random while, longer with every try; it returns ctx's error if that comes first.
func backOff(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(1+rand.IntN(5<<try)) * time.Millisecond):
		return nil
	}
}

// guarded turns a panic of fn into an error that carries its stack.
func guarded(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}
