package cli

import (
	"encoding/json"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

func payoutsApprove() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "approve PAYOUT", Short: "Agree to a payout that waits for two people, as this key", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts approve po_…\n  sluice get /v1/payouts/po_…/approvals",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.printJudged(cmd, "/v1/payouts/"+url.PathEscape(args[0])+"/approve", url.Values{})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func payoutsRefuse() *cobra.Command {
	s, reason := &session{}, ""
	cmd := &cobra.Command{
		Use: "refuse PAYOUT", Short: "Stop a payout that waits for approval; its money is available again", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts refuse po_… --reason 'not this month'",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{}
			if reason != "" {
				params.Set("reason", reason)
			}
			return s.printJudged(cmd, "/v1/payouts/"+url.PathEscape(args[0])+"/refuse", params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept beside the decision")
	return cmd
}

// printJudged posts what is said of a payout and prints where it stands then.
func (s *session) printJudged(cmd *cobra.Command, path string, params url.Values) error {
	answer, err := s.post(cmd, path, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var p wire.Payout
	if err := json.Unmarshal(answer, &p); err != nil {
		return err
	}
	t := table{titles: []string{"PAYOUT", ">AMOUNT", "STATUS", "APPROVAL"}}
	t.add(p.ID, amount(p.Amount, p.Currency), p.Status, text(p.Approval))
	t.write(cmd.OutOrStdout())
	return nil
}
