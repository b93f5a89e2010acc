package cli

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/payouts/report"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

const asCSV = "csv"

func payoutsExplain() *cobra.Command {
	s := &session{more: []string{asCSV}}
	cmd := &cobra.Command{
		Use: "explain PAYOUT", Short: "Show what a payout consists of: the closing equation, and each line with its source", Args: cobra.ExactArgs(1),
		Long: "Prints gross − fees − refunds ± the rest = what was paid, then every statement line in the payout with the object it comes from.\n" +
			"Automatic, manual and instant payouts are explained alike. With -o csv, the lines alone, amounts in major units.",
		Example: "  sluice payouts explain po_… --account acct_…\n  sluice payouts explain po_… -o csv > payout.csv\n  sluice payouts explain po_… -o json | jq .explanation.terms",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			told, err := explained(cmd, c, args[0])
			if err != nil {
				return err
			}
			switch s.output {
			case asJSON:
				return printJSON(cmd, told)
			case asCSV:
				return told.writeCSV(cmd.OutOrStdout())
			}
			told.write(cmd.OutOrStdout())
			return nil
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

// explanation is everything there is to know of what is in a payout.
type explanation struct {
	Payout      json.RawMessage           `json:"payout"`
	Explanation wire.PayoutExplanation    `json:"explanation"`
	Lines       []wire.BalanceTransaction `json:"lines"` // oldest first, the payout's own not among them

	payout payoutRow
}

func explained(cmd *cobra.Command, c *client.Client, payout string) (*explanation, error) {
	var e explanation
	path := "/v1/payouts/" + url.PathEscape(payout)
	if err := c.Get(cmd.Context(), path, nil, &e.Payout); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(e.Payout, &e.payout); err != nil {
		return nil, err
	}
	if err := c.Get(cmd.Context(), path+"/explanation", nil, &e.Explanation); err != nil {
		return nil, err
	}
	params := url.Values{"payout": {payout}, "limit": {"100"}}
	for {
		var page wire.List[wire.BalanceTransaction]
		if err := c.Get(cmd.Context(), "/v1/balance_transactions", params, &page); err != nil {
			return nil, err
		}
		for _, line := range page.Data {
			if c := line.ReportingCategory; c != "payout" && c != "payout_reversal" { // the payout's own lines
				e.Lines = append(e.Lines, line)
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			break
		}
		params.Set("starting_after", page.Data[len(page.Data)-1].ID)
	}
	slices.Reverse(e.Lines)
	return &e, nil
}

// termWords are the terms as a person reads them.
var termWords = map[string]string{
	"gross": "charges and payments", "fees": "fees", "refunds": "refunds", "disputes": "disputes", "earnings": "application fees",
	"transfers": "transfers", "holds": "held back and released", "left_for_later": "left for a later payout",
	"reserve": "reserve for connected accounts", "topups": "top-ups", "adjustments": "adjustments", "carried_forward": "left by the payout before",
}

func (e *explanation) write(out io.Writer) {
	x := e.Explanation
	fmt.Fprintf(out, "%s  %s  %s, arrives %s\n", x.Payout, amount(x.Amount, x.Currency), e.payout.Status, day(e.payout.ArrivalDate))
	if x.Sum == 0 {
		fmt.Fprintf(out, "It took nothing out of the balance: %s. What it was made of is in a later payout, or still available.\n",
			cmp.Or(text(e.payout.FailureCode), e.payout.Status))
		return
	}
	equation := table{titles: []string{"", "", ">LINES", ">AMOUNT"}}
	for _, t := range x.Terms {
		sign := "+"
		if t.Amount < 0 {
			sign = "−"
		}
		equation.add(sign, cmp.Or(termWords[t.Term], t.Term), strconv.FormatInt(t.Count, 10), amount(max(t.Amount, -t.Amount), x.Currency))
	}
	equation.add("=", "paid out", strconv.FormatInt(x.Count, 10), amount(x.Sum, x.Currency))
	fmt.Fprintln(out)
	equation.write(out)
	fmt.Fprintln(out)
	lines := table{titles: []string{"LINE", "CREATED (UTC)", "TYPE", "SOURCE", ">AMOUNT", ">FEE", ">NET", "DESCRIPTION"}}
	for _, l := range e.Lines {
		lines.add(l.ID, when(l.Created), l.Type, l.Source.ID, amount(l.Amount, l.Currency), amount(l.Fee, l.Currency), amount(l.Net, l.Currency), text(l.Description))
	}
	lines.write(out)
}

func (e *explanation) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	err := w.Write([]string{"payout_id", "balance_transaction_id", "created_utc", "type", "reporting_category", "source_id", "currency", "gross", "fee", "net", "description"})
	for _, l := range e.Lines {
		if err != nil {
			return err
		}
		major := func(minor int64) string { return money.New(minor, money.Currency(l.Currency)).Decimal() }
		err = w.Write([]string{e.Explanation.Payout, l.ID, when(l.Created), l.Type, l.ReportingCategory, l.Source.ID, l.Currency,
			major(l.Amount), major(l.Fee), major(l.Net), report.Cell(text(l.Description))})
	}
	if err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}
