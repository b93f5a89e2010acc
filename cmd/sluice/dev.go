package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/telemetry"
)

// devOptions are the flags of `sluice dev`.
type devOptions struct {
	dir, addr, postgresURL string
	noSeed, reset          bool
}

func devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine: PostgreSQL, broker, API and a seeded marketplace", Args: cobra.NoArgs,
		Long: "Starts a private PostgreSQL and a Kafka-protocol broker, migrates, fills in TutorHub HK, a tutoring marketplace in\n" +
			"Hong Kong, and serves the API. Ctrl-C stops all of it; the data stays for the next time.",
		Example: "  sluice dev\n  sluice dev --reset --no-seed\n  sluice dev --dir /tmp/other --addr 127.0.0.1:7171",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return dev(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", ".sluice", "where everything is kept")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:7070", "where the API listens; port 0 takes a free one")
	flags.StringVar(&o.postgresURL, "postgres-url", "", "use this PostgreSQL instead of a private one")
	flags.BoolVar(&o.noSeed, "no-seed", false, "begin with an empty marketplace")
	flags.BoolVar(&o.reset, "reset", false, "forget the data of earlier runs first")
	return cmd
}

// dev runs until ctx ends, which is a success: Ctrl-C is how one leaves.
func dev(ctx context.Context, o devOptions, out, progress io.Writer) error {
	release, err := claim(o.dir)
	if err != nil {
		return err
	}
	defer release()
	forgetReady(o.dir) // of a run that was killed
	if o.reset {
		if err := reset(o.dir); err != nil {
			return err
		}
	}
	log, closeLog, err := devLog(o.dir)
	if err != nil {
		return err
	}
	defer closeLog()
	p, err := launch(ctx, privateConfig{Dir: o.dir, Addr: o.addr, PostgresURL: o.postgresURL, Log: log, Steps: newSteps(progress)})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	err = unlessStopped(ctx, p.serveDeveloper(ctx, o, out))
	began := time.Now()
	forgetReady(o.dir)
	p.stop()
	if err == nil {
		fmt.Fprintf(progress, "\nStopped cleanly in %.1f s; data kept in %s\n", time.Since(began).Seconds(), o.dir)
	}
	return err
}

// unlessStopped forgives what failed because the developer asked to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// devLog writes to a file, so that the terminal keeps the banner.
func devLog(dir string) (*slog.Logger, func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, inWords("", err)
	}
	log, err := telemetry.NewLogger(f, telemetry.LogConfig{Format: "text"})
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	slog.SetDefault(log)
	return log, func() { _ = f.Close() }, nil
}

// forgetReady takes dev.json away: it must not send anybody to a server that has gone.
func forgetReady(dir string) { _ = os.Remove(filepath.Join(dir, cli.ReadyFile)) }

// serveDeveloper seeds, verifies, says where everything is, and waits for the end.
func (p *private) serveDeveloper(ctx context.Context, o devOptions, out io.Writer) error {
	c := client.New(p.base, secret.New(p.state.SecretKey), seedWorkers)
	defer c.Close()
	if err := p.seedOnce(ctx, c, o.noSeed); err != nil {
		return err
	}
	if err := p.openShop(ctx, c); err != nil {
		return err
	}
	if err := p.verify(ctx); err != nil {
		return err
	}
	connected, err := payable(ctx, c)
	if err != nil {
		return err
	}
	ready := cli.Ready{
		BaseURL: p.base, SecretKey: p.state.SecretKey, PublishableKey: p.state.PublishableKey,
		PlatformAccount: p.state.PlatformAccount, KafkaBrokers: p.cfg.Kafka.Brokers,
		DatabaseURL: p.cfg.DatabaseURL.Reveal(), WebhookInboxURL: p.base + hooksPath,
		MailInboxURL: p.base + mailPath, MarketplaceURL: p.base + marketplace.Path,
		ConnectURL: p.app.shop.ConnectURL(), ClientID: p.state.ClientID,
	}
	for _, tutor := range connected {
		ready.ConnectedAccounts = append(ready.ConnectedAccounts, tutor.ID)
	}
	if ready.DashboardURL, ready.TutorURL, err = p.openDoors(ctx, connected); err != nil {
		return err
	}
	// The banner first: whoever waits for the file finds the banner whole.
	fmt.Fprint(out, banner(ready, connected, o.dir))
	if err := inWords("", ready.WriteTo(o.dir)); err != nil {
		return err
	}
	return p.wait(ctx)
}

func (p *private) seedOnce(ctx context.Context, c *client.Client, no bool) error {
	if no || p.state.Seeded {
		return nil
	}
	done := p.steps.begin()
	told, err := plant(ctx, c, p.steps.progress())
	if err != nil {
		return fmt.Errorf("seed TutorHub HK: %w", err)
	}
	done("%s", told)
	p.state.Seeded = true
	return p.state.save(p.dir)
}

func (p *private) verify(ctx context.Context) error {
	done := p.steps.begin()
	report, err := audit.Verify(ctx, p.app.pool, nil)
	if err != nil {
		return err
	}
	if !report.OK() {
		return cli.Unverified(fmt.Errorf("the ledger in %s does not hold: %s", p.dir, report.Findings[0]))
	}
	sentence, err := cli.Verified(ctx, p.app.pool, report)
	if err != nil {
		return err
	}
	done("%s", sentence)
	return nil
}

// payee is a connected account that can receive transfers.
type payee struct {
	ID              string
	Email           *string
	BusinessProfile struct{ Name *string } `json:"business_profile"`
	Capabilities    map[string]string
}

// payable lists the first hundred connected accounts that can receive transfers, oldest first.
func payable(ctx context.Context, c *client.Client) ([]payee, error) {
	var page struct{ Data []payee }
	if err := c.Get(ctx, "/v1/accounts", url.Values{"limit": {"100"}}, &page); err != nil {
		return nil, err
	}
	var found []payee
	for i := len(page.Data) - 1; i >= 0; i-- {
		if page.Data[i].Capabilities["transfers"] == "active" {
			found = append(found, page.Data[i])
		}
	}
	return found, nil
}

// banner is what a developer needs for the first five minutes.
func banner(r cli.Ready, payees []payee, dir string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("  API          %s/v1", r.BaseURL)
	line("  Secret key   %s", r.SecretKey)
	line("  Publishable  %s", r.PublishableKey)
	line("  Platform     %s  TutorHub HK", r.PlatformAccount)
	for i, tutor := range payees {
		if i == bannerPayees {
			line("               … %d more: %s accounts list", len(payees)-i, typed())
			break
		}
		label := ""
		if i == 0 {
			label = "Connected"
		}
		line("  %-12s %s  %s", label, tutor.ID, name(tutor))
	}
	line("  Dashboard    %s   (signs you in; good for 10 minutes)", r.DashboardURL)
	if r.TutorURL != "" {
		line("  Tutor view   %s   (the same, as a tutor)", r.TutorURL)
	}
	line("  Marketplace  %s   (a sample platform: connect a tutor, charge for them)", r.MarketplaceURL)
	line("  Connect link %s", r.ConnectURL)
	line("  Mail inbox   %s", r.MailInboxURL)
	line("  Webhooks     %s", r.WebhookInboxURL)
	line("  Kafka        %s", strings.Join(r.KafkaBrokers, ","))
	line("  PostgreSQL   psql '%s'", r.DatabaseURL)
	line("  Data and log kept in %s (start anew: %s dev --reset)", dir, typed())
	line("")
	if len(payees) > 0 {
		line("  Try: split HK$600.00 between you and %s", name(payees[0]))
		b.WriteString(tryCurl(r.BaseURL, r.SecretKey, payees[0].ID))
		line("  Then: %s time advance 2d     # pending → available → payout", typed())
	} else {
		line("  Try: create a tutor who can receive money")
		b.WriteString(tryAccount(r.BaseURL, r.SecretKey))
	}
	return b.String()
}

// bannerPayees keeps the banner on one screen.
const bannerPayees = 8

func name(p payee) string {
	if p.BusinessProfile.Name == nil {
		return p.ID
	}
	return *p.BusinessProfile.Name
}

// tryCurl is a payment of HK$600.00 with a fee of HK$90.00, ready to be pasted.
func tryCurl(base, key, destination string) string {
	return "    curl " + base + "/v1/payment_intents -u " + key + ": \\\n" +
		"      -d amount=60000 -d currency=hkd -d payment_method=pm_card_visa -d confirm=true \\\n" +
		"      -d application_fee_amount=9000 -d \"transfer_data[destination]=" + destination + "\"\n"
}

// tryAccount is a first tutor for an empty marketplace.
func tryAccount(base, key string) string {
	return "    curl " + base + "/v1/accounts -u " + key + ": \\\n" +
		"      -d type=custom -d country=HK -d \"business_profile[name]=Chan Ka Yan\" \\\n" +
		"      -d \"capabilities[transfers][requested]=true\" -d external_account=btok_hk\n"
}

// typed is how the reader of the banner calls this program: `go run` leaves no
// command called sluice behind.
func typed() string {
	if self, err := os.Executable(); err == nil && strings.Contains(self, "go-build") {
		return "go run ./cmd/sluice"
	}
	return "sluice"
}
