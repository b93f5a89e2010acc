package auditlog_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/secret"
)

// fill is an audit log of 501 acts, which is more than an export has in memory.
func (h *house) fill() {
	h.t.Helper()
	err := db.InTx(h.t.Context(), h.pool, func(ctx context.Context, tx bun.Tx) error {
		for range 501 {
			if err := h.log.Record(ctx, tx, auditlog.Entry{
				Account: "acct_hub", Person: "usr_ada", Action: "team.invited", Object: "=1+1", Role: "viewer", OccurredAt: time.Now(),
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestAnExportIsTheWholeListAsCSV(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	status, answer := h.ask("hub", "GET", "/v1/audit_log/export?actor=usr_ada", "")
	rows, err := csv.NewReader(strings.NewReader(answer)).ReadAll()
	if status != 200 || err != nil || len(rows) != 502 || rows[0][3] != "action" || rows[1][3] != "team.invited" || rows[1][5] != "'=1+1" {
		t.Errorf("%d, %d rows, %v, first %v", status, len(rows), err, rows[1])
	}
}

func TestWhoTakesAnExportIsInTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ask("ada", "GET", "/v1/audit_log/export?action=api_keys&format=jsonl", "")
	h.ask("ada", "GET", "/v1/audit_log/export?format=pdf", "")
	found := h.list("hub", "")
	if len(found) != 1 || found[0].Action != "audit_log.export" || found[0].Actor != "usr_ada" || found[0].Outcome != "done" || *found[0].IP != "192.0.2.1" {
		t.Fatalf("remembered %+v", found)
	}
	if got := strings.Join(strings.Fields(string(found[0].Params)), ""); got != `{"action":"api_keys","format":"jsonl","signed":"false"}` {
		t.Errorf("what was taken: %s", got)
	}
	if _, err := h.pool.ExecContext(t.Context(), "ALTER TABLE platform.audit_acts RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	if status, answer := h.ask("ada", "GET", "/v1/audit_log/export", ""); status != 503 {
		t.Errorf("an export that cannot be recorded: %d %s", status, answer)
	}
}

// signedExport is an archive and the keys that the server shows to everybody.
func (h *house) signedExport(query string) ([]byte, auditlog.KeySet) {
	h.t.Helper()
	status, archive := h.ask("hub", "GET", "/v1/audit_log/export?signed=true&"+query, "")
	if status != 200 {
		h.t.Fatalf("%d %s", status, archive)
	}
	var keys auditlog.KeySet
	if status, answer := h.ask("", "GET", auditlog.KeysPath, ""); status != 200 || json.Unmarshal([]byte(answer), &keys) != nil {
		h.t.Fatalf("%d %s", status, answer)
	}
	return []byte(archive), keys
}

func verify(archive []byte, keys auditlog.KeySet) (auditlog.Manifest, error) {
	return auditlog.Verify(bytes.NewReader(archive), int64(len(archive)), keys)
}

func TestASignedExportProvesWhatItHoldsAndThatNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for _, format := range []string{"jsonl", "csv"} {
		archive, keys := h.signedExport("actor=usr_ada&format=" + format)
		m, err := verify(archive, keys)
		if err != nil || m.Records != 501 || m.Account != "acct_hub" || m.Filters["actor"] != "usr_ada" || m.File != "audit_log."+format {
			t.Errorf("%s: %+v %v", format, m, err)
		}
		if got := h.list("hub", "action=audit_log.export")[0]; got.ID != m.Act {
			t.Errorf("%s: the manifest names %s, the log has %s", format, m.Act, got.ID)
		}
		for _, part := range []string{m.File, "manifest.json", "manifest.json.sig"} {
			if _, err := verify(altered(t, archive, part), keys); !errors.Is(err, auditlog.ErrForged) {
				t.Errorf("%s with another %s: %v", format, part, err)
			}
		}
		if _, err := verify(archive, auditlog.NewSeal(secret.RandomPepper()).Keys()); !errors.Is(err, auditlog.ErrForged) {
			t.Errorf("%s, proved with somebody else's key: %v", format, err)
		}
	}
}

// altered is an archive in which one part has lost its first half.
func altered(t *testing.T, archive []byte, part string) []byte {
	t.Helper()
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for name, content := range unpacked(t, archive) {
		if name == part {
			content = content[len(content)/2:]
		}
		w, err := to.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpacked(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if parts[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return parts
}

func TestOpenSSLProvesAnExportAsItsREADMESays(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Log("no openssl here; the README is not tried")
		return
	}
	h := newHouse(t)
	archive, _ := h.signedExport("")
	dir := t.TempDir()
	parts := unpacked(t, archive)
	for name, content := range parts {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var command []string
	for said := range strings.Lines(string(parts["README.txt"])) {
		if args, found := strings.CutPrefix(strings.TrimSpace(said), "openssl "); found {
			command = strings.Fields(args)
		}
	}
	run := exec.CommandContext(t.Context(), openssl, command...)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "Verified Successfully") {
		t.Errorf("openssl %v: %v %s", command, err, out)
	}
}
