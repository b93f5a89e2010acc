package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"
	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/secret"
)

// Books is a database with the rooms on it and nobody at work in them.
type Books struct {
	Pool        *bun.DB
	DatabaseURL secret.Text
	Platform    string // whose accounts are paid
	Clock       clock.Clock
	Book        *ledger.Book
	Accounts    *connect.Accounts
	Payouts     *payouts.Service
	Stop        func()
}

// Open makes private books and tells progress how that goes.
type Open func(ctx context.Context, progress io.Writer) (Books, error)

// payoutOptions are the flags of `bench payouts`.
type payoutOptions struct {
	accounts, items, schedulers int
	output, profile             string
	slowest                     int
}

func payoutsCommand(open Open) *cobra.Command {
	var o payoutOptions
	cmd := &cobra.Command{
		Use: "payouts", Short: "Measure how long it takes to pay out many accounts", Args: cobra.NoArgs,
		Long: "Fills a database with connected accounts of one platform, each with a bank account, books --items charges on them\n" +
			"through the ledger, lets them mature, and notes every account as due. Then --schedulers pay them out as the server\n" +
			"does, each writing two batches at once: that is the time which is measured, from the first due to the last commit.\n" +
			"Nothing is sent to a bank.\n\n" +
			"Verified at the end: one payout per account, the lines of each sum to zero, what was paid is what was attached, no\n" +
			"line is left, and the whole ledger. Brings its own PostgreSQL (with fsync).",
		Example: "  sluice bench payouts\n  sluice bench payouts --accounts 20000 --items 200000 --schedulers 2 --output json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd, open) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.accounts, "accounts", 100_000, "connected accounts to pay out")
	flags.IntVar(&o.items, "items", 1_000_000, "charges to pay out, shared out evenly")
	flags.IntVar(&o.schedulers, "schedulers", 1, "schedulers at work at once")
	flags.IntVar(&o.slowest, "slowest", 0, "also tell the statements that took most of the time, so many")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the measured time to this file")
	return cmd
}

func (o payoutOptions) check() error {
	switch {
	case o.accounts < 1 || o.schedulers < 1:
		return cli.Usagef("--accounts and --schedulers must be more than nothing")
	case o.items < o.accounts:
		return cli.Usagef("--items must be at least one for each of the --accounts")
	case o.output != "table" && o.output != "json":
		return cli.Usagef("--output %s: choose table or json", o.output)
	}
	return nil
}

func (o payoutOptions) run(cmd *cobra.Command, open Open) error {
	if err := o.check(); err != nil {
		return err
	}
	ctx, progress := cmd.Context(), cmd.ErrOrStderr()
	b, err := open(ctx, progress)
	if err != nil {
		return err
	}
	defer b.Stop()
	machine, err := look(ctx, b.Pool)
	if err != nil {
		return err
	}
	r := PayoutReport{Machine: machine, Accounts: o.accounts, Items: o.items, Schedulers: o.schedulers}
	began := time.Now()
	if err := b.fill(ctx, progress, o.accounts, o.items); err != nil {
		return err
	}
	r.FillSeconds = time.Since(began).Seconds()
	if err := o.measure(ctx, progress, b, &r); err != nil {
		return err
	}
	if r.Proof, err = b.prove(ctx, progress, o); err != nil {
		return err
	}
	if err := o.print(cmd.OutOrStdout(), progress, r); err != nil {
		return err
	}
	return errors.Join(r.Proof.verdict(), verify(ctx, Server{DatabaseURL: b.DatabaseURL}, progress))
}

// measure pays everything out.
func (o payoutOptions) measure(ctx context.Context, progress io.Writer, b Books, r *PayoutReport) (err error) {
	fmt.Fprintf(progress, "  … paying out, %d at a time\n", o.schedulers)
	if o.profile != "" {
		file, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if err := forgetStatements(ctx, b.Pool); err != nil {
		return err
	}
	before, err := b.spent(ctx)
	if err != nil {
		return err
	}
	made := make([]int, o.schedulers)
	began, cpu, now := time.Now(), ownCPU(), b.Clock.Now()
	group, within := errgroup.WithContext(ctx)
	for i := range made {
		group.Go(func() (err error) {
			made[i], err = b.Payouts.RunDue(within, false, now)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	r.Seconds, r.CPUSeconds = took, (ownCPU() - cpu).Seconds()
	for _, n := range made {
		r.Payouts += n
	}
	r.PerSecond, r.ItemsPerSecond = int(float64(r.Payouts)/took), int(float64(o.items)/took)
	after, err := b.spent(ctx)
	if err != nil {
		return err
	}
	r.WALBytes, r.Statements = after.wal-before.wal, after.statements-before.statements
	r.PostgresCPUSeconds = (after.postgres - before.postgres).Seconds()
	return slowestStatements(ctx, b.Pool, progress, o.slowest)
}

// spent is what PostgreSQL has counted so far.
type spent struct {
	wal        int64
	statements int64
	postgres   time.Duration // CPU of all its processes
}

func (b Books) spent(ctx context.Context) (s spent, err error) {
	var backend int
	err = b.Pool.NewRaw(`SELECT pg_backend_pid(), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`).Scan(ctx, &backend, &s.wal)
	if err != nil {
		return s, fmt.Errorf("ask PostgreSQL for its log: %w", err)
	}
	s.postgres = cpuOfPostgres(backend)
	s.statements, err = countedStatements(ctx, b.Pool)
	return s, err
}

// PayoutReport is what `bench payouts` has found out.
type PayoutReport struct {
	Machine        Machine `json:"machine"`
	Accounts       int     `json:"accounts"`
	Items          int     `json:"items"`
	Schedulers     int     `json:"schedulers"`
	FillSeconds    float64 `json:"fill_seconds"`
	Seconds        float64 `json:"payout_seconds"`
	Payouts        int     `json:"payouts"`
	PerSecond      int     `json:"payouts_per_second"`
	ItemsPerSecond int     `json:"items_per_second"`
	Statements     int64   `json:"statements"` // 0: this PostgreSQL does not count them
	WALBytes       int64   `json:"wal_bytes"`
	CPUSeconds     float64 `json:"own_cpu_seconds"` // of this process: everything but PostgreSQL
	// PostgresCPUSeconds is of all its processes; 0 where they cannot be seen.
	PostgresCPUSeconds float64 `json:"postgres_cpu_seconds"`
	Proof              Proof   `json:"proof"`
}

func (o payoutOptions) print(out, progress io.Writer, r PayoutReport) error {
	table := out
	if o.output == "json" {
		table = progress
	}
	r.Machine.print(table)
	fmt.Fprintf(table, "%9s %9s %10s %8s %8s %10s %9s %11s %9s %9s %9s\n",
		"ACCOUNTS", "ITEMS", "SCHEDULERS", "FILL", "PAY OUT", "PAYOUTS/S", "ITEMS/S", "STATEMENTS", "WAL", "OWN CPU", "PG CPU")
	fmt.Fprintf(table, "%9d %9d %10d %6.1f s %6.1f s %10d %9d %11d %6d MB %7.1f s %7.1f s\n", r.Accounts, r.Items, r.Schedulers,
		r.FillSeconds, r.Seconds, r.PerSecond, r.ItemsPerSecond, r.Statements, r.WALBytes>>20, r.CPUSeconds, r.PostgresCPUSeconds)
	if o.output != "json" {
		return nil
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
