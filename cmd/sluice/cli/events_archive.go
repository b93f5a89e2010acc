package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

// archiving is what `sluice events archive` was asked for.
type archiving struct {
	before  string
	dir     string
	discard bool
	dryRun  bool
}

func eventsArchive() *cobra.Command {
	s, a := &session{}, archiving{}
	cmd := &cobra.Command{
		Use: "archive", Short: "Take old months out of the event log, into files", Args: cobra.NoArgs,
		Long: fmt.Sprintf("Writes each month that is over, published to Kafka and at least %d days old to a file of gzipped JSON lines and drops it\n", int(event.MinRetention.Hours()/24)) +
			"from the database. Works on the database, so no server has to run; one that runs with event_retention does it daily.",
		Example: "  sluice events archive --dry-run\n  sluice events archive --before 2026-08 --dir /var/lib/sluice/events\n  SLUICE_DATABASE_URL=postgres://… sluice events archive --dir .",
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			before, err := a.check(now)
			if err != nil {
				return err
			}
			return s.onEvents(cmd.Context(), func(pool *bun.DB) error { return a.run(cmd, pool, before, now) })
		},
	}
	cmd.Flags().StringVar(&a.before, "before", "", "only months before this one, such as 2026-08; default all that may go")
	cmd.Flags().StringVar(&a.dir, "dir", "", "directory for the files")
	cmd.Flags().BoolVar(&a.discard, "discard", false, "drop the months without keeping files")
	cmd.Flags().BoolVar(&a.dryRun, "dry-run", false, "only show which months would go")
	return cmd
}

// onEvents runs fn with a connection that may work for long.
func (s *session) onEvents(ctx context.Context, fn func(pool *bun.DB) error) error {
	address, err := s.databaseURL()
	if err != nil {
		return err
	}
	pool, err := db.Open(ctx, db.Config{URL: address, Name: "sluice events", MaxConns: 2, StatementTimeout: -1})
	if err != nil {
		return coded{fmt.Errorf("PostgreSQL does not answer: %w", err), ExitUnreachable}
	}
	defer pool.Close()
	return fn(pool)
}

// check returns the moment before which months have ended that may go.
func (a archiving) check(now time.Time) (time.Time, error) {
	latest := now.Add(-event.MinRetention)
	if !a.dryRun && a.dir == "" && !a.discard {
		return latest, Usagef("say where the events go, --dir, or that they are not kept, --discard")
	}
	if a.dir != "" && a.discard {
		return latest, Usagef("--dir and --discard contradict each other")
	}
	if a.before == "" {
		return latest, nil
	}
	month, err := time.Parse("2006-01", a.before)
	if err != nil {
		return latest, Usagef("--before %s: name a month such as 2026-08", a.before)
	}
	if month.After(latest) {
		return latest, Usagef("--before %s: the log keeps %d days", a.before, int(event.MinRetention.Hours()/24))
	}
	return month, nil
}

func (a archiving) run(cmd *cobra.Command, pool *bun.DB, before, now time.Time) error {
	if a.dryRun {
		months, err := event.Archivable(cmd.Context(), pool, before)
		if err != nil {
			return err
		}
		t := &table{titles: []string{"MONTH", ">EVENTS", "PUBLISHED"}}
		for _, m := range months {
			t.add(m.Name, Thousands(m.Rows), strconv.FormatBool(m.Published))
		}
		t.write(cmd.OutOrStdout())
		return nil
	}
	done, err := event.Archive(cmd.Context(), pool, a.dir, before, now)
	t := &table{titles: []string{"MONTH", ">EVENTS", "FILE"}}
	for _, m := range done {
		t.add(m.Month, Thousands(m.Rows), m.File)
	}
	t.write(cmd.OutOrStdout())
	return err
}
