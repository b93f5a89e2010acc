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

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
)

// hookOptions are the flags of `bench webhooks`.
type hookOptions struct {
	endpoints, fanout, accounts, dead, rate int
	duration                                time.Duration
	steady, burst                           bool
	output, profile                         string
}

func webhooksCommand(start Start) *cobra.Command {
	var o hookOptions
	cmd := &cobra.Command{
		Use: "webhooks", Short: "Measure webhooks: deliveries per second, and the time from commit to delivery", Args: cobra.NoArgs,
		Long: "Events take the whole way: event log, relay, Kafka, subscriber, dispatcher, HTTP, and a receiver in this process that\n" +
			"verifies the signature and notes id and time. They are appended to the log straight in the database, four charges of\n" +
			"1.5 KB to a transaction, so that webhooks are measured and not charges; a delivery's time runs from the end of that\n" +
			"commit to the receiver having read the request. They belong to --accounts connected accounts in turn; the platform's\n" +
			"--endpoints Connect endpoints share them out by type, --fanout endpoints to each event.\n\n" +
			"steady: --rate events a second, which shows the time; burst: as fast as deliveries follow, which shows the capacity.\n" +
			"With --dead, steady runs once more beside endpoints that refuse to accept, never answer, or drip a byte a second:\n" +
			"each has a backlog and hears of an event every ten seconds.\n\n" +
			"Loss is verified by id: every event at every endpoint that wants it. Brings its own PostgreSQL (with fsync) and broker.",
		Example: "  sluice bench webhooks\n  sluice bench webhooks --burst --endpoints 5 --duration 60s\n  sluice bench webhooks --steady --rate 500 --dead 1000",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd, start) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.endpoints, "endpoints", 4, fmt.Sprintf("healthy endpoints, at most %d", len(chargeTypes)))
	flags.IntVar(&o.fanout, "fanout", 1, "how many of them want each event")
	flags.IntVar(&o.accounts, "accounts", 100, "connected accounts whose events they are")
	flags.IntVar(&o.dead, "dead", 0, "dead endpoints beside them, in a second steady run")
	flags.IntVar(&o.rate, "rate", 500, "events per second of the steady run")
	flags.DurationVar(&o.duration, "duration", 20*time.Second, "how long to measure each profile")
	flags.BoolVar(&o.steady, "steady", false, "only the steady run")
	flags.BoolVar(&o.burst, "burst", false, "only the burst")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the measured time to this file")
	return cmd
}

func (o hookOptions) check() error {
	switch {
	case o.endpoints < 1 || o.endpoints > len(chargeTypes):
		return cli.Usagef("--endpoints must be 1 to %d", len(chargeTypes))
	case o.fanout < 1 || o.fanout > o.endpoints:
		return cli.Usagef("--fanout must be 1 to the number of --endpoints")
	case o.accounts < 1 || o.rate < 1 || o.duration <= 0:
		return cli.Usagef("--accounts, --rate and --duration must be more than nothing")
	case o.dead < 0 || o.dead > o.accounts*deadEach:
		return cli.Usagef("--dead must be 0 to %d for each of the --accounts", deadEach)
	case o.output != "table" && o.output != "json":
		return cli.Usagef("--output %s: choose table or json", o.output)
	}
	return nil
}

func (o hookOptions) run(cmd *cobra.Command, start Start) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	ctx, progress := cmd.Context(), cmd.ErrOrStderr()
	server, err := start(ctx, progress)
	if err != nil {
		return err
	}
	defer server.Stop()
	pool, err := db.Open(ctx, db.Config{URL: server.DatabaseURL.Reveal(), Name: "sluice bench", MaxConns: writers + 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	machine, err := look(ctx, pool)
	if err != nil {
		return err
	}
	c := client.New(server.BaseURL, server.SecretKey, makers)
	defer c.Close()
	h := &hall{api: c, score: newScore()}
	defer h.close()
	f := &feed{pool: pool, score: h.score, wanted: shares(o.endpoints, o.fanout)}
	var self struct{ ID string }
	if err := c.Get(ctx, "/v1/account", nil, &self); err != nil {
		return err
	}
	f.platform = self.ID
	if f.accounts, err = makeAccounts(ctx, c, o.accounts); err != nil {
		return err
	}
	if err := h.open(ctx, f.wanted, o.endpoints); err != nil {
		return err
	}
	results, err := o.measure(ctx, progress, h, f)
	if err != nil {
		return err
	}
	if err := o.print(cmd.OutOrStdout(), HookReport{Machine: machine, Runs: results}); err != nil {
		return err
	}
	return verdict(results)
}

// measure runs the profiles that were asked for, one after the other.
func (o hookOptions) measure(ctx context.Context, progress io.Writer, h *hall, f *feed) (results []HookResult, err error) {
	fmt.Fprintf(progress, "  … warming up\n")
	if _, err := f.steady(ctx, o.rate, 2*warmUp); err != nil {
		return nil, err
	}
	if o.profile != "" {
		file, err := os.Create(o.profile)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	one := func(name string, dead int, run func() (HookResult, error)) error {
		fmt.Fprintf(progress, "  … %s for %s\n", name, o.duration)
		r, err := run()
		r.Profile, r.Endpoints, r.Dead = name, o.endpoints, dead
		results = append(results, r)
		return err
	}
	steady := func() (HookResult, error) { return f.steady(ctx, o.rate, o.duration) }
	if o.steady || !o.burst {
		if err := one("steady", 0, steady); err != nil {
			return results, err
		}
	}
	if o.burst || !o.steady {
		if err := one("burst", 0, func() (HookResult, error) { return f.burst(ctx, o.duration) }); err != nil {
			return results, err
		}
	}
	if o.dead > 0 {
		fmt.Fprintf(progress, "  … %d dead endpoints\n", o.dead)
		if err := h.bury(ctx, f.accounts, o.dead); err != nil {
			return results, err
		}
		rest, err := f.haunt(ctx)
		if err != nil {
			return results, err
		}
		defer rest()
		if err := one("steady", o.dead, steady); err != nil {
			return results, err
		}
	}
	return results, nil
}

// HookReport is what `bench webhooks` has found out.
type HookReport struct {
	Machine Machine      `json:"machine"`
	Runs    []HookResult `json:"runs"`
}

// HookResult is what one profile gave.
type HookResult struct {
	Profile      string  `json:"profile"`
	Endpoints    int     `json:"endpoints"`
	Dead         int     `json:"dead_endpoints"`
	Events       int     `json:"events"`
	EventsPerSec int     `json:"events_per_second"`
	Deliveries   int     `json:"deliveries"`
	PerSecond    int     `json:"deliveries_per_second"`
	P50Millis    float64 `json:"commit_to_delivery_p50_ms"`
	P95Millis    float64 `json:"commit_to_delivery_p95_ms"`
	P99Millis    float64 `json:"commit_to_delivery_p99_ms"`
	MaxMillis    float64 `json:"commit_to_delivery_max_ms"`
	Lost         int     `json:"lost"`       // deliveries that never came
	Twice        int     `json:"duplicates"` // and those that came again
	Forged       int     `json:"bad_signatures"`
	CPUSeconds   float64 `json:"own_cpu_seconds"` // of this process: everything but PostgreSQL
}

func (o hookOptions) print(out io.Writer, r HookReport) error {
	if o.output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	r.Machine.print(out)
	fmt.Fprintf(out, "%-7s %9s %5s %8s %9s %11s %13s %10s %10s %10s %10s %5s %6s %9s\n", "PROFILE", "ENDPOINTS", "DEAD", "EVENTS", "EVENTS/S",
		"DELIVERIES", "DELIVERIES/S", "P50", "P95", "P99", "MAX", "LOST", "TWICE", "OWN CPU")
	for _, r := range r.Runs {
		fmt.Fprintf(out, "%-7s %9d %5d %8d %9d %11d %13d %7.1f ms %7.1f ms %7.1f ms %7.1f ms %5d %6d %7.1f s\n", r.Profile, r.Endpoints, r.Dead, r.Events,
			r.EventsPerSec, r.Deliveries, r.PerSecond, r.P50Millis, r.P95Millis, r.P99Millis, r.MaxMillis, r.Lost, r.Twice, r.CPUSeconds)
	}
	return nil
}

// verdict fails the command when an event was lost or its signature did not hold.
func verdict(results []HookResult) error {
	for _, r := range results {
		if r.Lost > 0 || r.Forged > 0 {
			return cli.Unverified(fmt.Errorf("%d deliveries lost and %d with a bad signature in the %s run", r.Lost, r.Forged, r.Profile))
		}
	}
	return nil
}
