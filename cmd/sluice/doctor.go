package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/dev/postgres"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check what this machine has for `sluice dev`", Args: cobra.NoArgs,
		Example: "  sluice doctor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			healthy := true
			for _, check := range checkups {
				found, err := check.look(cmd.Context())
				mark := "✓"
				if err != nil {
					mark, found = "✗", err.Error()
					healthy = healthy && check.optional
				}
				fmt.Fprintf(cmd.OutOrStdout(), "  %s %-12s %s\n", mark, check.name, found)
			}
			if !healthy {
				return errors.New("something that `sluice dev` needs is missing")
			}
			return nil
		},
	}
}

var checkups = []struct {
	name     string
	optional bool
	look     func(context.Context) (string, error)
}{
	{"PostgreSQL", false, lookForPostgres},
	{"API address", true, func(ctx context.Context) (string, error) {
		addr, err := freeAddr(ctx, "127.0.0.1:7070")
		return addr + " is free", err
	}},
	{"directory", false, lookForDirectory},
	{"hledger", true, func(context.Context) (string, error) {
		path, err := exec.LookPath("hledger")
		if err != nil {
			return "", errors.New("not installed; only needed to read `sluice ledger export` with it")
		}
		return path, nil
	}},
}

// lookForPostgres does not download: a check-up changes nothing.
func lookForPostgres(ctx context.Context) (string, error) {
	found, err := postgres.Installed(ctx, 0)
	if err != nil {
		return "", err
	}
	return found.Version + " in " + found.Dir, nil
}

func lookForDirectory(context.Context) (string, error) {
	f, err := os.CreateTemp(".", ".sluice-doctor-*")
	if err != nil {
		return "", errors.New("this directory cannot be written; start `sluice dev --dir` elsewhere")
	}
	return "can be written", errors.Join(f.Close(), os.Remove(f.Name()))
}
