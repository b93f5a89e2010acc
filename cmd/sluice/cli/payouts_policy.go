package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const payoutPolicy = "/v1/payout_policy"

func payoutsPolicy() *cobra.Command {
	s, approve, refuse := &session{}, false, false
	amounts := []struct{ flag, param, usage string }{
		{"approval-over", "approval_over", "a payout of more needs two people, such as hkd=5000000"},
		{"daily-limit", "daily_limit", "of all payouts of a day together"},
		{"minimum", "minimum_payout", "less stays in the balance"},
	}
	given := make([][]string, len(amounts))
	hours, zone := "", ""
	cmd := &cobra.Command{
		Use: "policy", Short: "Show or change what the platform says of all payouts", Args: cobra.NoArgs,
		Long: "Amounts are currency=amount in the currency's smallest unit; an empty amount ends the rule.\n" +
			"While payouts need two people, a change that protects less waits until another key approves it.",
		Example: "  sluice payouts policy\n  sluice payouts policy --approval-over hkd=5000000 --daily-limit hkd=100000000 --cooling-off-hours 48\n" +
			"  sluice payouts policy --daily-limit hkd=\n  sluice payouts policy --approve",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{}
			for i, a := range amounts {
				for _, pair := range given[i] {
					currency, minor, ok := strings.Cut(pair, "=")
					if !ok {
						return Usagef("--%s %s: say currency=amount", a.flag, pair)
					}
					params.Set(a.param+"["+currency+"]", minor)
				}
			}
			if hours != "" {
				params.Set("cooling_off_hours", hours)
			}
			if zone != "" {
				params.Set("timezone", zone)
			}
			path := payoutPolicy
			switch {
			case (approve || refuse) && len(params) > 0 || approve && refuse:
				return Usagef("--approve and --refuse stand alone")
			case approve:
				path += "/approve"
			case refuse:
				path += "/refuse"
			case len(params) == 0:
				return s.showPolicy(cmd)
			}
			answer, err := s.post(cmd, path, params)
			if err != nil {
				return err
			}
			return s.printPolicy(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	for i, a := range amounts {
		cmd.Flags().StringSliceVar(&given[i], a.flag, nil, a.usage)
	}
	cmd.Flags().StringVar(&hours, "cooling-off-hours", "", "how long nothing is paid to a bank account that has changed")
	cmd.Flags().StringVar(&zone, "timezone", "", "whose days the daily limit counts")
	cmd.Flags().BoolVar(&approve, "approve", false, "agree to the change that waits")
	cmd.Flags().BoolVar(&refuse, "refuse", false, "drop the change that waits")
	return cmd
}

func (s *session) showPolicy(cmd *cobra.Command) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var answer json.RawMessage
	if err := c.Get(cmd.Context(), payoutPolicy, nil, &answer); err != nil {
		return err
	}
	return s.printPolicy(cmd, answer)
}

func (s *session) printPolicy(cmd *cobra.Command, answer json.RawMessage) error {
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var p wire.PayoutPolicy
	if err := json.Unmarshal(answer, &p); err != nil {
		return err
	}
	t := table{titles: []string{"RULE", "NOW"}}
	rows := [][]string{ruleTexts(p.PayoutRules)}
	if p.PendingChange != nil {
		t.titles = append(t.titles, "ASKED FOR BY "+p.PendingChange.RequestedBy)
		rows = append(rows, ruleTexts(p.PendingChange.After))
	}
	for i, rule := range []string{"approval over", "daily limit", "minimum", "cooling-off", "time zone"} {
		cells := []string{rule}
		for _, texts := range rows {
			cells = append(cells, texts[i])
		}
		t.add(cells...)
	}
	t.write(cmd.OutOrStdout())
	return nil
}

func ruleTexts(r wire.PayoutRules) []string {
	return []string{
		amountTexts(r.ApprovalOver), amountTexts(r.DailyLimit), amountTexts(r.MinimumPayout), fmt.Sprintf("%d hours", r.CoolingOffHours), r.Timezone,
	}
}

func amountTexts(by map[string]int64) string {
	var texts []string
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		texts = append(texts, amount(by[currency], currency))
	}
	return strings.Join(texts, ", ")
}
