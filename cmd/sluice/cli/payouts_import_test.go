package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const aStatement = `{"id": "bst_1", "object": "bank_statement", "created": 1795348800, "filename": "day.sta", "format": "mt940", "status": "imported",
	"lines": {"new": 2, "known": 1, "matched": 1, "open": 1}, "statements": [{"last4": "6789", "reference": "1/1", "currency": "hkd",
	"from": 1795305600, "to": 1795305600, "opening_balance": 10000, "closing_balance": 7000, "lines": 3, "balances_checked": true}]}`

const day940 = ":20:T\n:25:123456789\n:28C:1/1\n:60F:C261122HKD100,00\n:61:2611221122D30,00NTRFNONREF\n:62F:C261122HKD70,00\n-\n"

// bankFile is a statement in a folder of its own.
func bankFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "day.sta")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnImportSaysWhatCountsAndWhatIsOpen(t *testing.T) {
	asked := answering(t, 200, aStatement)
	code, out, errout := run(t, "payouts", "import", bankFile(t, day940), "--rail", "hsbc")
	for _, want := range []string{"…6789", "100.00 HKD", "70.00 HKD", "add up", "2 new lines, 1 known before; 1 matched, 1 open", "statements lines bst_1 --status open"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, want %q in\n%s%s", code, want, out, errout)
		}
	}
	if r := (*asked)[0]; r.URL.Path != "/v1/bank_statements" || r.Method != "POST" {
		t.Errorf("asked %s %s", r.Method, r.URL)
	}
	answering(t, 200, strings.NewReplacer(`"imported"`, `"quarantined"`, `"object"`, `"quarantine_reason": "statement 1: no", "object"`).Replace(aStatement))
	if code, _, errout := run(t, "payouts", "import", bankFile(t, day940)); code != 7 || !strings.Contains(errout, "statement 1: no") {
		t.Errorf("exit %d for a quarantined file\n%s", code, errout)
	}
}

func TestADryImportAsksNobody(t *testing.T) {
	asked := answering(t, 500, "")
	code, out, errout := run(t, "payouts", "import", "--dry-run", bankFile(t, day940))
	if code != 0 || len(*asked) != 0 || !strings.Contains(out, "30.00 HKD") || strings.Contains(out, "123456789") {
		t.Errorf("exit %d, asked %d times\n%s%s", code, len(*asked), out, errout)
	}
	code, _, errout = run(t, "payouts", "import", "--dry-run", bankFile(t, strings.Replace(day940, "70,00", "70,01", 1)))
	if code != 7 || !strings.Contains(errout, "do not add up") {
		t.Errorf("exit %d\n%s", code, errout)
	}
}

func TestStatementsAndTheirLinesAreListed(t *testing.T) {
	answering(t, 200, `{"data": [`+aStatement+`]}`)
	if code, out, errout := run(t, "payouts", "statements", "list"); code != 0 || !strings.Contains(out, "bst_1") || !strings.Contains(out, "mt940") {
		t.Errorf("exit %d\n%s%s", code, out, errout)
	}
	asked := answering(t, 200, `{"data": [{"id": "bsl_1", "amount": -3000, "currency": "hkd", "booked": 1795305600, "status": "open", "end_to_end": "X7", "open_reason": "no idea"}]}`)
	code, out, errout := run(t, "payouts", "statements", "lines", "bst_1", "--status", "open")
	if code != 0 || !strings.Contains(out, "-30.00 HKD") || !strings.Contains(out, "X7") || !strings.Contains(out, "no idea") {
		t.Errorf("exit %d\n%s%s", code, out, errout)
	}
	if r := (*asked)[0]; r.URL.Path != "/v1/bank_statements/bst_1/lines" || r.Form.Get("status") != "open" {
		t.Errorf("asked %s %v", r.URL.Path, r.Form)
	}
}
