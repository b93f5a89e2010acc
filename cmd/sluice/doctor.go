package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/dev/postgres"
)

func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what this machine has for `sluice dev`, and the way to Kafka for `sluice serve`", Args: cobra.NoArgs,
		Example: "  sluice doctor\n  sluice doctor --config /etc/sluice.conf",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configOf(cmd)
			if err != nil {
				return err
			}
			healthy := true
			for _, check := range checkups {
				found, err := check.look(cmd.Context(), cfg)
				mark := "✓"
				if err != nil {
					mark, found = "✗", err.Error()
					healthy = healthy && check.optional
				}
				fmt.Fprintf(cmd.OutOrStdout(), "  %s %-12s %s\n", mark, check.name, found)
			}
			if !healthy {
				return errors.New("something that `sluice dev` or `sluice serve` needs is missing")
			}
			return nil
		},
	}
	bindSettings(cmd.Flags())
	return cmd
}

var checkups = []struct {
	name     string
	optional bool
	look     func(context.Context, Config) (string, error)
}{
	{"PostgreSQL", false, lookForPostgres},
	{"API address", true, func(ctx context.Context, _ Config) (string, error) {
		addr, err := freeAddr(ctx, "127.0.0.1:7070")
		return addr + " is free", err
	}},
	{"directory", false, lookForDirectory},
	{"Kafka", false, lookForKafka},
	{"banks", false, lookForBanks},
	{"hledger", true, func(context.Context, Config) (string, error) {
		path, err := exec.LookPath("hledger")
		if err != nil {
			return "", errors.New("not installed; only needed to read `sluice ledger export` with it")
		}
		return path, nil
	}},
}

// lookForPostgres does not download: a check-up changes nothing.
func lookForPostgres(ctx context.Context, _ Config) (string, error) {
	found, err := postgres.Installed(ctx, 0)
	if err != nil {
		return "", err
	}
	return found.Version + " in " + found.Dir, nil
}

// lookForKafka tries the way that `sluice serve` would take.
func lookForKafka(ctx context.Context, cfg Config) (string, error) {
	if len(cfg.Kafka.Brokers) == 0 {
		return "kafka_brokers is not set; `sluice dev` brings a broker of its own", nil
	}
	b, err := bus.Open(cfg.Kafka)
	if err != nil {
		return "", err
	}
	defer func() { _ = b.Close() }()
	if err := b.Check(ctx); err != nil {
		return "", errors.New(inShort(err))
	}
	return "answers at " + strings.Join(cfg.Kafka.Brokers, ","), nil
}

func lookForDirectory(context.Context, Config) (string, error) {
	f, err := os.CreateTemp(".", ".sluice-doctor-*")
	if err != nil {
		return "", errors.New("this directory cannot be written; start `sluice dev --dir` elsewhere")
	}
	return "can be written", errors.Join(f.Close(), os.Remove(f.Name()))
}
