// Command sluice is all of Sluice: the server with its roles, the sandbox for
// development, and the command line of both.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// garbage is GOGC unless the operator sets it: what is alive is some tens of MiB, so
// four times that is a small price for three quarters of the collector's work.
const garbage = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	code := cli.Execute(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// newRoot is the whole command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "sluice", Short: "Marketplace payments with a double-entry ledger",
		Example: "  sluice dev                     everything on this machine, with a marketplace in it\n" +
			"  sluice charges list            look at it, in another terminal\n" +
			"  sluice serve --roles=api       one part of it, in production",
	}
	root.AddCommand(devCommand(), serveCommand(), migrateCommand(), bootstrapCommand(), configCommand(), doctorCommand(), versionCommand())
	root.AddCommand(cli.Commands()...)
	root.AddCommand(bench.Command(bench.Hands{Start: startPrivate, Open: startBooks, Books: openBooks, Serve: startServed, Echo: serveEcho}))
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  sluice version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "sluice", version())
			return err
		},
	}
}

// version is what the Go toolchain recorded: a release, or a commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + " " + info.GoVersion
}
