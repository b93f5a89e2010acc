package cli

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const payoutHolds = "/v1/payout_holds"

var holdTitles = []string{"HOLD", "ACCOUNT", "PAYOUT", "STATUS", "SINCE (UTC)", "EXPIRES (UTC)", "BY", "REASON"}

func holdRow(h wire.PayoutHold) []string {
	payout, expires := h.Payout.ID, ""
	if payout == "" {
		payout = "all"
	}
	if h.ExpiresAt != nil {
		expires = when(*h.ExpiresAt)
	}
	return []string{h.ID, h.Account, payout, h.Status, when(h.Created), expires, h.CreatedBy, h.Reason}
}

func payoutsHold() *cobra.Command {
	s, reason, lasting := &session{}, "", ""
	cmd := &cobra.Command{
		Use: "hold PAYOUT|ACCOUNT", Short: "Keep a payout, or everything of an account, from leaving", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts hold po_… --reason 'name does not match'\n  sluice payouts hold acct_… --reason chargebacks --for 14d",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return Usagef("--reason: say why")
			}
			params := url.Values{"reason": {reason}}
			if strings.HasPrefix(args[0], "acct_") {
				params.Set("account", args[0])
			} else {
				params.Set("payout", args[0])
			}
			if lasting != "" {
				d, err := ParseDuration(lasting)
				if err != nil {
					return err
				}
				params.Set("expires_at", strconv.FormatInt(time.Now().Add(d).Unix(), 10))
			}
			return s.printHold(cmd, payoutHolds, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&reason, "reason", "", "why; others will read it")
	cmd.Flags().StringVar(&lasting, "for", "", "how long, such as 14d; then it ends on a business day of the bank. Default until it is released")
	return cmd
}

func payoutsRelease() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "release HOLD", Short: "End a hold", Args: cobra.ExactArgs(1), Example: "  sluice payouts release phold_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.printHold(cmd, payoutHolds+"/"+url.PathEscape(args[0])+"/release", url.Values{})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

// payoutsHolds lists holds; the flag of the account held is not that of the
// account acted for, so it has a name of its own.
func payoutsHolds() *cobra.Command {
	s, limit := &session{}, 20
	filters := []struct{ flag, param, usage string }{
		{"of", "account", "only of this account"}, {"payout", "payout", "only of this payout"}, {"status", "status", "active or released"},
	}
	values := make([]string, len(filters))
	cmd := &cobra.Command{
		Use: "holds", Short: "List holds, newest first", Args: cobra.NoArgs,
		Example: "  sluice payouts holds --status active\n  sluice payouts holds --of acct_… -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{"limit": {strconv.Itoa(limit)}}
			for i, f := range filters {
				if values[i] != "" {
					params.Set(f.param, values[i])
				}
			}
			return listing[wire.PayoutHold]{path: payoutHolds, titles: holdTitles, row: holdRow}.run(cmd, s, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "how many, 1 to 100")
	for i, f := range filters {
		cmd.Flags().StringVar(&values[i], f.flag, "", f.usage)
	}
	return cmd
}

func (s *session) printHold(cmd *cobra.Command, path string, params url.Values) error {
	answer, err := s.post(cmd, path, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var h wire.PayoutHold
	if err := json.Unmarshal(answer, &h); err != nil {
		return err
	}
	t := table{titles: holdTitles}
	t.add(holdRow(h)...)
	t.write(cmd.OutOrStdout())
	return nil
}
