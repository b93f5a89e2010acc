package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	checkpoints "github.com/sluicepay/sluice/ledger/history"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// Setup says what Serve is to put up.
type Setup struct {
	Dir         string      // where it lives and stays, with its keys; "" is a place that goes with it
	DatabaseURL secret.Text // instead of a private PostgreSQL
	Platforms   int         // platform accounts
	Processes   int         // processes of the API
	OneByOne    bool        // every payment in a transaction of its own
	Statements  bool        // PostgreSQL counts statements
	Profile     string      // where the first process of the API writes its CPU profile; "" is nowhere
}

// Served are servers in processes of their own.
type Served struct {
	Addresses   []string      // of the API, host:port
	Metrics     []string      // of /metrics
	Keys        []secret.Text // of the platforms
	DatabaseURL secret.Text
	Processes   []int // ids
	Broker      int   // id of the process it runs in; 0 is none of ours
	Echo        Echoing
	Halt        func() // ends the processes of the API
	Stop        func() // ends everything
}

// Serve puts servers up and tells progress how that goes.
type Serve func(ctx context.Context, progress io.Writer, setup Setup) (Served, error)

// options are the flags of the loads.
type options struct {
	connections      []int
	accounts         int
	platforms        int
	processes        int
	rate             int
	duration, warmUp time.Duration
	hot, spread      bool
	oneDestination   bool
	oneByOne         bool
	floor            bool
	statements       int
	profile          string
	verify           bool
	json             bool
	dir, databaseURL string
	baseURL, apiKey  string
	output           string
}

func (sh shape) command(serve Serve) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: sh.name, Short: sh.short, Args: cobra.NoArgs,
		Long: sh.long + "\n\n" +
			"Load, API, PostgreSQL and broker are processes of their own on this machine, and their CPU is told apart. Brings its\n" +
			"own PostgreSQL (with fsync) unless --database-url names one, or --base-url a whole server. Verifies the ledger at the\n" +
			"end. What each figure means stands in cmd/sluice/bench/README.md.",
		Example: "  sluice bench " + sh.name + "\n  sluice bench " + sh.name + " --connections 1,16,64,256 --duration 30s --hot --spread --floor --json\n" +
			"  sluice bench " + sh.name + " --rate 2000 --connections 512      # open loop\n" +
			"  SLUICE_API_KEY=sk_test_… sluice bench " + sh.name + " --base-url http://10.0.0.5:7070",
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, sh, serve) },
	}
	flags := cmd.Flags()
	flags.IntSliceVarP(&o.connections, "connections", "c", []int{64}, "connections, each with one request under way; several numbers are several runs")
	flags.IntVar(&o.rate, "rate", 0, "requests per second of an open loop, whose times run from when a request was due; 0 is the closed loop")
	flags.DurationVar(&o.duration, "duration", 20*time.Second, "how long to measure each run")
	flags.DurationVar(&o.warmUp, "warm-up", 3*time.Second, "how long the load is on before")
	flags.BoolVar(&o.hot, "hot", false, "one platform account takes everything (default)")
	flags.BoolVar(&o.spread, "spread", false, "--platforms take turns; with --hot both are measured and compared")
	flags.IntVar(&o.platforms, "platforms", 100, "platform accounts of --spread")
	flags.IntVar(&o.accounts, "accounts", 200, "connected accounts, shared out among the platforms")
	flags.BoolVar(&o.oneDestination, "one-destination", false, "all money goes to one connected account as well")
	flags.BoolVar(&o.floor, "floor", false, "also measure the floor: the same rows written without our code, and an echo through the same middleware")
	flags.BoolVar(&o.oneByOne, "one-by-one", false, "commit every payment in a transaction of its own, to see what committing many together is worth")
	flags.IntVar(&o.processes, "processes", 1, "processes of the API on the one database")
	flags.IntVar(&o.statements, "statements", 0, "count statements and tell so many of the slowest; costs some speed")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the server, from its start to its end, to this file")
	flags.BoolVar(&o.verify, "verify", true, "verify the whole ledger at the end, which takes minutes if it is large")
	flags.StringVar(&o.dir, "dir", "", "keep PostgreSQL and keys here, or use those of `bench fill`; default a place that is removed")
	flags.StringVar(&o.databaseURL, "database-url", os.Getenv("SLUICE_BENCH_DATABASE_URL"), "this PostgreSQL instead of a private one; default SLUICE_BENCH_DATABASE_URL")
	flags.StringVar(&o.baseURL, "base-url", "", "put the load on this server; default a private one")
	flags.StringVar(&o.apiKey, "api-key", os.Getenv("SLUICE_API_KEY"), "its secret test key, or several with commas between; default SLUICE_API_KEY")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	flags.BoolVar(&o.json, "json", false, "a line of JSON for each run, the same as --output json")
	for _, kept := range []string{"api-key", "database-url"} {
		flags.Lookup(kept).DefValue = ""
	}
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "clients" { // what it was called before
			name = "connections"
		}
		return pflag.NormalizedName(name)
	})
	return cmd
}

func (o *options) check() error {
	if o.json {
		o.output = "json"
	}
	for _, n := range o.connections {
		if n < 1 || n > maxConnections {
			return cli.Usagef("--connections must be 1 to %d", maxConnections)
		}
	}
	switch {
	case len(o.connections) == 0 || o.accounts < 1 || o.platforms < 1 || o.processes < 1 || o.duration <= 0 || o.warmUp <= 0:
		return cli.Usagef("--connections, --accounts, --platforms, --processes, --duration and --warm-up must be more than nothing")
	case o.rate < 0:
		return cli.Usagef("--rate must not be less than nothing")
	case o.output != "table" && o.output != "json":
		return cli.Usagef("--output %s: choose table or json", o.output)
	case o.baseURL != "" && o.apiKey == "":
		return cli.Usagef("--base-url needs --api-key or SLUICE_API_KEY")
	case o.baseURL != "" && (o.floor || o.oneByOne || o.dir != "" || o.processes > 1):
		return cli.Usagef("--floor, --one-by-one, --dir and --processes need a private server: leave --base-url out")
	}
	if !o.spread {
		o.hot = true
	}
	return nil
}

const maxConnections = 10_000

func (o options) run(cmd *cobra.Command, sh shape, serve Serve) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	ctx, progress := cmd.Context(), cmd.ErrOrStderr()
	b, err := o.open(ctx, progress, serve)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.invite(ctx, progress, sh); err != nil {
		return err
	}
	if err := b.rest(ctx, progress); err != nil {
		return err
	}
	reports, err := b.measure(ctx, progress, sh)
	if err != nil {
		return err
	}
	b.served.Halt()
	var verified error
	if o.verify {
		verified = verify(ctx, Server{DatabaseURL: b.served.DatabaseURL}, progress)
	}
	if o.floor && verified == nil {
		if err := b.bottom(ctx, progress, reports); err != nil {
			return err
		}
	}
	for i := range reports {
		reports[i].Verified = o.verify && verified == nil && b.pool != nil
	}
	return errors.Join(o.print(cmd.OutOrStdout(), sh, reports), verified)
}

// bench is a load under way.
type bench struct {
	options
	served  Served
	pool    *bun.DB // nil if the server is somebody else's and nobody told its database
	machine Machine
	parties []party
}

func (o options) open(ctx context.Context, progress io.Writer, serve Serve) (b *bench, err error) {
	b = &bench{options: o}
	if o.baseURL != "" {
		address, err := url.Parse(o.baseURL)
		if err != nil || address.Host == "" || address.Scheme != "http" {
			return b, cli.Usagef("--base-url %s: want http://host:port", o.baseURL)
		}
		b.served = Served{Addresses: []string{address.Host}, DatabaseURL: secret.New(o.databaseURL), Halt: func() {}, Stop: func() {}}
		for key := range strings.SplitSeq(o.apiKey, ",") {
			b.served.Keys = append(b.served.Keys, secret.New(key))
		}
	} else {
		setup := Setup{
			Dir: o.dir, DatabaseURL: secret.New(o.databaseURL), Platforms: 1, Processes: o.processes, OneByOne: o.oneByOne, Statements: o.statements > 0, Profile: o.profile,
		}
		if o.spread {
			setup.Platforms = o.platforms
		}
		if b.served, err = serve(ctx, progress, setup); err != nil {
			return b, err
		}
	}
	if b.served.DatabaseURL.IsZero() {
		return b, nil
	}
	b.pool, err = db.Open(ctx, db.Config{URL: b.served.DatabaseURL.Reveal(), Name: "sluice bench", MaxConns: 4, StatementTimeout: -1})
	if err == nil {
		b.machine, err = look(ctx, b.pool)
	}
	if err != nil {
		return b, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() (err error) {
	if b.pool != nil {
		err = b.pool.Close()
	}
	b.served.Stop()
	return err
}

// invite makes the accounts that are paid.
func (b *bench) invite(ctx context.Context, progress io.Writer, sh shape) error {
	each := (b.accounts + len(b.served.Keys) - 1) / len(b.served.Keys)
	fmt.Fprintf(progress, "  … %d connected accounts of %d platforms\n", each*len(b.served.Keys), len(b.served.Keys))
	for n, key := range b.served.Keys {
		c := client.New("http://"+b.served.Addresses[0], key, makers)
		// The first platform alone is the hot one: all accounts are its own as well.
		wanted := each
		if n == 0 && b.hot {
			wanted = b.accounts
		}
		accounts, err := makeAccounts(ctx, c, wanted)
		if err == nil && (sh.name == "transfers" || sh.name == "mixed") {
			err = fund(ctx, c)
		}
		c.Close()
		if err != nil {
			return err
		}
		b.parties = append(b.parties, party{key: key.Reveal(), accounts: accounts})
	}
	return nil
}

// rest waits until servers and PostgreSQL are at rest. One that starts on a long
// history notes what is due to whom, and that is not what is measured.
func (b *bench) rest(ctx context.Context, progress io.Writer) error {
	if len(b.served.Processes) == 0 || b.pool == nil {
		return nil
	}
	g := gauge{pool: b.pool, servers: b.served.Processes}
	began, still := time.Now(), 0
	before, err := g.read(ctx)
	for err == nil && still < 2 {
		if time.Since(began) > restWithin {
			fmt.Fprintln(progress, "  … the server is still at work on something of its own, and is measured nevertheless")
			return nil
		}
		if !sleep(ctx, time.Second) {
			return ctx.Err()
		}
		var now reading
		if now, err = g.read(ctx); now.server-before.server+now.postgres-before.postgres < atRest {
			still++
		} else {
			still = 0
		}
		if before = now; err == nil && still == 2 {
			var more bool
			if more, err = b.behind(ctx); more {
				still = 0
			}
		}
	}
	return err
}

// behind tells whether jobs that follow the ledger have yet to come: between their
// turns they look as if they were at rest.
func (b *bench) behind(ctx context.Context) (bool, error) {
	var adding bool
	if err := b.pool.NewRaw(addingUp).Scan(ctx, &adding); err != nil || adding {
		return adding, err
	}
	accounts, err := checkpoints.Behind(ctx, b.pool)
	return len(accounts) > 0, err
}

// addingUp tells whether totals of days lack batches that are there.
const addingUp = `
SELECT coalesce(bool_or(position IS NULL OR position > (SELECT position FROM ledger.daily_mark)), false) FROM ledger.batches
WHERE position IS NULL OR position = (SELECT max(position) FROM ledger.batches)`

const (
	atRest     = 200 * time.Millisecond // CPU in a second: relay, leases and jobs look around
	restWithin = 10 * time.Minute
)

// funds is how many charges of the largest amount fill a platform's balance.
const funds = 10

// fund gives a platform something to transfer.
func fund(ctx context.Context, c *client.Client) error {
	for range funds {
		err := c.Post(ctx, "/v1/charges", url.Values{"amount": {"99999999"}, "currency": {"hkd"}, "source": {"tok_bypassPending"}}, nil)
		if err != nil {
			return fmt.Errorf("fill the balance: %w", err)
		}
	}
	return nil
}

// profiles are whose payments are measured, one after the other.
func (b *bench) profiles(parties []party) (names []string, by map[string][]party) {
	by = map[string][]party{}
	hot := parties[0]
	spread := make([]party, len(parties))
	for i, p := range parties {
		p.accounts = p.accounts[:min(len(p.accounts), (b.accounts+len(parties)-1)/len(parties))]
		spread[i] = p
	}
	if b.oneDestination {
		hot.accounts = hot.accounts[:1]
		for i := range spread {
			spread[i].accounts = spread[i].accounts[:1]
		}
	}
	if b.hot {
		names, by["hot"] = append(names, "hot"), []party{hot}
	}
	if b.spread {
		names, by["spread"] = append(names, "spread"), spread
	}
	return names, by
}

// measure makes all runs, for each number of connections hot and spread in neighbouring minutes.
func (b *bench) measure(ctx context.Context, progress io.Writer, sh shape) ([]Report, error) {
	var reports []Report
	names, parties := b.profiles(b.parties)
	known, err := b.remember(ctx, sh)
	if err != nil {
		return nil, err
	}
	for _, connections := range b.connections {
		for _, name := range names {
			s := stage{parties: parties[name], run: id.New("bench"), past: known}
			plan, err := sh.plan(s, b.served.Addresses, b.options, connections)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(progress, "  … %s, %s, %d connections for %s\n", sh.name, name, connections, b.duration)
			r, err := b.once(ctx, progress, sh, plan)
			if err != nil {
				return nil, err
			}
			r.Bench, r.Profile, r.Platforms, r.Processes, r.OneByOne, r.Machine = sh.name, name, len(parties[name]), b.processes, b.oneByOne, b.machine
			for _, p := range parties[name] {
				r.Accounts += len(p.accounts)
			}
			if name == "spread" && len(names) == 2 {
				if spread := r.PerSecond; spread > 0 {
					r.HotPerSpread = rounded(reports[len(reports)-1].PerSecond / spread)
				}
			}
			reports = append(reports, r)
		}
	}
	return reports, nil
}

// once makes one run.
func (b *bench) once(ctx context.Context, progress io.Writer, sh shape, plan Plan) (r Report, err error) {
	g := gauge{pool: b.pool, servers: b.served.Processes, broker: b.served.Broker}
	var before reading
	between := func() (err error) {
		if b.pool != nil && b.statements > 0 {
			if err := forgetStatements(ctx, b.pool); err != nil {
				return err
			}
		}
		before, err = g.read(ctx)
		return err
	}
	after := func(o Outcome) error {
		now, err := g.read(ctx)
		if err != nil {
			return err
		}
		r.Outcome, r.Connections, r.Rate = o, plan.Connections, plan.Rate
		r.Cost = now.since(before, o.Done, o.CPUSeconds, sh.made)
		r.PerSecond = rounded(float64(o.Done) / o.Seconds)
		r.Charges = r.PerSecond
		if len(o.Kinds) > 1 {
			charges := 0
			for _, k := range o.Kinds {
				if !sh.reads && (k.Name == "charge" || k.Name == "payment intent") {
					charges += k.Done
				}
			}
			r.Charges = rounded(float64(charges) / o.Seconds)
		}
		return nil
	}
	if err := drive(ctx, plan, progress, between, after); err != nil {
		return r, err
	}
	if b.pool == nil {
		return r, nil
	}
	if b.statements > 0 {
		if err := slowestStatements(ctx, b.pool, progress, b.statements); err != nil {
			return r, err
		}
	}
	fmt.Fprintln(progress, "  … until everything is told")
	r.Backlog, err = catchUp(ctx, b.pool, b.served.Metrics, caughtUpWithin)
	return r, err
}

// caughtUpWithin bounds the wait for consumers.
const caughtUpWithin = 3 * time.Minute

// rounded keeps three digits behind the point.
func rounded(f float64) float64 { return math.Round(f*1000) / 1000 }

// Report is what a run has found out.
type Report struct {
	Bench        string  `json:"bench"`
	Profile      string  `json:"profile"`
	Connections  int     `json:"connections"`
	Rate         int     `json:"rate"` // of the open loop; 0 is the closed loop
	Platforms    int     `json:"platforms"`
	Accounts     int     `json:"accounts"`
	Processes    int     `json:"processes"`
	OneByOne     bool    `json:"one_by_one"`
	PerSecond    float64 `json:"requests_per_second"`
	Charges      float64 `json:"charges_per_second"` // of transfers: transfers
	Times                // of all kinds together
	Outcome      Outcome `json:"load"`
	Errors       int     `json:"errors"`
	Refused      int     `json:"refused"`
	HotPerSpread float64 `json:"hot_per_spread,omitempty"` // told with the spread run
	Cost         Cost    `json:"cost"`                     // for each request that was done
	Backlog      Backlog `json:"backlog"`
	Floor        *Floor  `json:"floor,omitempty"`
	FloorRatio   float64 `json:"floor_ratio"` // charges_per_second by that of the floor; 0 without --floor
	Verified     bool    `json:"ledger_verified"`
	Machine      Machine `json:"machine"`
}

func (o options) print(out io.Writer, sh shape, reports []Report) error {
	for i := range reports {
		r := &reports[i]
		r.Times, r.Errors, r.Refused = r.Outcome.Times, r.Outcome.Errors, r.Outcome.Refused
	}
	if o.output == "json" {
		enc := json.NewEncoder(out)
		for _, r := range reports {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	reports[0].Machine.print(out)
	fmt.Fprintf(out, "%-7s %5s %6s %9s %9s %9s %9s %7s %7s  %s\n", "PROFILE", "CONNS", "RATE", "PER S", "P50", "P99", "MAX", "REFUSED", "ERRORS",
		"CPU µs EACH: SERVER POSTGRES BROKER LOAD   WAL B  ROWS  CAUGHT UP  FLOOR RATIO")
	for _, r := range reports {
		fmt.Fprintf(out, "%-7s %5d %6d %9.0f %6.1f ms %6.1f ms %6.1f ms %7d %7d %19.0f %8.0f %6.0f %4.0f %7.0f %5.1f %8.1f s  %.3f\n",
			r.Profile, r.Connections, r.Rate, r.PerSecond, r.P50, r.P99, r.Max, r.Refused, r.Errors,
			r.Cost.ServerCPU, r.Cost.PostgresCPU, r.Cost.BrokerCPU, r.Cost.LoadCPU, r.Cost.WALBytes, r.Cost.Rows, r.Backlog.Seconds, r.FloorRatio)
		if len(r.Outcome.Kinds) > 1 {
			for _, k := range r.Outcome.Kinds {
				fmt.Fprintf(out, "    %-34s %8d %8.2f ms %8.2f ms %8.2f ms %7d\n", k.Name, k.Done, k.Times.P50, k.Times.P99, k.Times.Max, k.Errors)
			}
		}
		if r.HotPerSpread > 0 {
			fmt.Fprintf(out, "    hot by spread: %.3f\n", r.HotPerSpread)
		}
		if r.Outcome.FirstError != "" {
			fmt.Fprintf(out, "    first error: %s\n", r.Outcome.FirstError)
		}
	}
	if f := reports[len(reports)-1].Floor; f != nil {
		f.print(out)
	}
	return nil
}
