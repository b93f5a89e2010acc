package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/wire"
)

func ledgerCommands() *cobra.Command {
	return group("ledger", "Check, export and look into the ledger", ledgerVerify(), ledgerExport(), ledgerEntries())
}

// onLedger runs fn with a connection that only reads.
func (s *session) onLedger(ctx context.Context, fn func(pool *bun.DB) error) error {
	address, err := s.databaseURL()
	if err != nil {
		return err
	}
	// A whole ledger takes longer to read than a request may.
	pool, err := db.Open(ctx, db.Config{URL: address, Name: "sluice ledger", MaxConns: 2, StatementTimeout: -1, IdleTimeout: -1})
	if err != nil {
		return coded{fmt.Errorf("PostgreSQL does not answer: %w", err), ExitUnreachable}
	}
	defer pool.Close()
	return fn(pool)
}

func ledgerVerify() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove the ledger from its rows alone; exit 7 and the culprit if something does not hold", Args: cobra.NoArgs,
		Long: "Reads the whole ledger in one snapshot and checks that every entry sums to zero, that totals, digests, the chain,\n" +
			"statement lines and payouts agree with the postings. Works on the database, so no server has to run.",
		Example: "  sluice ledger verify\n  sluice ledger verify --dir ./.sluice\n  SLUICE_DATABASE_URL=postgres://… sluice ledger verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onLedger(cmd.Context(), func(pool *bun.DB) error { return Verify(cmd.Context(), pool, cmd.OutOrStdout()) })
		},
	}
	s.bindDir(cmd.Flags())
	return cmd
}

// Verify checks the ledger and says so on out; its error carries ExitVerification if something does not hold.
func Verify(ctx context.Context, pool *bun.DB, out io.Writer) error {
	report, err := audit.Verify(ctx, pool, nil)
	if err != nil {
		return err
	}
	if report.OK() {
		sentence, err := Verified(ctx, pool, report)
		if err == nil {
			fmt.Fprintln(out, sentence)
		}
		return err
	}
	for _, f := range report.Findings {
		fmt.Fprintln(out, f)
	}
	if len(report.Findings) == 1 {
		return Unverified(errors.New("the ledger does not hold: 1 finding"))
	}
	return Unverified(fmt.Errorf("the ledger does not hold: %d findings", len(report.Findings)))
}

// Verified is the sentence about a report without findings.
func Verified(ctx context.Context, pool *bun.DB, report audit.Report) (string, error) {
	rows, err := audit.TrialBalance(ctx, pool)
	if err != nil {
		return "", err
	}
	var currencies []string
	seen := map[string]bool{}
	for _, row := range rows {
		code := strings.ToUpper(string(row.Currency))
		if !seen[code] {
			seen[code], currencies = true, append(currencies, code)
		}
	}
	sentence := fmt.Sprintf("Ledger verified: %s postings, debits = credits", Thousands(report.Postings))
	if len(currencies) > 0 {
		sentence += " (" + strings.Join(currencies, ", ") + ")"
	}
	return sentence, nil
}

// Thousands writes 9931 as 9,931.
func Thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func ledgerExport() *cobra.Command {
	s, format, live := &session{}, "", false
	cmd := &cobra.Command{
		Use: "export", Short: "Write all entries of one mode to stdout", Args: cobra.NoArgs,
		Example: "  sluice ledger export --format hledger > sluice.journal\n  sluice ledger export --format csv > postings.csv\n" +
			"  sluice ledger export --format hledger | hledger -f - balance",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := audit.Format(format)
			if f != audit.HLedger && f != audit.CSV {
				return Usagef("--format %s: choose hledger or csv", format)
			}
			return s.onLedger(cmd.Context(), func(pool *bun.DB) error {
				return audit.Export(cmd.Context(), pool, live, f, cmd.OutOrStdout())
			})
		},
	}
	s.bindDir(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", string(audit.HLedger), "hledger or csv")
	cmd.Flags().BoolVar(&live, "live", false, "live mode instead of test mode")
	return cmd
}

func ledgerEntries() *cobra.Command {
	s, source, limit := &session{}, "", 0
	cmd := &cobra.Command{
		Use: "entries", Short: "Show ledger entries with their postings, as far as the account may see them", Args: cobra.NoArgs,
		Example: "  sluice ledger entries --limit 1\n  sluice ledger entries --source ch_…\n  sluice ledger entries --account acct_…\n  sluice ledger entries --source po_… -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{"limit": {strconv.Itoa(limit)}}
			if source != "" {
				params.Set("source", source)
			}
			return s.entries(cmd, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 10, "how many, 1 to 100, newest first")
	cmd.Flags().StringVar(&source, "source", "", "only what this object caused: ch_…, re_…, tr_…, po_…")
	return cmd
}

func (s *session) entries(cmd *cobra.Command, params url.Values) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var answer json.RawMessage
	if err := c.Get(cmd.Context(), "/v1/ledger/entries", params, &answer); err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var page struct{ Data []wire.LedgerEntry }
	if err := json.Unmarshal(answer, &page); err != nil {
		return err
	}
	for i, e := range page.Data {
		if i > 0 {
			fmt.Fprintln(cmd.OutOrStdout())
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s  %s\n", e.ID, when(e.Created), printable(e.Kind), printable(e.Source.ID))
		entryTable(e).write(cmd.OutOrStdout())
	}
	return nil
}

// entryTable is an entry as a bookkeeper writes it: debits and credits in columns of their own.
func entryTable(e wire.LedgerEntry) *table {
	t := &table{titles: []string{"ACCOUNT", "OWNER", ">DEBIT", ">CREDIT"}}
	for _, p := range e.Postings {
		debit, credit := "", ""
		if p.Credit == 0 {
			debit = amount(p.Debit, p.Currency)
		} else {
			credit = amount(p.Credit, p.Currency)
		}
		t.add(p.Account, p.Owner, debit, credit)
	}
	return t
}
