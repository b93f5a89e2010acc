package cli

import (
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/wire"
)

const auditLog = "/v1/audit_log"

func auditCommands() *cobra.Command {
	cmd := listing[wire.AuditRecord]{
		group: "audit", path: auditLog, short: "List who changed what, newest first",
		titles: []string{"RECORD", "WHAT", "OUTCOME", "WHO", "OBJECT", "WHEN (UTC)"},
		row: func(r wire.AuditRecord) []string {
			return []string{r.ID, r.Action, r.Outcome, r.Actor, text(r.RelatedObject), when(r.Created)}
		},
		filters: []string{"actor", "action", "outcome", "related_object"},
		example: "  sluice audit list --action api_keys\n  sluice audit list --outcome refused -o json",
	}.command()
	cmd.AddCommand(auditExport(), auditVerify())
	return cmd
}

func auditExport() *cobra.Command {
	s, format, file, actor, action := &session{}, "", "", "", ""
	cmd := &cobra.Command{
		Use: "export", Short: "Save the audit log, signed, as a ZIP", Args: cobra.NoArgs,
		Long: "The archive holds the log, a manifest with its hash, and the server's ed25519 signature of the manifest. Each export is itself in the log.\n" +
			"`sluice audit verify` proves it, or OpenSSL as the README.txt within says.",
		Example: "  sluice audit export --file november.zip\n  sluice audit export --format csv --action api_keys --file keys.zip",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s.output = asTable
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			params := url.Values{"signed": {"true"}, "format": {format}}
			for name, value := range map[string]string{"actor": actor, "action": action} {
				if value != "" {
					params.Set(name, value)
				}
			}
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			defer func() {
				if closed := f.Close(); err == nil {
					err = closed
				}
			}()
			written, err := c.Download(cmd.Context(), auditLog+"/export?"+params.Encode(), f)
			if err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d bytes\n", file, written)
			}
			return err
		},
	}
	s.bindDir(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().StringVar(&file, "file", "audit_log.zip", "write to this file, which must not exist")
	cmd.Flags().StringVar(&actor, "actor", "", "only what this person or key did, usr_… or key_…")
	cmd.Flags().StringVar(&action, "action", "", "only this, such as api_keys.roll, or api_keys for all of a resource")
	return cmd
}

func auditVerify() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Prove that an export is as the server signed it", Args: cobra.ExactArgs(1),
		Long:    "Checks the signature with the server's public keys (" + auditlog.KeysPath + ") and the file's hash. Exit code 7 means that it is not.",
		Example: "  sluice audit verify audit_log.zip\n  SLUICE_BASE_URL=https://pay.example sluice audit verify november.zip",
		RunE: func(cmd *cobra.Command, args []string) error {
			s.output = asTable
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var keys auditlog.KeySet
			if err := c.Get(cmd.Context(), auditlog.KeysPath, nil, &keys); err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			stat, err := f.Stat()
			if err != nil {
				return err
			}
			m, err := auditlog.Verify(f, stat.Size(), keys)
			if err != nil {
				return Unverified(fmt.Errorf("%s: %w", args[0], err))
			}
			mode := "test"
			if m.Livemode {
				mode = "live"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "good: %s records of %s (%s mode), exported %s as %s\n",
				strconv.FormatInt(m.Records, 10), m.Account, mode, m.CreatedAt.Format("2006-01-02 15:04:05 UTC"), m.Act)
			return nil
		},
	}
	s.bindDir(cmd.Flags())
	return cmd
}
