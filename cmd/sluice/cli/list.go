package cli

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

// listing is a command that shows the newest objects of one kind.
type listing[T any] struct {
	group, path string
	short       string
	titles      []string
	row         func(T) []string
	filters     []string // parameters of the API offered as flags
	example     string
}

func (l listing[T]) command() *cobra.Command {
	s, limit, filters := &session{}, 20, make([]string, len(l.filters))
	cmd := &cobra.Command{
		Use: "list", Short: l.short, Args: cobra.NoArgs, Example: l.example,
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{"limit": {strconv.Itoa(limit)}}
			for i, name := range l.filters {
				if filters[i] != "" {
					params.Set(name, filters[i])
				}
			}
			return l.run(cmd, s, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "how many, 1 to 100")
	for i, name := range l.filters {
		cmd.Flags().StringVar(&filters[i], name, "", "only with this "+name)
	}
	return group(l.group, "Look at "+l.group, cmd)
}

func (l listing[T]) run(cmd *cobra.Command, s *session, params url.Values) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var answer json.RawMessage
	if err := c.Get(cmd.Context(), l.path, params, &answer); err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var page struct{ Data []T }
	if err := json.Unmarshal(answer, &page); err != nil {
		return err
	}
	t := table{titles: l.titles}
	for _, object := range page.Data {
		t.add(l.row(object)...)
	}
	t.write(cmd.OutOrStdout())
	return nil
}

// group is a command that holds others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.AddCommand(commands...)
	return cmd
}

// accountRow and its like are the few fields a table shows; everything else stays in -o json.
type accountRow struct {
	ID              string
	Email           *string
	Country         string
	BusinessProfile struct{ Name *string } `json:"business_profile"`
	ChargesEnabled  bool                   `json:"charges_enabled"`
	PayoutsEnabled  bool                   `json:"payouts_enabled"`
	Capabilities    map[string]string
}

func accounts() *cobra.Command {
	return listing[accountRow]{
		group: "accounts", path: "/v1/accounts", short: "List connected accounts, newest first",
		titles: []string{"ACCOUNT", "NAME", "COUNTRY", "TRANSFERS", "CHARGES", "PAYOUTS"},
		row: func(a accountRow) []string {
			name := text(a.BusinessProfile.Name)
			if name == "" {
				name = text(a.Email)
			}
			return []string{a.ID, name, a.Country, a.Capabilities["transfers"], yes(a.ChargesEnabled), yes(a.PayoutsEnabled)}
		},
		example: "  sluice accounts list\n  sluice accounts list --limit 100 -o json\n  sluice get /v1/accounts/acct_…",
	}.command()
}

type chargeRow struct {
	ID             string
	Created        int64
	Amount         int64
	AmountRefunded int64 `json:"amount_refunded"`
	Currency       string
	Status         string
	Refunded       bool
	Description    *string
	TransferData   *struct{ Destination wire.Ref } `json:"transfer_data"`
}

func (c chargeRow) state() string {
	switch {
	case c.Refunded:
		return "refunded"
	case c.AmountRefunded > 0:
		return "partly refunded"
	}
	return c.Status
}

func (c chargeRow) destination() string {
	if c.TransferData == nil {
		return ""
	}
	return c.TransferData.Destination.ID
}

func charges() *cobra.Command {
	return listing[chargeRow]{
		group: "charges", path: "/v1/charges", short: "List charges, newest first",
		titles: []string{"CHARGE", "CREATED (UTC)", ">AMOUNT", "STATUS", "DESTINATION", "DESCRIPTION"},
		row: func(c chargeRow) []string {
			return []string{c.ID, when(c.Created), amount(c.Amount, c.Currency), c.state(), c.destination(), text(c.Description)}
		},
		filters: []string{"customer", "payment_intent"},
		example: "  sluice charges list\n  sluice charges list --limit 5 -o json\n  sluice charges list --account acct_…",
	}.command()
}

type payoutRow struct {
	ID          string
	Created     int64
	ArrivalDate int64 `json:"arrival_date"`
	Amount      int64
	Currency    string
	Status      string
	Automatic   bool
	FailureCode *string `json:"failure_code"`
}

func payouts() *cobra.Command {
	cmd := listing[payoutRow]{
		group: "payouts", path: "/v1/payouts", short: "List payouts, newest first",
		titles: []string{"PAYOUT", "CREATED (UTC)", "ARRIVES", ">AMOUNT", "STATUS", "AUTOMATIC", "FAILURE"},
		row: func(p payoutRow) []string {
			return []string{p.ID, when(p.Created), day(p.ArrivalDate), amount(p.Amount, p.Currency), p.Status, yes(p.Automatic), text(p.FailureCode)}
		},
		filters: []string{"status"},
		example: "  sluice payouts list --account acct_…\n  sluice payouts list --status failed",
	}.command()
	cmd.AddCommand(payoutsRun(), payoutsRuns(), payoutsCalendar())
	cmd.AddCommand(payoutsHold(), payoutsRelease(), payoutsHolds(), payoutsChanges(), payoutsApprove(), payoutsRefuse(), payoutsPolicy())
	cmd.AddCommand(payoutsExplain(), payoutsReport())
	cmd.AddCommand(payoutBatches(), payoutsImport(), payoutsStatements())
	return cmd
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
