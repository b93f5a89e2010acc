// Package bench puts load on a server, as clients of its public API would, and
// reports what it bore.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"syscall"
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

// Hands make what benches need.
type Hands struct {
	Start Start                          // a server in this process
	Open  Open                           // the books alone
	Books Prepare                        // the books alone, where a setup says
	Serve Serve                          // servers in processes of their own
	Echo  func(cmd *cobra.Command) error // what the process of Served.Echo does
}

// Command is the group of benches.
func Command(h Hands) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure a server"}
	for _, sh := range shapes {
		cmd.AddCommand(sh.command(h.Serve))
	}
	if h.Echo != nil {
		cmd.AddCommand(&cobra.Command{
			Use: "echo", Short: "Serve the middleware of the API and nothing behind it", Hidden: true, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return h.Echo(cmd) },
		})
	}
	cmd.AddCommand(loadCommand(), webhooksCommand(h.Start), payoutsCommand(h.Open), fillCommand(h.Books))
	return cmd
}

// warmUp runs before the clock does: connections open, caches fill, pages are written once.
const warmUp = time.Second

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

func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
