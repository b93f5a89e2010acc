package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/wire"
)

const bankStatementPath = "/v1/bank_statements"

func payoutsImport() *cobra.Command {
	s, rail, format, profiles, dry := &session{}, "", "", "", false
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Import a bank's statement or report; what is there already does not count twice", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts import statement.xml\n  sluice payouts import day.sta --rail hsbc --format mt940\n  sluice payouts import day.csv --dry-run --profiles banks.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if dry {
				return dryImport(cmd, args[0], statement.Format(format), profiles)
			}
			return s.importStatement(cmd, args[0], rail, format)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&rail, "rail", "", "the rail whose bank it is; default: each payout's own")
	cmd.Flags().StringVar(&format, "format", "", "camt, mt940, bai2, pain.002, nacha or csv:PROFILE; default: by how it begins")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only read the file here and say what is in it")
	cmd.Flags().StringVar(&profiles, "profiles", "", "JSON file with CSV profiles, for --dry-run")
	return cmd
}

func (s *session) importStatement(cmd *cobra.Command, file, rail, format string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	params := url.Values{}
	for name, value := range map[string]string{"rail": rail, "format": format} {
		if value != "" {
			params.Set(name, value)
		}
	}
	var answer json.RawMessage
	if err := c.Upload(cmd.Context(), bankStatementPath, params, filepath.Base(file), content, &answer); err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var b wire.BankStatement
	if err := json.Unmarshal(answer, &b); err != nil {
		return err
	}
	return printStatement(cmd.OutOrStdout(), b)
}

// printStatement says what became of a file; a quarantined one is an error.
func printStatement(w io.Writer, b wire.BankStatement) error {
	if b.Status == "quarantined" {
		return Unverified(fmt.Errorf("%s is quarantined, nothing of it counts: %s", b.ID, text(b.QuarantineReason)))
	}
	if b.Repeated {
		fmt.Fprintf(w, "%s: this file was imported before; nothing has changed\n\n", b.ID)
	}
	t := table{titles: []string{"ACCOUNT", "STATEMENT", "FROM", "TO", ">OPENING", ">CLOSING", ">LINES", "BALANCES"}}
	for _, a := range b.Statements {
		checked := "none to check"
		if a.BalancesChecked {
			checked = "add up"
		}
		t.add("…"+a.Last4, a.Reference, dayOr(a.From), dayOr(a.To), amountOr(a.OpeningBalance, a.Currency), amountOr(a.ClosingBalance, a.Currency),
			strconv.FormatInt(a.Lines, 10), checked)
	}
	if len(t.rows) > 0 {
		t.write(w)
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s: %d new lines, %d known before; %d matched, %d open\n", b.ID, b.Lines.New, b.Lines.Known, b.Lines.Matched, b.Lines.Open)
	if b.Lines.Open > 0 {
		fmt.Fprintf(w, "See them: sluice payouts statements lines %s --status open\n", b.ID)
	}
	return nil
}

func dayOr(unix *int64) string {
	if unix == nil {
		return ""
	}
	return day(*unix)
}

func amountOr(minor *int64, currency string) string {
	if minor == nil {
		return ""
	}
	return amount(*minor, currency)
}

// dryImport reads a file without a server. Nothing of it leaves the machine.
func dryImport(cmd *cobra.Command, file string, format statement.Format, profileFile string) error {
	var profiles []statement.Profile
	if profileFile != "" {
		in, err := os.Open(profileFile)
		if err != nil {
			return err
		}
		defer in.Close()
		if profiles, err = statement.ParseProfiles(in); err != nil {
			return err
		}
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	found, content := statement.Sniff(in, profiles)
	if format == "" {
		format = found
	}
	seen := &dryStatement{table: table{titles: []string{"ACCOUNT", "STATEMENT", "FROM", "TO", ">LINES", ">IN", ">OUT", "BALANCES"}}}
	if err := statement.Read(format, content, profiles, seen); err != nil {
		return Unverified(fmt.Errorf("this file would be quarantined: %w", err))
	}
	seen.table.write(cmd.OutOrStdout())
	return nil
}

// dryStatement sums up what a file says.
type dryStatement struct {
	table   table
	in, out int64
}

func (d *dryStatement) Begin(statement.Statement) error {
	d.in, d.out = 0, 0
	return nil
}

func (d *dryStatement) Line(l statement.Line) error {
	switch {
	case l.Part > 0:
	case l.Amount.Minor < 0:
		d.out -= l.Amount.Minor
	default:
		d.in += l.Amount.Minor
	}
	return nil
}

func (d *dryStatement) End(s statement.Statement) error {
	checked := "none to check"
	if s.Checked {
		checked = "add up"
	}
	number := s.Account.Reveal()
	d.table.add("…"+number[max(0, len(number)-4):], s.ID, dayOr(wire.NullableUnix(s.From)), dayOr(wire.NullableUnix(s.To)), strconv.Itoa(s.Lines),
		amount(d.in, string(s.Currency)), amount(d.out, string(s.Currency)), checked)
	return nil
}

func payoutsStatements() *cobra.Command {
	cmd := listing[wire.BankStatement]{
		group: "statements", path: bankStatementPath, short: "List imported files of banks, newest first",
		titles: []string{"FILE", "CREATED (UTC)", "NAME", "FORMAT", "STATUS", ">NEW", ">KNOWN", ">MATCHED", ">OPEN", "REASON"},
		row: func(b wire.BankStatement) []string {
			n := func(n int64) string { return strconv.FormatInt(n, 10) }
			return []string{
				b.ID, when(b.Created), b.Filename, text(b.Format), b.Status, n(b.Lines.New), n(b.Lines.Known), n(b.Lines.Matched), n(b.Lines.Open), text(b.QuarantineReason),
			}
		},
		filters: []string{"status"},
		example: "  sluice payouts statements list\n  sluice payouts statements list --status quarantined",
	}.command()
	cmd.AddCommand(statementLines())
	return cmd
}

func statementLines() *cobra.Command {
	s, limit, status, payout := &session{}, 100, "", ""
	l := listing[wire.BankStatementLine]{
		titles: []string{"LINE", "BOOKED", ">AMOUNT", "STATUS", "PAYOUT", "REFERENCE", "WHY OPEN"},
		row: func(l wire.BankStatementLine) []string {
			reference := text(l.EndToEnd)
			for _, other := range []*string{l.Batch, l.Trace, l.BankReference} {
				if reference == "" {
					reference = text(other)
				}
			}
			return []string{l.ID, dayOr(l.Booked), amount(l.Amount, l.Currency), l.Status, text(l.Payout), reference, text(l.OpenReason)}
		},
	}
	cmd := &cobra.Command{
		Use: "lines FILE", Short: "List the lines of an imported file, last first", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts statements lines bst_… --status open\n  sluice payouts statements lines bst_… --payout po_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"status": status, "payout": payout} {
				if value != "" {
					params.Set(name, value)
				}
			}
			l.path = strings.Join([]string{bankStatementPath, url.PathEscape(args[0]), "lines"}, "/")
			return l.run(cmd, s, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "how many, 1 to 100")
	cmd.Flags().StringVar(&status, "status", "", "matched, open or split")
	cmd.Flags().StringVar(&payout, "payout", "", "only those matched with this payout")
	return cmd
}
