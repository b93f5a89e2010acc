package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
)

// startBooks is a throwaway PostgreSQL with the rooms built on it and nothing
// running, for a bench that does the work itself; its directory goes with it.
func startBooks(ctx context.Context, progress io.Writer) (bench.Books, error) {
	return openBooks(ctx, progress, bench.Setup{Statements: true})
}

// openBooks is the same where the setup says. Nobody publishes what is written into them.
func openBooks(ctx context.Context, progress io.Writer, setup bench.Setup) (books bench.Books, err error) {
	p, tidy, err := foundation(ctx, progress, setup)
	if err != nil {
		return books, err
	}
	stop := func() {
		if p.app != nil {
			_ = p.app.Close() // what is committed is kept
		}
		p.app = nil
		p.stop()
		tidy()
	}
	p.cfg.Addr, p.cfg.BaseURL, p.cfg.Roles, p.cfg.Dev = "127.0.0.1:0", "http://localhost", allRoles, true
	log := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.app, err = newApp(ctx, p.cfg, log); err != nil {
		stop()
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
	if _, err := pool.ExecContext(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
		return fmt.Errorf("count statements: %w", err)
	}
	return nil
}
