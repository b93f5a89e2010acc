package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// run types one command line in an empty directory and returns what came of it.
func run(t *testing.T, args ...string) (code int, out, errout string) {
	t.Helper()
	return runIn(t.Context(), args...)
}

func runIn(ctx context.Context, args ...string) (int, string, string) {
	root := &cobra.Command{Use: "sluice"}
	root.AddCommand(cli.Commands()...)
	var out, errout bytes.Buffer
	code := cli.Execute(ctx, root, args, &out, &errout)
	return code, out.String(), errout.String()
}

// answering is a server that gives this answer to everything; the environment points at it.
func answering(t *testing.T, status int, body string) *[]*http.Request {
	t.Helper()
	var asked []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = append(asked, r)
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("SLUICE_BASE_URL", server.URL)
	t.Setenv("SLUICE_API_KEY", "sk_test_1")
	return &asked
}

func refusing(message string) string {
	return fmt.Sprintf(`{"error": {"type": "invalid_request_error", "message": %q}}`, message)
}

func TestExitCodesTellWhatKindOfFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{&client.Error{Status: 500}, 1},
		{&client.Error{Status: 429}, 1},
		{cli.Usagef("wrong"), 2},
		{&client.Error{Status: 400}, 2},
		{fmt.Errorf("look: %w", &client.Error{Status: 404}), 3},
		{&client.Error{Status: 401}, 4},
		{&client.Error{Status: 403}, 4},
		{&client.Error{Status: 402}, 5},
		{&client.Error{Status: 409}, 5},
		{fmt.Errorf("x: %w", client.ErrUnreachable), 6},
		{cli.Unverified(errors.New("x")), 7},
	} {
		if got := cli.ExitCode(c.err); got != c.code {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.code)
		}
	}
}

func TestUsageErrorsExitTwoAndSayWhereHelpIs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ line, says string }{
		{"chrages list", "did you mean `sluice charges`?"},
		{"charges lst", "did you mean `sluice charges list`?"},
		{"frobnicate", `there is no command "frobnicate"`},
		{"charges list --bogus", "unknown flag: --bogus"},
		{"charges list more", "unknown command"},
		{"get", "accepts 1 arg"},
		{"get charges", "charges is not a path"},
		{"time advance soon", `"soon" is not a time to move forward by`},
		{"time advance -- -2d", "is not a time to move forward by"},
		{"balance -o yaml", "choose table or json"},
		{"ledger export --format xlsx", "choose hledger or csv"},
	} {
		code, out, errout := run(t, strings.Fields(c.line)...)
		if code != 2 || out != "" || !strings.Contains(errout, c.says) || !strings.Contains(errout, "--help") {
			t.Errorf("sluice %s: exit %d, stdout %q, stderr:\n%s", c.line, code, out, errout)
		}
	}
}

func TestRefusalsShowTheRequestID(t *testing.T) {
	answering(t, http.StatusNotFound, refusing("No such charge: 'ch_x'"))
	code, out, errout := run(t, "get", "/v1/charges/ch_x")
	if code != 3 || out != "" || errout != "sluice: No such charge: 'ch_x'\nrequest req_1\n" {
		t.Errorf("exit %d, stdout %q, stderr:\n%s", code, out, errout)
	}
}

func TestAWrongKeySaysWhatToCheck(t *testing.T) {
	answering(t, http.StatusUnauthorized, refusing("Invalid API Key provided: sk_test_****1"))
	if code, _, errout := run(t, "balance"); code != 4 || !strings.Contains(errout, "SLUICE_API_KEY") {
		t.Errorf("exit %d:\n%s", code, errout)
	}
}

func TestWithoutAServerTheMendIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("SLUICE_BASE_URL", "")
	t.Setenv("SLUICE_DATABASE_URL", "")
	for _, line := range []string{"balance", "ledger verify", "time now --dir nowhere"} {
		if code, _, errout := run(t, strings.Fields(line)...); code != 6 || !strings.Contains(errout, "sluice dev") {
			t.Errorf("sluice %s: exit %d:\n%s", line, code, errout)
		}
	}
}

func TestTheNearestDevJSONIsFoundUpwards(t *testing.T) {
	asked := answering(t, http.StatusOK, `{"available": [], "pending": []}`)
	project := t.TempDir()
	dir := filepath.Join(project, ".sluice")
	deep := filepath.Join(project, "a", "b")
	for _, d := range []string{dir, deep} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := (cli.Ready{BaseURL: os.Getenv("SLUICE_BASE_URL"), SecretKey: "sk_test_file"}).WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	expect := func(key string, args ...string) {
		t.Helper()
		if code, _, errout := run(t, append([]string{"balance"}, args...)...); code != 0 {
			t.Fatal(errout)
		}
		if got := (*asked)[len(*asked)-1].Header.Get("Authorization"); got != "Bearer "+key {
			t.Errorf("asked with %s, want %s", got, key)
		}
	}
	expect("sk_test_1") // the environment beats the nearest file
	expect("sk_test_file", "--dir", dir)
	t.Setenv("SLUICE_BASE_URL", "")
	expect("sk_test_file")
}

func TestTablesAlignChineseNames(t *testing.T) {
	answering(t, http.StatusOK, `{"data": [
		{"id": "acct_2", "country": "HK", "business_profile": {"name": "Ho 何雪瑩"}, "capabilities": {"transfers": "active"}, "payouts_enabled": true},
		{"id": "acct_1", "country": "HK", "email": "a\u001b[31m@b", "business_profile": {"name": null}, "capabilities": {}}]}`)
	code, out, errout := run(t, "accounts", "list")
	want := "ACCOUNT  NAME       COUNTRY  TRANSFERS  CHARGES  PAYOUTS\n" +
		"acct_2   Ho 何雪瑩  HK       active     no       yes\n" +
		"acct_1   a [31m@b   HK                  no       no\n"
	if code != 0 || out != want {
		t.Errorf("exit %d %s, got:\n%swant:\n%s", code, errout, out, want)
	}
}

func TestJSONKeepsTheAnswerExact(t *testing.T) {
	answering(t, http.StatusOK, `{"data": [{"amount": 9007199254740993, "note": "a&b"}]}`)
	code, out, _ := run(t, "charges", "list", "-o", "json")
	if code != 0 || !strings.Contains(out, "9007199254740993") || !strings.Contains(out, "a&b") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestCommandsAskWhatTheySay(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ line, asks, answer, prints string }{
		{"charges list --limit 3", "GET /v1/charges?limit=3",
			`{"data": [{"id": "ch_1", "amount": 60000, "amount_refunded": 100, "currency": "hkd", "status": "succeeded", "transfer_data": {"destination": "acct_1"}}]}`, "600.00 HKD  partly refunded  acct_1"},
		{"payouts list --status failed", "GET /v1/payouts?limit=20&status=failed",
			`{"data": [{"id": "po_1", "amount": 500, "currency": "jpy", "status": "failed", "failure_code": "account_closed"}]}`, "500 JPY  failed  no         account_closed"},
		{"events list --type charge.failed", "GET /v1/events?limit=20&type=charge.failed",
			`{"data": [{"id": "evt_1", "type": "charge.failed", "data": {"object": {"id": "ch_9"}}}]}`, "charge.failed  ch_9"},
		{"balance", "GET /v1/balance?",
			`{"available": [{"amount": 5, "currency": "kwd"}], "pending": [{"amount": 1000, "currency": "kwd"}]}`, "0.005 KWD  1.000 KWD"},
		{"time now", "GET /v1/test_helpers/world_clock?", `{"now": 1795971180}`, "2026-11-29 16:53 UTC"},
		{"time advance 2d", "POST /v1/test_helpers/world_clock/advance?duration=48h0m0s", `{"now": 1795971180}`, "2026-11-29"},
		{"keys list", "GET /v1/api_keys?limit=20", `{"data": [{"id": "key_1", "prefix": "sk_test_", "last4": "abcd", "status": "active", "type": "secret"}]}`, "sk_test_…abcd"},
		{"keys create --type restricted --scope charges:read", "POST /v1/api_keys?scopes[]=charges:read&type=restricted", `{"id": "key_1", "secret": "rk_test_plain"}`, "rk_test_plain"},
		{"keys roll key_1 --overlap 1d", "POST /v1/api_keys/key_1/roll?expires_in=86400", `{"id": "key_2", "secret": "sk_test_plain"}`, "sk_test_plain"},
		{"keys revoke key_1", "POST /v1/api_keys/key_1/revoke?", `{"id": "key_1", "status": "revoked"}`, "revoked"},
		{"clients list", "GET /v1/oauth_clients?limit=20", `{"data": [{"id": "ca_1", "name": "TutorHub", "type": "confidential", "scopes": ["read_write"], "redirect_uris": ["https://a.example/b"],
			"secrets": [{"id": "csec_1", "prefix": "cs_test_", "last4": "abcd"}]}]}`, "cs_test_…abcd  https://a.example/b  enabled"},
		{"clients create --name TutorHub --redirect-uri https://a.example/b --scope read_only",
			"POST /v1/oauth_clients?name=TutorHub&redirect_uris[]=https:%2F%2Fa.example%2Fb&scopes[]=read_only",
			`{"id": "ca_1", "secrets": [{"id": "csec_1", "secret": "cs_test_plain"}]}`, "cs_test_plain"},
		{"clients disable ca_1", "POST /v1/oauth_clients/ca_1/disable?", `{"id": "ca_1", "disabled": true}`, "disabled"},
		{"clients add-secret ca_1", "POST /v1/oauth_clients/ca_1/secrets?", `{"id": "ca_1", "secrets": [{"id": "csec_2", "secret": "cs_test_second"}]}`, "cs_test_second"},
		{"clients remove-secret ca_1 csec_1", "DELETE /v1/oauth_clients/ca_1/secrets/csec_1?", `{"id": "ca_1"}`, "enabled"},
		{"ledger entries --source ch_1", "GET /v1/ledger/entries?limit=10&source=ch_1",
			`{"data": [{"id": "le_1", "kind": "charge_succeeded", "source": "ch_1", "postings": [
				{"account": "pending", "owner": "acct_1", "currency": "hkd", "debit": 100, "credit": 0},
				{"account": "available", "owner": "acct_1", "currency": "hkd", "debit": 0, "credit": 100}]}]}`, "available  acct_1            1.00 HKD"},
	} {
		asked := answering(t, http.StatusOK, c.answer)
		code, out, errout := run(t, strings.Fields(c.line)...)
		if code != 0 || !strings.Contains(out, c.prints) {
			t.Errorf("sluice %s: exit %d %s, want %q in:\n%s", c.line, code, errout, c.prints, out)
		}
		r := (*asked)[0]
		params := strings.NewReplacer("%3A", ":", "%5B", "[", "%5D", "]").Replace(r.Form.Encode())
		if got := r.Method + " " + r.URL.Path + "?" + params; got != c.asks {
			t.Errorf("sluice %s asked %s, want %s", c.line, got, c.asks)
		}
	}
}

func TestTailPrintsEachEventOnceInOrder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	page := func(ids ...string) string {
		events := make([]string, len(ids))
		for i, id := range ids {
			events[i] = fmt.Sprintf(`{"id": %q, "type": "charge.succeeded", "data": {"object": {}}}`, id)
		}
		return `{"data": [` + strings.Join(events, ",") + `]}`
	}
	answers := map[string]string{"": page("evt_1"), "evt_1": page("evt_3", "evt_2"), "evt_3": page("evt_4"), "evt_4": page()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("ending_before")
		if after == "evt_4" {
			cancel() // Ctrl-C once everything was told
		}
		_, _ = io.WriteString(w, answers[after])
	}))
	defer server.Close()
	t.Setenv("SLUICE_BASE_URL", server.URL)
	t.Setenv("SLUICE_API_KEY", "sk_test_1")
	code, out, errout := runIn(ctx, "events", "tail", "-o", "json")
	var ids []string
	for line := range strings.Lines(out) {
		var e struct{ ID string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if code != 0 || strings.Join(ids, " ") != "evt_2 evt_3 evt_4" {
		t.Errorf("exit %d %s, printed %v", code, errout, ids)
	}
}

func TestEveryCommandHasExamples(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.RunE != nil && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Short == "" {
			t.Errorf("%s does not say what it is for", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	for _, cmd := range cli.Commands() {
		check(cmd)
	}
}

func TestDurationsHaveDaysAndWeeks(t *testing.T) {
	for text, want := range map[string]time.Duration{"2d": 48 * time.Hour, "1w": 168 * time.Hour, "90m": 90 * time.Minute} {
		if got, err := cli.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "1.5d", "99999999999d", "tomorrow"} {
		if got, err := cli.ParseDuration(text); err == nil {
			t.Errorf("%q became %s", text, got)
		}
	}
}

func TestATamperedLedgerExitsSevenAndNamesTheCulprit(t *testing.T) {
	address := dbtest.URL(t)
	t.Setenv("SLUICE_DATABASE_URL", address)
	if code, out, errout := run(t, "ledger", "verify"); code != 0 || out != "Ledger verified: 0 postings, debits = credits\n" {
		t.Fatalf("exit %d: %s%s", code, out, errout)
	}
	pool, err := db.Open(t.Context(), db.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), tamper); err != nil {
		t.Fatal(err)
	}
	code, out, errout := run(t, "ledger", "verify")
	if code != 7 || !strings.Contains(out, "acct_thief/available/hkd") || !strings.Contains(errout, "does not hold") {
		t.Errorf("exit %d, stdout:\n%sstderr:\n%s", code, out, errout)
	}
}

// tamper gives an account money that no posting explains.
const tamper = `
INSERT INTO ledger.accounts (livemode, owner, kind, currency, debits, credits, version)
VALUES (false, 'acct_thief', 'available', 'hkd', 0, 60000, 1)`

func TestThousandsAreSeparated(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 9931: "9,931", 1234567: "1,234,567"} {
		if got := cli.Thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
