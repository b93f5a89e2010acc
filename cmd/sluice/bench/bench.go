// Package bench puts load on a server, as clients of its public API would, and
// reports what it bore.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

// Server is what the load is put on.
type Server struct {
	BaseURL     string
	SecretKey   secret.Text
	DatabaseURL secret.Text // to verify the ledger afterwards; zero: not verified
	Stop        func()      // nil for a server of somebody else
}

// Start makes a private server and tells progress how that goes.
type Start func(ctx context.Context, progress io.Writer) (Server, error)

// options are the flags of `bench charges`.
type options struct {
	clients, accounts int
	duration          time.Duration
	hot, spread       bool
	baseURL, apiKey   string
	output            string
}

// warmUp runs before the clock does: connections open, caches fill, pages are written once.
const warmUp = time.Second

// Command is the group of benches; start serves those that are given no server, and
// open those that work on the books themselves.
func Command(start Start, open Open) *cobra.Command {
	var o options
	charges := &cobra.Command{
		Use: "charges", Short: "Measure charges per second, for one hot account and for many", Args: cobra.NoArgs,
		Long: "Every client posts destination charges with an application fee over a connection of its own, each under a fresh\n" +
			"idempotency key, and waits for the answer. hot: all money goes to one connected account; spread: to --accounts in turn.\n" +
			"Brings its own PostgreSQL (with fsync) and broker unless --base-url names a server; verifies the ledger at the end.",
		Example: "  sluice bench charges\n  sluice bench charges --clients 256 --duration 60s --hot\n" +
			"  SLUICE_API_KEY=sk_test_… sluice bench charges --base-url http://10.0.0.5:7070 --spread --accounts 1000",
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, start) },
	}
	flags := charges.Flags()
	flags.IntVar(&o.clients, "clients", 64, "clients at a time")
	flags.DurationVar(&o.duration, "duration", 20*time.Second, "how long to measure each profile")
	flags.IntVar(&o.accounts, "accounts", 100, "connected accounts of the spread profile")
	flags.BoolVar(&o.hot, "hot", false, "only one connected account")
	flags.BoolVar(&o.spread, "spread", false, "only many connected accounts")
	flags.StringVar(&o.baseURL, "base-url", "", "put the load on this server; default a private one")
	flags.StringVar(&o.apiKey, "api-key", os.Getenv("SLUICE_API_KEY"), "its secret test key; default SLUICE_API_KEY")
	flags.Lookup("api-key").DefValue = ""
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	cmd := &cobra.Command{Use: "bench", Short: "Measure a server"}
	cmd.AddCommand(charges, webhooksCommand(start), payoutsCommand(open))
	return cmd
}

func (o options) check() error {
	switch {
	case o.clients < 1 || o.accounts < 1 || o.duration <= 0:
		return cli.Usagef("--clients, --accounts and --duration must be more than nothing")
	case o.output != "table" && o.output != "json":
		return cli.Usagef("--output %s: choose table or json", o.output)
	case o.baseURL != "" && o.apiKey == "":
		return cli.Usagef("--base-url needs --api-key or SLUICE_API_KEY")
	}
	return nil
}

func (o options) run(cmd *cobra.Command, start Start) error {
	if err := o.check(); err != nil {
		return err
	}
	ctx, progress := cmd.Context(), cmd.ErrOrStderr()
	server := Server{BaseURL: o.baseURL, SecretKey: secret.New(o.apiKey)}
	if o.baseURL == "" {
		var err error
		if server, err = start(ctx, progress); err != nil {
			return err
		}
		defer server.Stop()
	}
	c := client.New(server.BaseURL, server.SecretKey, o.clients)
	defer c.Close()
	accounts, err := makeAccounts(ctx, c, o.accounts)
	if err != nil {
		return err
	}
	var results []Result
	for _, p := range o.profiles(accounts) {
		fmt.Fprintf(progress, "  … %s, %d clients for %s\n", p.name, o.clients, o.duration)
		if _, err := load(ctx, c, o.clients, warmUp, p); err != nil {
			return err
		}
		result, err := load(ctx, c, o.clients, o.duration, p)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	if err := o.print(cmd.OutOrStdout(), results); err != nil {
		return err
	}
	return verify(ctx, server, progress)
}

// profile says where the money goes.
type profile struct {
	name         string
	destinations []string
}

func (o options) profiles(accounts []string) []profile {
	all := []profile{{"hot", accounts[:1]}, {"spread", accounts}}
	switch {
	case o.hot && !o.spread:
		return all[:1]
	case o.spread && !o.hot:
		return all[1:]
	}
	return all
}

// makers bounds how many accounts are made at a time.
const makers = 16

func makeAccounts(ctx context.Context, c *client.Client, n int) ([]string, error) {
	ids := make([]string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(makers)
	for i := range ids {
		group.Go(func() error {
			var made struct{ ID string }
			err := c.Post(ctx, "/v1/accounts", url.Values{
				"type": {"custom"}, "country": {"HK"}, "business_profile[name]": {"Bench " + strconv.Itoa(i)},
				"capabilities[transfers][requested]": {"true"},
			}, &made)
			ids[i] = made.ID
			return err
		})
	}
	return ids, group.Wait()
}

// verify proves that speed has cost no cent.
func verify(ctx context.Context, server Server, out io.Writer) (err error) {
	if server.DatabaseURL.IsZero() {
		fmt.Fprintln(out, "The ledger of a given server is not verified; run `sluice ledger verify` there.")
		return nil
	}
	pool, err := db.Open(ctx, db.Config{URL: server.DatabaseURL.Reveal(), Name: "sluice bench", MaxConns: 2, StatementTimeout: -1, IdleTimeout: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return cli.Verify(ctx, pool, out)
}

func (o options) print(out io.Writer, results []Result) error {
	if o.output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(results)
	}
	fmt.Fprintf(out, "%-8s %8s %9s %10s %9s %9s %9s %7s %9s\n",
		"PROFILE", "CLIENTS", "CHARGES", "CHARGES/S", "P50", "P99", "MAX", "ERRORS", "OWN CPU")
	for _, r := range results {
		fmt.Fprintf(out, "%-8s %8d %9d %10d %6.1f ms %6.1f ms %6.1f ms %7d %7.1f s\n", r.Profile, r.Clients, r.Charges, r.PerSecond,
			r.P50Millis, r.P99Millis, r.MaxMillis, r.Errors, r.CPUSeconds)
		if r.FirstError != "" {
			fmt.Fprintf(out, "         first error: %s\n", r.FirstError)
		}
	}
	return nil
}
