package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up to date", Args: cobra.NoArgs,
		Long:    "Applies what is missing, oldest first, and makes the event log's next months. Several processes may start it together: they take turns.",
		Example: "  SLUICE_DATABASE_URL=postgres://… sluice migrate\n  sluice migrate --config /etc/sluice.conf\n  sluice migrate status",
		RunE: onDatabase(func(cmd *cobra.Command, _ Config, pool *bun.DB) error {
			done, err := db.Migrate(cmd.Context(), pool)
			if err != nil {
				return err
			}
			for _, m := range done {
				fmt.Fprintln(cmd.OutOrStdout(), m.Name)
			}
			if err := event.EnsurePartitions(cmd.Context(), pool, clock.System{}.Now()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d applied; the schema is up to date\n", len(done))
			return nil
		}),
	}
	status := &cobra.Command{
		Use: "status", Short: "List all migrations and when each was applied", Args: cobra.NoArgs,
		Example: "  sluice migrate status\n  sluice migrate status --config /etc/sluice.conf",
		RunE:    onDatabase(printMigrations),
	}
	bindSettings(cmd.Flags())
	bindSettings(status.Flags())
	cmd.AddCommand(status)
	return cmd
}

func printMigrations(cmd *cobra.Command, _ Config, pool *bun.DB) error {
	all, err := db.MigrationStatus(cmd.Context(), pool)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, m := range all {
		applied := "not applied"
		if !m.AppliedAt.IsZero() {
			applied = m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\n", m.Name, applied)
	}
	return w.Flush()
}

// onDatabase runs fn with the configured database.
func onDatabase(fn func(cmd *cobra.Command, cfg Config, pool *bun.DB) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := configOf(cmd)
		if err != nil {
			return err
		}
		if cfg.DatabaseURL.IsZero() {
			return cli.Usagef("database_url is not set; set SLUICE_DATABASE_URL")
		}
		pool, err := openPool(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		defer pool.Close()
		return fn(cmd, cfg, pool)
	}
}

func openPool(ctx context.Context, cfg Config) (*bun.DB, error) {
	return db.Open(ctx, db.Config{URL: cfg.DatabaseURL.Reveal(), Name: "sluice command", MaxConns: 2})
}
