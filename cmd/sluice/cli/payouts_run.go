package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

const payoutRunPath = "/v1/payout_runs"

func payoutsRun() *cobra.Command {
	s, dry, date, approve := &session{}, false, "", ""
	cmd := &cobra.Command{
		Use: "run", Short: "Make the payouts whose time has come, or show what a run would do; approve a run", Args: cobra.NoArgs,
		Example: "  sluice payouts run --dry-run\n  sluice payouts run --dry-run --date 2026-11-30\n  sluice payouts run\n  sluice payouts run --approve prun_…",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{}
			if date != "" {
				params.Set("date", date)
			}
			switch {
			case approve != "" && (dry || date != ""):
				return Usagef("--approve stands alone: a run that was made is approved")
			case approve != "":
				return s.approveRun(cmd, approve)
			case dry:
				return s.foreseeRun(cmd, params)
			}
			return s.startRun(cmd, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what a run would do with the money that is there now; nothing is made")
	cmd.Flags().StringVar(&date, "date", "", "by the end of this UTC day, such as 2026-11-30; only with --dry-run can it be another than today")
	cmd.Flags().StringVar(&approve, "approve", "", "agree, as this key, to every payout of this run that waits for approval")
	return cmd
}

// foreseeRun shows every purse and what a run would do with it, page by page.
func (s *session) foreseeRun(cmd *cobra.Command, params url.Values) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := forecasts(cmd, c, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, all)
	}
	t := table{titles: []string{"ACCOUNT", ">AMOUNT", "DESTINATION", "PAYDAY", "LEFT OUT"}}
	counts, sums := map[string]int64{}, map[string]int64{}
	for _, f := range all {
		why := text(f.Skipped)
		if f.Approval {
			why = "waits for approval"
		}
		parts := f.Parts
		if len(parts) == 0 {
			parts = []wire.PayoutForecastPart{{Amount: f.Amount, Destination: text(f.Destination)}}
		}
		for _, p := range parts {
			t.add(f.Account.ID, amount(p.Amount, f.Currency), p.Destination, text(f.Payday), why)
		}
		if f.Skipped == nil {
			counts[f.Currency] += int64(len(parts))
			sums[f.Currency] += f.Amount
		}
	}
	t.write(cmd.OutOrStdout())
	for _, currency := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(cmd.OutOrStdout(), "total: %d payouts, %s\n", counts[currency], amount(sums[currency], currency))
	}
	return nil
}

// forecasts reads all pages and tells on stderr how far it is.
func forecasts(cmd *cobra.Command, c *client.Client, params url.Values) (all []wire.PayoutForecast, err error) {
	all = []wire.PayoutForecast{}
	params.Set("limit", "100")
	for {
		var page wire.List[wire.PayoutForecast]
		if err := c.Post(cmd.Context(), payoutRunPath+"/preview", params, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		fmt.Fprintf(cmd.ErrOrStderr(), "looked at %d balances\n", len(all))
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
		params.Set("starting_after", page.Data[len(page.Data)-1].ID)
	}
}

func (s *session) startRun(cmd *cobra.Command, params url.Values) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "making the payouts whose time has come")
	answer, err := s.post(cmd, payoutRunPath, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var r wire.PayoutRun
	if err := json.Unmarshal(answer, &r); err != nil {
		return err
	}
	added := int64(0)
	if r.Added != nil {
		added = *r.Added
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "added %d payouts\n", added)
	t := table{titles: []string{"RUN", "DATE", "CURRENCY", ">PAYOUTS", ">AMOUNT", "LEFT OUT"}}
	for _, made := range r.Made {
		t.add(r.ID, r.Date, made.Currency, strconv.FormatInt(made.Count, 10), amount(made.Amount, made.Currency), "")
	}
	for _, left := range r.Skipped {
		t.add(r.ID, r.Date, left.Currency, strconv.FormatInt(left.Count, 10), "", left.Reason)
	}
	if len(t.rows) == 0 {
		t.add(r.ID, r.Date, "", "0", "", "")
	}
	t.write(cmd.OutOrStdout())
	return nil
}

func (s *session) approveRun(cmd *cobra.Command, run string) error {
	answer, err := s.post(cmd, payoutRunPath+"/"+url.PathEscape(run)+"/approve", url.Values{})
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var a wire.PayoutRunApproval
	if err := json.Unmarshal(answer, &a); err != nil {
		return err
	}
	t := table{titles: []string{">PAYOUTS", "APPROVAL"}}
	t.add(strconv.FormatInt(a.Approved, 10), "approved")
	t.add(strconv.FormatInt(a.Waiting, 10), "waiting for another person")
	for _, r := range a.Refused {
		t.add(strconv.FormatInt(r.Count, 10), "refused: "+r.Message)
	}
	t.write(cmd.OutOrStdout())
	return nil
}

func payoutsRuns() *cobra.Command {
	s, limit := &session{}, 20
	cmd := &cobra.Command{
		Use: "runs", Short: "List the days' runs of automatic payouts, newest first", Args: cobra.NoArgs,
		Example: "  sluice payouts runs\n  sluice get /v1/payout_runs/prun_…/payouts",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listing[wire.PayoutRun]{
				path: payoutRunPath, titles: []string{"RUN", "DATE", ">PAYOUTS", ">AMOUNT", ">LEFT OUT", "LAST ADDED (UTC)"}, row: runRow,
			}.run(cmd, s, url.Values{"limit": {strconv.Itoa(limit)}})
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "how many, 1 to 100")
	return cmd
}

func runRow(r wire.PayoutRun) []string {
	var made, left int64
	var sums []string
	for _, m := range r.Made {
		made += m.Count
		sums = append(sums, amount(m.Amount, m.Currency))
	}
	for _, l := range r.Skipped {
		left += l.Count
	}
	return []string{r.ID, r.Date, strconv.FormatInt(made, 10), strings.Join(sums, ", "), strconv.FormatInt(left, 10), when(r.LastAdded)}
}
