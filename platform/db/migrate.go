package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"github.com/sluicepay/sluice/migrations"
)

// migrationLock is the advisory lock that lets one process migrate at a time:
// "sluicemg" in ASCII. A lock of the session, unlike bun's lock row, does not outlive a crash.
const migrationLock = 0x736c756963656d67

// Migrated is one migration and when it was applied (zero: not yet).
type Migrated struct {
	Name      string // 20261122100250_platform_run
	AppliedAt time.Time
}

// Migrate brings the schema up to date and returns what it applied. Processes
// that start together take turns; the later ones find nothing left to do.
func Migrate(ctx context.Context, pool *bun.DB) ([]Migrated, error) {
	var done []Migrated
	err := withMigrator(ctx, pool, func(m *migrate.Migrator) error {
		group, err := m.Migrate(ctx)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		done = listed(group.Migrations, time.Now().UTC())
		return nil
	})
	return done, err
}

// MigrationStatus lists every known migration, oldest first.
func MigrationStatus(ctx context.Context, pool *bun.DB) ([]Migrated, error) {
	var all []Migrated
	err := withMigrator(ctx, pool, func(m *migrate.Migrator) error {
		status, err := m.MigrationsWithStatus(ctx)
		if err != nil {
			return fmt.Errorf("read migrations: %w", err)
		}
		all = listed(status, time.Time{})
		return nil
	})
	return all, err
}

// withMigrator runs fn alone among all processes, on prepared bookkeeping tables.
func withMigrator(ctx context.Context, pool *bun.DB, fn func(*migrate.Migrator) error) error {
	known := migrate.NewMigrations()
	if err := known.Discover(migrations.Files); err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Close()
	// Waiting for another migration may take longer than a statement normally may.
	if _, err := conn.ExecContext(ctx, "SET statement_timeout = 0; SET lock_timeout = 0"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for another migration: %w", err)
	}
	defer func() { // also when ctx is done, or the pooled connection would keep the lock
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock_all(); RESET ALL")
	}()

	m := migrate.NewMigrator(pool, known,
		migrate.WithMarkAppliedOnSuccess(true), // bun's default records failed ones too
		migrate.WithUpsert(true),
		migrate.BeforeMigration(liftTimeout),
		migrate.AfterMigration(markInside))
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return fn(m)
}

// liftTimeout lets a migration of a large table take its time; waiting for locks stays bounded.
func liftTimeout(ctx context.Context, tx bun.IConn, _ *migrate.Migration) error {
	_, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0")
	return err
}

// markInside records the migration in its own transaction: a crash right after
// its commit would otherwise leave it applied but unrecorded. bun's own record,
// which follows, finds the row and updates it.
func markInside(ctx context.Context, tx bun.IConn, m *migrate.Migration) error {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO bun_migrations (name, group_id, migrated_at) VALUES (?, ?, ?)", m.Name, m.GroupID, time.Now().UTC())
	return err
}

func listed(ms migrate.MigrationSlice, at time.Time) []Migrated {
	out := make([]Migrated, 0, len(ms))
	for _, m := range ms {
		when := m.MigratedAt
		if when.IsZero() {
			when = at
		}
		out = append(out, Migrated{Name: m.String(), AppliedAt: when})
	}
	return out
}
