package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// asProgram makes the test binary behave as sluice itself.
const asProgram = "SLUICE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// developer is a person with `sluice dev` in one terminal and a prompt in another.
type developer struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	ended chan struct{}
	out   bytes.Buffer // complete once ended
	ready cli.Ready
}

// startDev returns when dev.json is there.
func startDev(t *testing.T, dir string, flags ...string) *developer {
	t.Helper()
	d := &developer{t: t, dir: dir, ended: make(chan struct{})}
	d.cmd = exec.Command(os.Args[0], append([]string{"dev", "--dir", dir, "--addr", "127.0.0.1:0"}, flags...)...)
	d.cmd.Env = append(os.Environ(), asProgram+"=1")
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill(); <-d.ended })
	go func() {
		_ = d.cmd.Wait()
		close(d.ended)
	}()
	d.awaitReady()
	return d
}

func (d *developer) awaitReady() {
	d.t.Helper()
	look, patience := time.NewTicker(20*time.Millisecond), time.NewTimer(2*time.Minute)
	defer look.Stop()
	defer patience.Stop()
	for {
		raw, err := os.ReadFile(filepath.Join(d.dir, cli.ReadyFile))
		if err == nil {
			if err := json.Unmarshal(raw, &d.ready); err != nil {
				d.t.Fatalf("dev.json is not whole: %v", err)
			}
			return
		}
		select {
		case <-d.ended:
			d.t.Fatalf("sluice dev ended:\n%s", &d.out)
		case <-patience.C:
			d.t.Fatal("sluice dev is not ready after two minutes")
		case <-look.C:
		}
	}
}

// types a command at the other prompt.
func (d *developer) types(args ...string) string {
	d.t.Helper()
	var out, errout bytes.Buffer
	if code := cli.Execute(d.t.Context(), newRoot(), append(args, "--dir", d.dir), &out, &errout); code != 0 {
		d.t.Fatalf("sluice %s: exit %d: %s", strings.Join(args, " "), code, &errout)
	}
	return out.String()
}

// pastes a curl as the banner shows it and returns the answer.
func (d *developer) pastes(curl string) map[string]any {
	d.t.Helper()
	curl = strings.ReplaceAll(curl, "\\\n", " ")
	form := url.Values{}
	for _, data := range regexp.MustCompile(`-d (?:"([^"]*)"|(\S+))`).FindAllStringSubmatch(curl, -1) {
		name, value, _ := strings.Cut(data[1]+data[2], "=")
		form.Set(name, value)
	}
	words := strings.Fields(curl)
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, words[1], strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	req.SetBasicAuth(strings.TrimSuffix(words[3], ":"), "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return answer
}

// postmaster is the process id of the private PostgreSQL.
func (d *developer) postmaster() int {
	d.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, "pg", "data", "postmaster.pid"))
	if err != nil {
		d.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(raw), "\n", 2)[0])
	if err != nil {
		d.t.Fatal(err)
	}
	return pid
}

// interrupts as Ctrl-C does.
func (d *developer) interrupts() {
	d.t.Helper()
	postmaster := d.postmaster()
	began := time.Now()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		d.t.Fatal(err)
	}
	<-d.ended
	if took := time.Since(began); took > 2*time.Second {
		d.t.Errorf("stopping took %s", took)
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("exit %d:\n%s", code, &d.out)
	}
	if err := syscall.Kill(postmaster, 0); !errors.Is(err, syscall.ESRCH) {
		d.t.Errorf("PostgreSQL is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.dir, cli.ReadyFile)); !errors.Is(err, os.ErrNotExist) {
		d.t.Error("dev.json still points at the stopped server")
	}
}

// devDir is short enough for a socket and reachable by PostgreSQL's user.
func devDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheFirstFiveMinutes(t *testing.T) {
	t.Parallel()
	d := startDev(t, devDir(t), "--no-seed")
	if len(d.ready.ConnectedAccounts) != 0 {
		t.Errorf("an empty marketplace has accounts: %v", d.ready.ConnectedAccounts)
	}
	tutor, _ := d.pastes(tryAccount(d.ready.BaseURL, d.ready.SecretKey))["id"].(string)
	paid := d.pastes(tryCurl(d.ready.BaseURL, d.ready.SecretKey, tutor))
	if paid["status"] != "succeeded" {
		t.Fatalf("the banner's payment is %v", paid["status"])
	}
	if got := d.types("balance", "--account", tutor); !strings.Contains(got, "510.00 HKD") {
		t.Errorf("the tutor's balance:\n%s", got)
	}
	charge, _ := paid["latest_charge"].(string)
	if got := d.types("ledger", "entries", "--source", charge); strings.Count(got, "pending") != 4 {
		t.Errorf("the charge in the ledger:\n%s", got)
	}
	d.types("time", "advance", "4d")
	if got := d.types("payouts", "list", "--account", tutor); !strings.Contains(got, "510.00 HKD  paid") {
		t.Errorf("after four days the tutor's payouts are:\n%s", got)
	}
	if got := d.types("ledger", "verify"); !strings.HasPrefix(got, "Ledger verified: ") {
		t.Error(got)
	}
	d.interrupts()

	again := startDev(t, d.dir, "--no-seed")
	if again.ready.SecretKey != d.ready.SecretKey || len(again.ready.ConnectedAccounts) != 1 {
		t.Errorf("the second start lost something: %d accounts", len(again.ready.ConnectedAccounts))
	}
	if again.ready.ClientID != d.ready.ClientID || again.ready.ClientID == "" {
		t.Errorf("the OAuth client was %q and is %q", d.ready.ClientID, again.ready.ClientID)
	}
	for _, link := range []string{again.ready.ConnectURL, // the server has another port now, and the redirect URIs follow it
		again.ready.ConnectURL + "&redirect_uri=" + url.QueryEscape(again.ready.MarketplaceURL+"/callback")} {
		if page := again.reads(link); !strings.Contains(page, "Create your account") || !strings.Contains(page, "TutorHub HK") {
			t.Errorf("%s leads to\n%s", link, page)
		}
	}
	if page := again.reads(again.ready.MarketplaceURL); !strings.Contains(page, "Connect with Sluice") {
		t.Errorf("the marketplace says\n%s", page)
	}
	if page := again.reads(again.ready.BaseURL); !strings.Contains(page, again.ready.ClientID) || strings.Contains(page, again.ready.SecretKey) {
		t.Errorf("the index says\n%s", page)
	}
	again.interrupts()
}

// reads opens a page.
func (d *developer) reads(address string) string {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := (&http.Client{Jar: jar}).Get(address)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Errorf("%s: %s %v", address, res.Status, err)
	}
	return string(body)
}

func TestDevJSONHasItsShapeAndMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := (cli.Ready{BaseURL: "http://x", KafkaBrokers: []string{"b:1"}}).WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, cli.ReadyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var shape map[string]any
	if err := json.Unmarshal(raw, &shape); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"base_url", "secret_key", "publishable_key", "platform_account", "connected_accounts", "kafka_brokers", "database_url", "webhook_inbox_url",
		"mail_inbox_url", "marketplace_url", "connect_url", "client_id"} {
		if _, there := shape[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
	if accounts, ok := shape["connected_accounts"].([]any); !ok || len(accounts) != 0 {
		t.Errorf("no accounts are %v, want an empty list", shape["connected_accounts"])
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something was left beside it: %v", entries)
	}
}

func TestCtrlCWhileStartingIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := unlessStopped(ctx, errors.New("interrupted")); err != nil {
		t.Error(err)
	}
	if err := unlessStopped(t.Context(), errors.New("broken")); err == nil {
		t.Error("a true failure was forgiven")
	}
}
