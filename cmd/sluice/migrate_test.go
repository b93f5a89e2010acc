package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/secret"
)

func operator(t *testing.T, args ...string) (code int, out, errout string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Execute(t.Context(), newRoot(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestAFreshDatabaseIsMigratedAndBootstrapped(t *testing.T) {
	address, keys, seals := dbtest.Empty(t), newMaster(), newMaster()
	t.Setenv("SLUICE_DATABASE_URL", address)
	t.Setenv("SLUICE_KEY_MASTER", keys)
	t.Setenv("SLUICE_SEAL_MASTERS", seals)
	if code, out, errout := operator(t, "migrate"); code != 0 || !strings.Contains(out, "ledger_book") {
		t.Fatalf("exit %d: %s%s", code, out, errout)
	}
	if code, out, _ := operator(t, "migrate"); code != 0 || out != "" {
		t.Errorf("migrating again did something, exit %d:\n%s", code, out)
	}
	if code, out, _ := operator(t, "migrate", "status"); code != 0 || strings.Contains(out, "not applied") || !strings.Contains(out, "ledger_book") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, _, errout := operator(t, "bootstrap"); code != 2 || !strings.Contains(errout, "--name") {
		t.Errorf("without a name: exit %d: %s", code, errout)
	}
	code, out, errout := operator(t, "bootstrap", "--name", "TutorHub HK", "--country", "HK", "--live")
	made := regexp.MustCompile(`^account +(acct_\w+)\nsecret +(sk_live_\w+)\npublishable +(pk_live_\w+)\n$`).FindStringSubmatch(out)
	if code != 0 || made == nil {
		t.Fatalf("exit %d: %s%s", code, out, errout)
	}
	cfg := Config{DatabaseURL: secret.New(address), KeyMaster: secret.New(keys)}
	pool, err := openPool(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	auth, err := authenticator(cfg, pool)
	if err != nil {
		t.Fatal(err)
	}
	key, err := auth.Authenticate(t.Context(), made[2])
	if err != nil || key.Account != made[1] || !key.Livemode || key.Status(clock.System{}.Now()) != "active" {
		t.Errorf("the key is of %s, live %t: %v", key.Account, key.Livemode, err)
	}
}

func TestServeRefusesAnIncompleteConfiguration(t *testing.T) {
	t.Setenv("SLUICE_DATABASE_URL", "")
	if code, _, errout := operator(t, "serve"); code != 2 || !strings.Contains(errout, "set SLUICE_DATABASE_URL") {
		t.Errorf("exit %d: %s", code, errout)
	}
}
