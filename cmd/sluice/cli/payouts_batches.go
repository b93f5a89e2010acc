package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

const payoutBatchPath = "/v1/payout_batches"

var batchTitles = []string{"BATCH", "RAIL", ">NUMBER", "EXECUTED", ">PAYOUTS", ">AMOUNT", "STATUS", "FILE"}

func batchRow(b wire.PayoutBatch) []string {
	return []string{
		b.ID, b.Rail, strconv.FormatInt(b.Number, 10), day(b.ExecutionDate), strconv.FormatInt(b.Count, 10), amount(b.Amount, b.Currency), b.Status, b.File.Name,
	}
}

func payoutBatches() *cobra.Command {
	cmd := listing[wire.PayoutBatch]{
		group: "batches", path: payoutBatchPath, short: "List the files that payouts go to banks in, newest first",
		titles: batchTitles, row: batchRow, filters: []string{"status", "rail"},
		example: "  sluice payouts batches list\n  sluice payouts batches list --status unknown",
	}.command()
	cmd.AddCommand(batchShow(), batchFile(), batchResolve())
	return cmd
}

func batchShow() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "show BATCH", Short: "Show a file and every attempt to bring it to the bank", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts batches show bat_…\n  sluice payouts batches show bat_… -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var answer json.RawMessage
			if err := c.Get(cmd.Context(), batchPath(args[0]), nil, &answer); err != nil {
				return err
			}
			return s.printBatch(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func batchPath(batch string) string { return payoutBatchPath + "/" + url.PathEscape(batch) }

// printBatch prints a batch, its attempts, and what people have said of the last one.
func (s *session) printBatch(cmd *cobra.Command, answer json.RawMessage) error {
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var b wire.PayoutBatch
	if err := json.Unmarshal(answer, &b); err != nil {
		return err
	}
	t := table{titles: batchTitles}
	t.add(batchRow(b)...)
	t.write(cmd.OutOrStdout())
	attempts := table{titles: []string{"UPLOAD", "BEGUN (UTC)", "OUTCOME", "FOUND BY", "NOTE"}}
	for _, u := range b.Uploads {
		note := text(u.Note)
		if u.Error != nil {
			note = *u.Error
		}
		attempts.add(u.ID, when(u.BegunAt), u.Outcome, text(u.FoundBy), note)
	}
	fmt.Fprintln(cmd.OutOrStdout())
	attempts.write(cmd.OutOrStdout())
	if len(b.Resolutions) == 0 {
		return nil
	}
	said := table{titles: []string{"KEY", "SAID (UTC)", "OUTCOME"}}
	for _, r := range b.Resolutions {
		said.add(r.APIKey, when(r.Created), r.Outcome)
	}
	fmt.Fprintln(cmd.OutOrStdout())
	said.write(cmd.OutOrStdout())
	return nil
}

func batchFile() *cobra.Command {
	s, to := &session{}, ""
	cmd := &cobra.Command{
		Use: "file BATCH", Short: "Save the file as it was sealed; it shows account numbers, and that you saw it is kept", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts batches file bat_…\n  sluice payouts batches file bat_… --to /secure/batch.xml",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var b wire.PayoutBatch
			if err := c.Get(cmd.Context(), batchPath(args[0]), nil, &b); err != nil {
				return err
			}
			if to == "" {
				to = b.File.Name
			}
			if err := saveBatch(cmd, c, b, to); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes, sha256 %s\n", to, b.File.Size, b.File.SHA256)
			return nil
		},
	}
	s.bindDir(cmd.Flags())
	s.output = asTable
	cmd.Flags().StringVar(&to, "to", "", "where it is saved; default its own name, here")
	return cmd
}

// saveBatch writes a new file that only its owner reads, and removes it again if it
// is not what was sealed.
func saveBatch(cmd *cobra.Command, c *client.Client, b wire.PayoutBatch, to string) error {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = c.Download(cmd.Context(), batchPath(b.ID)+"/file", io.MultiWriter(file, hash))
	if err = errors.Join(err, file.Close()); err == nil && hex.EncodeToString(hash.Sum(nil)) != b.File.SHA256 {
		err = errors.New("the file that came is not the one that was sealed")
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

func batchResolve() *cobra.Command {
	s, outcome := &session{}, ""
	cmd := &cobra.Command{
		Use: "resolve BATCH", Short: "Say what became of a file of which nobody knows whether it arrived; a second key has to agree", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts batches resolve bat_… --outcome delivered\n  sluice payouts batches resolve bat_… --outcome not_delivered",
		RunE: func(cmd *cobra.Command, args []string) error {
			if outcome == "" {
				return Usagef("--outcome: say delivered or not_delivered, as the bank told you")
			}
			answer, err := s.post(cmd, batchPath(args[0])+"/resolve", url.Values{"outcome": {outcome}})
			if err != nil {
				return err
			}
			return s.printBatch(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&outcome, "outcome", "", "delivered, or not_delivered: then it is brought to the bank again")
	return cmd
}
