package bench

import (
	"context"
	"fmt"
	"io"

	"github.com/uptrace/bun"
)

// countsStatements reports whether this PostgreSQL counts statements.
func countsStatements(ctx context.Context, pool *bun.DB) (bool, error) {
	return pool.NewSelect().TableExpr("pg_extension").Where("extname = 'pg_stat_statements'").Exists(ctx)
}

// forgetStatements has statements counted from here on.
func forgetStatements(ctx context.Context, pool *bun.DB) error {
	counts, err := countsStatements(ctx, pool)
	if err == nil && counts {
		_, err = pool.NewRaw(`SELECT pg_stat_statements_reset()`).Exec(ctx)
	}
	return err
}

// countedStatements is 0 where nobody counts.
func countedStatements(ctx context.Context, pool *bun.DB) (n int64, err error) {
	counts, err := countsStatements(ctx, pool)
	if err != nil || !counts {
		return 0, err
	}
	err = pool.NewRaw(`SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements`).Scan(ctx, &n)
	return n, err
}

// slowestStatements tells which statements took most of the time since they were forgotten.
func slowestStatements(ctx context.Context, pool *bun.DB, out io.Writer, n int) error {
	if counts, err := countsStatements(ctx, pool); err != nil || !counts || n < 1 {
		return err
	}
	var rows []struct {
		Calls   int64
		Seconds float64
		Wal     int64
		Text    string
	}
	err := pool.NewRaw(`SELECT calls, total_exec_time / 1000 AS seconds, wal_bytes::bigint AS wal, left(regexp_replace(query, '\s+', ' ', 'g'), 110) AS text
		FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT ?`, n).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("ask PostgreSQL for its statements: %w", err)
	}
	for _, r := range rows {
		fmt.Fprintf(out, "    %7d calls %8.2f s %6d MB  %s\n", r.Calls, r.Seconds, r.Wal>>20, r.Text)
	}
	return nil
}
