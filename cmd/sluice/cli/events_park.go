package cli

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

func eventsPark() *cobra.Command {
	return group("park", "Look at events that a consumer could not handle, and have them tried again", parkList(), parkRetry())
}

// onParking runs fn with the parking of the server's database.
func (s *session) onParking(ctx context.Context, fn func(p *event.Parking) error) error {
	address, err := s.databaseURL()
	if err != nil {
		return err
	}
	pool, err := db.Open(ctx, db.Config{URL: address, Name: "sluice events park", MaxConns: 2})
	if err != nil {
		return coded{fmt.Errorf("PostgreSQL does not answer: %w", err), ExitUnreachable}
	}
	defer pool.Close()
	return fn(event.NewParking(pool, clock.System{}))
}

// parkedShown bounds a listing.
const parkedShown = 1000

func parkList() *cobra.Command {
	s, consumers := &session{}, ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the held keys: the event that holds each, why, and how many wait behind it", Args: cobra.NoArgs,
		Long: "An event that a consumer could not handle is parked, and later events of its key (its account) are held behind it, so\n" +
			"that nothing overtakes it. Works on the database, so no server has to run.",
		Example: "  sluice events park list\n  sluice events park list --group sluice.webhooks -o json\n" +
			"  SLUICE_DATABASE_URL=postgres://… sluice events park list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return err
			}
			return s.onParking(cmd.Context(), func(p *event.Parking) error {
				lines, err := p.Lines(cmd.Context(), consumers, parkedShown)
				if err != nil {
					return err
				}
				if s.output == asJSON {
					return printJSON(cmd, parkedJSON(lines))
				}
				if len(lines) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "Nothing is parked.")
					return nil
				}
				parkedTable(lines).write(cmd.OutOrStdout())
				return nil
			})
		},
	}
	s.bindDir(cmd.Flags())
	cmd.Flags().StringVar(&consumers, "group", "", "only this consumer group, such as sluice.webhooks")
	cmd.Flags().StringVarP(&s.output, "output", "o", asTable, "table or json")
	return cmd
}

// whyParked is the newest reason.
func whyParked(l event.Line) string {
	if l.LastError != "" {
		return l.LastError
	}
	return l.Reason
}

func parkedTable(lines []event.Line) *table {
	t := &table{titles: []string{"GROUP", "KEY", "EVENT", "TYPE", "PARKED (UTC)", ">BEHIND", ">RETRIES", "REASON"}}
	for _, l := range lines {
		t.add(l.Consumer, l.Key, l.EventID, l.Type, when(l.ParkedAt.Unix()), strconv.Itoa(l.Behind), strconv.Itoa(l.Attempts), whyParked(l))
	}
	return t
}

// parkedLine is a held key as JSON.
type parkedLine struct {
	Group          string     `json:"group"`
	Key            string     `json:"key"`
	Event          string     `json:"event"`
	Type           string     `json:"type"`
	Reason         string     `json:"reason"`
	ParkedAt       time.Time  `json:"parked_at"`
	Behind         int        `json:"behind"`
	Retries        int        `json:"retries"`
	RetryRequested *time.Time `json:"retry_requested_at"`
}

func parkedJSON(lines []event.Line) any {
	list := struct {
		Object string       `json:"object"`
		Data   []parkedLine `json:"data"`
	}{"list", []parkedLine{}}
	for _, l := range lines {
		shown := parkedLine{Group: l.Consumer, Key: l.Key, Event: l.EventID, Type: l.Type, Reason: whyParked(l), ParkedAt: l.ParkedAt, Behind: l.Behind, Retries: l.Attempts}
		if !l.RetryRequestedAt.IsZero() {
			shown.RetryRequested = &l.RetryRequestedAt
		}
		list.Data = append(list.Data, shown)
	}
	return list
}

// retryOptions are the flags of `events park retry`.
type retryOptions struct {
	group, key string
	all, wait  bool
	patience   time.Duration
}

func (o retryOptions) check() error {
	switch {
	case o.group == "":
		return Usagef("--group is required; `sluice events park list` shows the groups")
	case o.all == (o.key != ""):
		return Usagef("choose --key KEY or --all")
	}
	return nil
}

func parkRetry() *cobra.Command {
	s, o := &session{}, retryOptions{}
	cmd := &cobra.Command{
		Use: "retry", Short: "Have parked events tried again by the running consumers", Args: cobra.NoArgs,
		Long: "Marks the key, and writes down who asked and when. A running process of the group tries its events in order, each with\n" +
			"its effect in one transaction, and frees the key after the last one. An event that fails again stays, with the reason.\n" +
			"With --wait, waits for what comes of it: exit 1 if events are still parked.",
		Example: "  sluice events park retry --group sluice.webhooks --key acct_…\n  sluice events park retry --group sluice.payouts --all --wait",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return s.onParking(cmd.Context(), func(p *event.Parking) error { return retryParked(cmd, p, o) })
		},
	}
	s.bindDir(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&o.group, "group", "", "the consumer group, such as sluice.webhooks")
	flags.StringVar(&o.key, "key", "", "the held key: an account, acct_…")
	flags.BoolVar(&o.all, "all", false, "every held key of the group")
	flags.BoolVar(&o.wait, "wait", false, "wait until the keys are free or have failed again")
	flags.DurationVar(&o.patience, "timeout", 30*time.Second, "how long to wait for each key")
	return cmd
}

func retryParked(cmd *cobra.Command, p *event.Parking, o retryOptions) error {
	out := cmd.OutOrStdout()
	marked, err := p.RequestRetry(cmd.Context(), o.group, o.key, operator())
	if err != nil {
		return err
	}
	if len(marked) == 0 && !o.all {
		return coded{fmt.Errorf("%s has nothing parked for %s", o.group, o.key), ExitNotFound}
	}
	if len(marked) == 0 {
		fmt.Fprintf(out, "%s has nothing parked.\n", o.group)
	}
	for _, e := range marked {
		fmt.Fprintf(out, "to be tried again: %s, beginning with %s (%s)\n", printable(e.Key), printable(e.EventID), printable(e.Type))
	}
	if !o.wait {
		return nil
	}
	parked := 0
	for _, e := range marked {
		reason, err := awaitRetry(cmd.Context(), p, e, o.patience)
		if err != nil {
			return err
		}
		if reason == "" {
			fmt.Fprintf(out, "free: %s\n", printable(e.Key))
			continue
		}
		parked++
		fmt.Fprintf(out, "still parked: %s: %s\n", printable(e.Key), printable(reason))
	}
	if parked > 0 {
		return fmt.Errorf("%d of %d keys are still held", parked, len(marked))
	}
	return nil
}

// lookEvery is how often a waiting retry looks.
const lookEvery = 200 * time.Millisecond

// awaitRetry waits until the key is free ("") or still held, and says why.
func awaitRetry(ctx context.Context, p *event.Parking, e event.Parked, patience time.Duration) (reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		line, held, err := p.FindLine(ctx, e.Consumer, e.Key)
		switch {
		case err != nil && ctx.Err() == nil:
			return "", err
		case err == nil && !held:
			return "", nil
		case err == nil && line.RetryRequestedAt.IsZero():
			return line.EventID + " failed again: " + whyParked(line), nil
		}
		select {
		case <-ctx.Done():
			return fmt.Sprintf("nobody has finished it within %s; is a process of %s running?", patience, e.Consumer), nil
		case <-tick.C:
		}
	}
}

// operator names who types, for the parking's log.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
