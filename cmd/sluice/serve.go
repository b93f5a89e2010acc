package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/telemetry"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run Sluice in production, or some of its roles", Args: cobra.NoArgs,
		Long: "Runs the given roles until it is told to stop (SIGINT, SIGTERM), then finishes what it has begun.\n" +
			"Settings come from flags, then SLUICE_… in the environment, then the file of --config; `sluice config show` tells which.",
		Example: "  sluice serve --config /etc/sluice.conf\n  sluice serve --roles=api --addr :7070\n" +
			"  SLUICE_DATABASE_URL=postgres://… SLUICE_KAFKA_BROKERS=kafka:9092 sluice serve",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configOf(cmd)
			if err != nil {
				return err
			}
			if err := cfg.complete(); err != nil {
				return err
			}
			if cfg.BaseURL == "" {
				cfg.BaseURL = baseURL(cfg.Addr)
			}
			return serve(cmd.Context(), cfg)
		},
	}
	bindSettings(cmd.Flags())
	return cmd
}

// configOf reads the settings of a command; a wrong one is a mistake in its use.
func configOf(cmd *cobra.Command) (Config, error) {
	all, err := choose(cmd.Flags(), os.LookupEnv)
	if err != nil {
		return Config{}, cli.Usagef("%w", err)
	}
	cfg, err := configure(all)
	if err != nil {
		return Config{}, cli.Usagef("%w", err)
	}
	return cfg, nil
}

// complete fails if a server could not run with this configuration.
func (c Config) complete() error {
	required := map[string]bool{
		"database_url": !c.DatabaseURL.IsZero(), "kafka_brokers": len(c.Kafka.Brokers) > 0,
		"key_master": !c.KeyMaster.IsZero(), "seal_masters": len(c.SealMasters) > 0,
	}
	for _, s := range settings {
		if set, needed := required[s.name]; needed && !set {
			return cli.Usagef("%s is not set: %s; set %s", s.name, s.usage, s.env())
		}
	}
	if c.kafkaCert != "" && (c.Kafka.TLS == nil || c.Kafka.TLS.GetClientCertificate == nil) {
		return cli.Usagef("kafka_tls_cert is set and kafka_tls_key is not")
	}
	if _, err := c.Pepper("api_keys"); err != nil {
		return cli.Usagef("%w", err)
	}
	if _, err := c.Keyring(); err != nil {
		return cli.Usagef("%w", err)
	}
	if !c.MailServer.IsZero() {
		if _, err := smtpConfig(c.MailServer, c.MailFrom); err != nil {
			return cli.Usagef("%w", err)
		}
	}
	return nil
}

func serve(ctx context.Context, cfg Config) (err error) {
	log, err := telemetry.NewLogger(os.Stderr, telemetry.LogConfig{Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return cli.Usagef("%w", err)
	}
	slog.SetDefault(log)
	if cfg.Step, err = crashAt(os.Getenv(crashEnv)); err != nil {
		return err
	}
	if os.Getenv(oneByOneEnv) != "" {
		cfg.Batches = oneByOne
	}
	stop, err := profiled()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	app, err := newApp(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		if closing := app.Close(); err == nil {
			err = closing
		}
	}()
	return inWords(cfg.Addr, app.Run(ctx))
}

func configCommand() *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Print every setting and where it comes from; secrets only as set or not set", Args: cobra.NoArgs,
		Example: "  sluice config show\n  sluice config show --config /etc/sluice.conf\n  SLUICE_ADDR=:8080 sluice config show",
		RunE:    func(cmd *cobra.Command, _ []string) error { return showConfig(cmd) },
	}
	bindSettings(show.Flags())
	cmd := &cobra.Command{Use: "config", Short: "Look at the configuration"}
	cmd.AddCommand(show)
	return cmd
}

func showConfig(cmd *cobra.Command) error {
	all, err := choose(cmd.Flags(), os.LookupEnv)
	if err != nil {
		return cli.Usagef("%w", err)
	}
	if _, err := configure(all); err != nil {
		return cli.Usagef("%w", err)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, c := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.name, c.shown(), c.source)
	}
	return w.Flush()
}
