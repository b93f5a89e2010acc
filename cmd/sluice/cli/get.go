package cli

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
)

func get() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "get /v1/…", Short: "Read anything of the API, as JSON", Args: cobra.ExactArgs(1),
		Example: "  sluice get /v1/balance\n  sluice get /v1/charges/ch_…\n  sluice get '/v1/balance_transactions?payout=po_…&limit=100' --account acct_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.HasPrefix(args[0], "/") {
				return Usagef("%s is not a path; it begins with /v1/", args[0])
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var answer json.RawMessage
			if err := c.Get(cmd.Context(), args[0], nil, &answer); err != nil {
				return err
			}
			return printJSON(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

type balanceAmount struct {
	Amount   int64
	Currency string
}

func balance() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "balance", Short: "Show the balance of the platform account, or of --account", Args: cobra.NoArgs,
		Example: "  sluice balance\n  sluice balance --account acct_…\n  sluice balance -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var answer json.RawMessage
			if err := c.Get(cmd.Context(), "/v1/balance", nil, &answer); err != nil {
				return err
			}
			if s.output == asJSON {
				return printJSON(cmd, answer)
			}
			return balanceTable(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func balanceTable(cmd *cobra.Command, answer json.RawMessage) error {
	var b struct{ Available, Pending []balanceAmount }
	if err := json.Unmarshal(answer, &b); err != nil {
		return err
	}
	pending := map[string]int64{}
	for _, p := range b.Pending {
		pending[p.Currency] = p.Amount
	}
	t := table{titles: []string{">AVAILABLE", ">PENDING"}}
	for _, a := range b.Available {
		t.add(amount(a.Amount, a.Currency), amount(pending[a.Currency], a.Currency))
	}
	t.write(cmd.OutOrStdout())
	return nil
}
