package cli

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const payoutChanges = "/v1/payout_bank_changes"

var changeTitles = []string{"CHANGE", "CODE", "STATUS", "ACCOUNT", "BANK ACCOUNT", "BECOMES", "APPLY BY", "ACCEPTED BY"}

func changeRow(c wire.PayoutBankChange) []string {
	var by []string
	for _, who := range []*string{c.AcceptedBy, c.DecidedBy} {
		if who != nil {
			by = append(by, *who)
		}
	}
	return []string{
		c.ID, c.Code, c.Status, c.Account.ID, c.Destination.ID, becomes(c), time.Unix(c.ApplyBy, 0).UTC().Format(time.DateOnly), strings.Join(by, ", "),
	}
}

// becomes is what a bank's change corrects, and what took its place.
func becomes(c wire.PayoutBankChange) string {
	var parts []string
	for _, p := range []struct {
		name  string
		given *string
	}{
		{"bank ", c.Corrected.RoutingNumber}, {"number …", c.Corrected.Last4}, {"name ", c.Corrected.AccountHolderName}, {"", c.Corrected.AccountType},
	} {
		if p.given != nil {
			parts = append(parts, p.name+*p.given)
		}
	}
	if c.Replacement.ID != "" {
		parts = append(parts, "= "+c.Replacement.ID)
	}
	return strings.Join(parts, ", ")
}

// payoutsChanges is what banks say is out of date in bank accounts.
func payoutsChanges() *cobra.Command {
	cmd := listing[wire.PayoutBankChange]{
		group: "changes", path: payoutChanges, titles: changeTitles, row: changeRow, filters: []string{"status"}, short: "List them, newest first",
		example: "  sluice payouts changes list --status pending",
	}.command()
	cmd.Short = "Decide on what banks say is out of date in bank accounts: two different keys accept, one refuses"
	cmd.AddCommand(
		changeSay("accept", "Accept one; the second key changes the bank account, which then cools off"),
		changeSay("refuse", "Refuse one; the bank account stays as it is"),
	)
	return cmd
}

func changeSay(verb, short string) *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: verb + " CHANGE", Short: short, Args: cobra.ExactArgs(1), Example: "  sluice payouts changes " + verb + " pbc_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := s.post(cmd, payoutChanges+"/"+url.PathEscape(args[0])+"/"+verb, url.Values{})
			if err != nil {
				return err
			}
			if s.output == asJSON {
				return printJSON(cmd, answer)
			}
			var c wire.PayoutBankChange
			if err := json.Unmarshal(answer, &c); err != nil {
				return err
			}
			t := table{titles: changeTitles}
			t.add(changeRow(c)...)
			t.write(cmd.OutOrStdout())
			return nil
		},
	}
	s.bind(cmd.Flags())
	return cmd
}
