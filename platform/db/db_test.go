package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
)

func TestMigrationsOfManyProcessesTakeTurns(t *testing.T) {
	url := dbtest.Empty(t)
	const processes = 4
	applied, errs := make(chan int, processes), make(chan error, processes)
	for range processes {
		go func() {
			pool, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 2})
			if err != nil {
				errs <- err
				return
			}
			defer pool.Close()
			done, err := db.Migrate(t.Context(), pool)
			applied <- len(done)
			errs <- err
		}()
	}
	total := 0
	for range processes {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
		total += <-applied
	}
	pool, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	status, err := db.MigrationStatus(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if total != len(status) {
		t.Errorf("%d migrations were applied, there are %d", total, len(status))
	}
	for _, m := range status {
		if m.AppliedAt.IsZero() {
			t.Errorf("%s is not applied", m.Name)
		}
	}
}

func TestTimesComeBackInUTC(t *testing.T) {
	pool := dbtest.New(t)
	var at time.Time
	if err := pool.NewRaw("SELECT ?::timestamptz", time.Now()).Scan(t.Context(), &at); err != nil {
		t.Fatal(err)
	}
	if at.Location() != time.UTC {
		t.Errorf("got %v", at.Location())
	}
}

func TestTransactionInsideATransactionIsRefused(t *testing.T) {
	pool := dbtest.New(t)
	err := db.InTx(t.Context(), pool, func(ctx context.Context, _ bun.Tx) error {
		return db.InTx(ctx, pool, func(context.Context, bun.Tx) error { return nil })
	})
	if err == nil {
		t.Error("it was allowed")
	}
}

func TestUnreachableDatabaseIsUnavailable(t *testing.T) {
	server := dbtest.Postgres(t)
	pool, err := db.Open(t.Context(), db.Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	server.Kill()
	err = db.InTx(t.Context(), pool, func(context.Context, bun.Tx) error { return nil })
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.InTx(t.Context(), pool, func(context.Context, bun.Tx) error { return nil }); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestConnectionKilledBeforeCommitIsTriedAgain(t *testing.T) {
	pool := dbtest.New(t)
	calls := 0
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if calls++; calls > 1 {
			return nil
		}
		_, err := tx.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
		return err
	})
	if err != nil || calls != 2 {
		t.Errorf("calls %d, error %v", calls, err)
	}
}

func TestDeadlockIsTriedAgain(t *testing.T) {
	pool := dbtest.New(t)
	if _, err := pool.Exec("CREATE TABLE rows AS SELECT n FROM generate_series(1, 2) n"); err != nil {
		t.Fatal(err)
	}
	const lockRow = "SELECT n FROM rows WHERE n = ? FOR UPDATE"
	holding, results := make(chan struct{}, 2), make(chan error, 2)
	both := make(chan struct{})
	run := func(first, second int) {
		attempt := 0
		results <- db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, lockRow, first); err != nil {
				return err
			}
			if attempt++; attempt == 1 {
				holding <- struct{}{}
				<-both
			}
			_, err := tx.ExecContext(ctx, lockRow, second)
			return err
		})
	}
	go run(1, 2)
	go run(2, 1)
	<-holding
	<-holding
	close(both)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestConstraintNamesTheViolatedRule(t *testing.T) {
	pool := dbtest.New(t)
	_, err := pool.Exec("UPDATE platform.world_clock SET offset_micros = -1")
	if got := db.Constraint(err); got != "world_clock_forward" {
		t.Errorf("got %q of %v", got, err)
	}
	if got := db.Constraint(errors.New("other")); got != "" {
		t.Errorf("got %q", got)
	}
}
