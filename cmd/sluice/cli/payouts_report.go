package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

// reportOptions are the flags of `payouts report`.
type reportOptions struct {
	session
	kind, from, to, payout, of, currency, zone, file string
	columns                                          []string
}

func payoutsReport() *cobra.Command {
	o := &reportOptions{}
	cmd := &cobra.Command{
		Use: "report", Short: "Make a report of payouts and save its CSV", Args: cobra.NoArgs,
		Long: "Asks for a report run, waits until it is made, and writes the CSV to --file or to the standard output. The rows of each payout\n" +
			"sum to its amount. `sluice get /v1/reporting/report_types` lists the reports and their columns.",
		Example: "  sluice payouts report --from 2026-11-01 --to 2026-12-01 --file november.csv\n" +
			"  sluice payouts report --payout po_…\n  sluice payouts report --type connected_account_payouts.itemized.3 --from 2026-11-01 --to 2026-12-01",
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	o.bindDir(flags)
	flags.StringVar(&o.account, "account", "", "act for this connected account, acct_…")
	flags.StringVar(&o.kind, "type", "", "report type; default payout_reconciliation.itemized.5, or by_id with --payout")
	flags.StringVar(&o.from, "from", "", "payouts that arrive on this day or later, 2006-01-02")
	flags.StringVar(&o.to, "to", "", "and before this day")
	flags.StringVar(&o.payout, "payout", "", "only this payout, po_…")
	flags.StringVar(&o.of, "connected-account", "", "only this connected account, for the types that cover them")
	flags.StringVar(&o.currency, "currency", "", "only this currency")
	flags.StringVar(&o.zone, "timezone", "", "IANA zone of the times in it; default UTC")
	flags.StringSliceVar(&o.columns, "columns", nil, "these columns, in this order")
	flags.StringVar(&o.file, "file", "", "write to this file, which must not exist")
	return cmd
}

func (o *reportOptions) params() (url.Values, error) {
	kind := o.kind
	if kind == "" {
		kind = "payout_reconciliation.itemized.5"
		if o.payout != "" {
			kind = "payout_reconciliation.by_id.itemized.4"
		}
	}
	params := url.Values{"report_type": {kind}}
	for name, value := range map[string]string{"payout": o.payout, "connected_account": o.of, "currency": o.currency, "timezone": o.zone} {
		if value != "" {
			params.Set("parameters["+name+"]", value)
		}
	}
	for i, name := range o.columns {
		params.Set(fmt.Sprintf("parameters[columns][%d]", i), name)
	}
	for name, value := range map[string]string{"interval_start": o.from, "interval_end": o.to} {
		if value == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, value)
		if err != nil {
			return nil, Usagef("%s is not a day such as 2026-11-01", value)
		}
		params.Set("parameters["+name+"]", strconv.FormatInt(at.Unix(), 10))
	}
	return params, nil
}

func (o *reportOptions) run(cmd *cobra.Command) (err error) {
	o.output = asTable
	params, err := o.params()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var run wire.ReportRun
	if err := c.Post(cmd.Context(), "/v1/reporting/report_runs", params, &run); err != nil {
		return err
	}
	if err := awaitReport(cmd.Context(), c, &run); err != nil {
		return err
	}
	if run.Status != "succeeded" {
		return fmt.Errorf("report %s: %s", run.ID, text(run.Error))
	}
	out := cmd.OutOrStdout()
	if o.file != "" {
		f, err := os.OpenFile(o.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() {
			if closed := f.Close(); err == nil {
				err = closed
			}
		}()
		out = f
	}
	written, err := c.Download(cmd.Context(), "/v1/reporting/report_runs/"+run.ID+"/result", out)
	if err == nil && written != run.Result.Size {
		err = fmt.Errorf("report %s: %w after %d of %d bytes", run.ID, io.ErrUnexpectedEOF, written, run.Result.Size)
	}
	if err == nil && o.file != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d bytes of %s\n", o.file, written, run.ReportType)
	}
	return err
}

// awaitReport asks until the report is made or has failed.
func awaitReport(ctx context.Context, c *client.Client, run *wire.ReportRun) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for run.Status == "pending" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := c.Get(ctx, "/v1/reporting/report_runs/"+run.ID, nil, run); err != nil {
			return err
		}
	}
	return nil
}
