package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/secret"
)

// chosenFrom is the configuration of these flags, this environment and this file.
func chosenFrom(t *testing.T, args []string, env map[string]string, file string) (map[string]chosen, Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	bindSettings(flags)
	if file != "" {
		path := filepath.Join(t.TempDir(), "sluice.conf")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	all, err := choose(flags, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		return nil, Config{}, err
	}
	byName := map[string]chosen{}
	for _, c := range all {
		byName[c.name] = c
	}
	cfg, err := configure(all)
	return byName, cfg, err
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	file := "addr=file:1\nroles=api\n# a comment\nSLUICE_METRICS_ADDR = 'file:2'\n"
	env := map[string]string{"SLUICE_ADDR": "env:1", "SLUICE_ROLES": "relay, jobs"}
	all, cfg, err := chosenFrom(t, []string{"--addr", "flag:1"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"addr":         {"flag:1", "flag --addr"},
		"roles":        {"relay, jobs", "environment SLUICE_ROLES"},
		"log_level":    {"info", "default"},
		"metrics_addr": {"file:2", "file "},
	} {
		if got := all[name]; got.value != want[0] || !strings.HasPrefix(got.source, want[1]) {
			t.Errorf("%s = %q from %q, want %q from %q", name, got.value, got.source, want[0], want[1])
		}
	}
	if cfg.Addr != "flag:1" || cfg.MetricsAddr != "file:2" || cfg.Roles.String() != "relay,jobs" {
		t.Errorf("configured %+v", cfg)
	}
}

func TestAConfigurationFileMayBeJSON(t *testing.T) {
	_, cfg, err := chosenFrom(t, nil, nil, `{"addr": "a:1", "database_conns": 8, "kafka_tls": true, "kafka_brokers": ["b:9092", "c:9092"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "a:1" || cfg.DatabaseConns != 8 || cfg.Kafka.TLS == nil || len(cfg.Kafka.Brokers) != 2 {
		t.Errorf("configured %+v", cfg)
	}
}

func TestWrongSettingsAreToldByName(t *testing.T) {
	for _, c := range []struct {
		file, says string
	}{
		{"adr=x:1", `no setting "adr"`},
		{"addr", "line 1 is not KEY=VALUE"},
		{`{"addr": `, "not one JSON object"},
		{"roles=api,cook", `"cook" is not a role`},
		{"kafka_tls=maybe", "kafka_tls (file "},
		{"database_conns=many", "database_conns (file "},
		{"egress_allow=10.0.0.0/8,intranet", `"intranet" is neither an address nor a range`},
		{"egress_proxy=socks5://proxy:1080", "egress_proxy (file "},
		{"event_retention=long", "event_retention (file "},
		{"event_retention=30d", "at least"},
	} {
		_, _, err := chosenFrom(t, nil, nil, c.file)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %v, want it to say %q", c.file, err, c.says)
		}
	}
}

func TestCallsToUsersURLsFollowTheSettings(t *testing.T) {
	_, cfg, err := chosenFrom(t, nil, nil, "egress_allow = 10.1.0.0/16, 192.168.1.7, fd00::/8\negress_proxy = http://sluice:hunter2@proxy:4750\n")
	if err != nil {
		t.Fatal(err)
	}
	policy := cfg.egress()
	for url, fine := range map[string]bool{
		"https://10.1.2.3/": true, "http://10.1.2.3/": true, "https://192.168.1.7/": true, "https://[fd00::1]/": true, "https://example.com/": true,
		"https://10.2.0.1/": false, "https://192.168.1.8/": false, "http://127.0.0.1/": false, "https://169.254.169.254/": false, "http://8.8.8.8/": false,
	} {
		if got := policy.CheckURL(url) == nil; got != fine {
			t.Errorf("%s may be called: %t", url, got)
		}
	}
	if policy.Proxy == nil || policy.Proxy.Host != "proxy:4750" {
		t.Errorf("the proxy is %v", policy.Proxy)
	}
	if none := (Config{}).egress(); none.Proxy != nil || none.CheckURL("http://127.0.0.1/") == nil {
		t.Error("without settings there is a proxy, or this machine is open")
	}
	if (Config{Dev: true}).egress().CheckURL("http://127.0.0.1:7070/_dev/hooks") != nil {
		t.Error("development does not reach this machine")
	}
	if _, _, err := chosenFrom(t, nil, nil, "egress_proxy=http://sluice:hunter2@:x\n"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong proxy is told as %v", err)
	}
}

func TestEventsAreKeptForEverUnlessToldOtherwise(t *testing.T) {
	if _, cfg, err := chosenFrom(t, nil, nil, ""); err != nil || cfg.EventRetention != 0 {
		t.Errorf("by default events are kept for %v, %v", cfg.EventRetention, err)
	}
	_, cfg, err := chosenFrom(t, []string{"--event-archive-dir", "/var/lib/sluice"}, nil, "event_retention=90d")
	if err != nil || cfg.EventRetention != 90*24*time.Hour || cfg.EventArchiveDir != "/var/lib/sluice" {
		t.Errorf("configured %v and %q, %v", cfg.EventRetention, cfg.EventArchiveDir, err)
	}
}

func TestConfigShowKeepsSecretsToItself(t *testing.T) {
	t.Setenv("SLUICE_DATABASE_URL", "postgres://sluice:hunter2@db/sluice")
	t.Setenv("SLUICE_KEY_MASTER", newMaster())
	var out, errout bytes.Buffer
	if code := cli.Execute(t.Context(), newRoot(), []string{"config", "show"}, &out, &errout); code != 0 {
		t.Fatalf("exit %d: %s", code, &errout)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), os.Getenv("SLUICE_KEY_MASTER")) {
		t.Errorf("a secret was shown:\n%s", &out)
	}
	for _, line := range []string{"database_url", "environment SLUICE_DATABASE_URL", "(set)", "(not set)", "127.0.0.1:7070"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in:\n%s", line, &out)
		}
	}
}

func TestNoSecretHasAFlag(t *testing.T) {
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	bindSettings(flags)
	for _, s := range settings {
		if got := flags.Lookup(s.flag()) != nil; got == s.secret {
			t.Errorf("%s: has a flag: %t, is secret: %t", s.name, got, s.secret)
		}
	}
}

func TestAServerNeedsItsSecrets(t *testing.T) {
	whole := Config{DatabaseURL: secret.New("postgres://x"), KeyMaster: secret.New(newMaster()), SealMasters: []secret.Text{secret.New(newMaster())}}
	whole.Kafka.Brokers = []string{"b:9092"}
	if err := whole.complete(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"SLUICE_DATABASE_URL": func(c *Config) { c.DatabaseURL = secret.Text{} },
		"SLUICE_KEY_MASTER":   func(c *Config) { c.KeyMaster = secret.Text{} },
		"SLUICE_SEAL_MASTERS": func(c *Config) { c.SealMasters = nil },
		"key_master":          func(c *Config) { c.KeyMaster = secret.New("c2hvcnQ=") },
		"seal_masters":        func(c *Config) { c.SealMasters = []secret.Text{secret.New("not base64!")} },
	} {
		c := whole
		spoil(&c)
		err := c.complete()
		if err == nil || !strings.Contains(err.Error(), name) || cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestRotatedSealMastersStillOpen(t *testing.T) {
	oldest, newest := secret.New(newMaster()), secret.New(newMaster())
	before, err := Config{SealMasters: []secret.Text{oldest}}.Keyring()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := before.Seal(secret.New("whsec"), "connect.webhook_endpoints", "we_1")
	if err != nil {
		t.Fatal(err)
	}
	after, err := Config{SealMasters: []secret.Text{newest, oldest}}.Keyring()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(sealed, "connect.webhook_endpoints", "we_1"); err != nil || got.Reveal() != "whsec" {
		t.Errorf("opened %v", err)
	}
}
