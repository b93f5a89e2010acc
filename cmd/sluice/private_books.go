package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/secret"
)

// startBooks is a throwaway PostgreSQL with the rooms built on it and nothing
// running, for a bench that does the work itself; its directory goes with it.
func startBooks(ctx context.Context, progress io.Writer) (books bench.Books, err error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return bench.Books{}, err
	}
	p := &private{dir: dir, steps: newSteps(progress), ran: make(chan error, 1)}
	stop := func() {
		if p.app != nil {
			_ = p.app.Close() // the database goes as well
		}
		p.app = nil
		p.stop()
		_ = os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may have to run as another user
		return books, err
	}
	if p.state, err = loadState(dir); err != nil {
		return books, err
	}
	p.cfg = Config{
		Addr: "127.0.0.1:0", BaseURL: "http://localhost", DatabaseConns: connections, Roles: allRoles, Dev: true,
		Kafka:     bus.Config{Brokers: []string{"127.0.0.1:1"}}, // nobody publishes
		KeyMaster: secret.New(p.state.KeyMaster), SealMasters: []secret.Text{secret.New(p.state.SealMaster)},
	}
	if err := p.startPostgres(ctx, ""); err != nil {
		return books, err
	}
	if err := p.countStatements(ctx); err != nil {
		return books, err
	}
	if err := p.prepareDatabase(ctx); err != nil {
		return books, err
	}
	log := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.app, err = newApp(ctx, p.cfg, log); err != nil {
		return books, err
	}
	return bench.Books{
		Pool: p.app.pool, DatabaseURL: p.cfg.DatabaseURL, Platform: p.state.PlatformAccount, Clock: p.app.clocks.Test,
		Book: p.app.book, Accounts: p.app.accounts, Payouts: p.app.payouts, Stop: stop,
	}, nil
}

// countStatements has PostgreSQL count and time statements, if it came with the
// extension that does.
func (p *private) countStatements(ctx context.Context) error {
	pool, err := openPool(ctx, p.cfg)
	if err != nil {
		return err
	}
	known, err := pool.NewSelect().TableExpr("pg_available_extensions").Where("name = 'pg_stat_statements'").Exists(ctx)
	if err == nil && known {
		_, err = pool.ExecContext(ctx, `ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`)
	}
	if err = errors.Join(err, pool.Close()); err != nil || !known {
		return err
	}
	p.pg.Stop()
	if err := p.pg.Restart(ctx); err != nil {
		return err
	}
	if pool, err = openPool(ctx, p.cfg); err != nil {
		return err
	}
	return errors.Join(createCounter(ctx, pool), pool.Close())
}

func createCounter(ctx context.Context, pool *bun.DB) error {
	if _, err := pool.ExecContext(ctx, `CREATE EXTENSION pg_stat_statements`); err != nil {
		return fmt.Errorf("count statements: %w", err)
	}
	return nil
}
