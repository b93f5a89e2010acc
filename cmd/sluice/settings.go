package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// setting is one thing an operator can say, by flag, in the environment or in a
// file: database_url is --database-url, SLUICE_DATABASE_URL and database_url=…
type setting struct {
	name    string
	usage   string
	initial string // what holds when nobody says anything
	secret  bool   // shown only as set or not set, and no flag: command lines are seen by everybody
	put     func(*Config, string) error
}

func (s setting) flag() string { return strings.ReplaceAll(s.name, "_", "-") }
func (s setting) env() string  { return "SLUICE_" + strings.ToUpper(s.name) }

var settings = []setting{
	{name: "addr", usage: "where the API listens", initial: "127.0.0.1:7070",
		put: text(func(c *Config) *string { return &c.Addr })},
	{name: "public_url", usage: "how others reach the API; default http:// and the address",
		put: func(c *Config, v string) error { c.BaseURL = strings.TrimRight(v, "/"); return nil }},
	{name: "trusted_proxies", usage: "proxies in front of this server, such as 10.0.0.0/8,fd00::/8: they say who asked, in X-Forwarded-For", put: putProxies},
	{name: "metrics_addr", usage: "where /metrics listens; none if empty",
		put: text(func(c *Config) *string { return &c.MetricsAddr })},
	{name: "roles", usage: "what this process does: any of " + Roles(allRoles).String(), initial: Roles(allRoles).String(),
		put: func(c *Config, v string) (err error) { c.Roles, err = parseRoles(v); return err }},
	{name: "database_url", usage: "PostgreSQL, postgres://user:password@host:port/database", secret: true,
		put: hidden(func(c *Config) *secret.Text { return &c.DatabaseURL })},
	{name: "database_conns", usage: "connections to PostgreSQL; 0 takes the default", initial: "0",
		put: func(c *Config, v string) (err error) { c.DatabaseConns, err = strconv.Atoi(v); return err }},
	{name: "max_in_hand", usage: "requests that this process serves at a time; beyond it reports give way first, then reads and writes, then the sandbox; 0 makes no bound", initial: "400",
		put: func(c *Config, v string) error { return putBetween(&c.Limits.InHand, v, 0, maxInHand) }},
	{name: "key_rate", usage: "requests a second that one key may make of this process; 0 makes no bound", initial: "0",
		put: func(c *Config, v string) error { return putBetween(&c.Limits.Rate, v, 0, maxKeyRate) }},
	{name: "key_concurrency", usage: "requests that one key may have under way in this process; 0 makes no bound", initial: "300",
		put: func(c *Config, v string) error { return putBetween(&c.Limits.Concurrent, v, 0, maxInHand) }},
	{name: "kafka_brokers", usage: "brokers to begin with, host:port,host:port",
		put: func(c *Config, v string) error {
			c.Kafka.Brokers = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
			return nil
		}},
	{name: "kafka_tls", usage: "speak TLS to the brokers", initial: "false", put: putKafkaTLS},
	{name: "kafka_tls_ca", usage: "PEM file with the authorities that sign the brokers' certificates; implies kafka_tls; the machine's own if empty", put: putKafkaCA},
	{name: "kafka_tls_cert", usage: "PEM file with our certificate, for brokers that ask for one; read again for each connection",
		put: text(func(c *Config) *string { return &c.kafkaCert })},
	{name: "kafka_tls_key", usage: "PEM file with the key of kafka_tls_cert", put: putKafkaKey},
	{name: "kafka_sasl_mechanism", usage: "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; no login if empty",
		put: text(func(c *Config) *string { return &c.Kafka.SASL.Mechanism })},
	{name: "kafka_sasl_user", usage: "who logs in at the brokers",
		put: text(func(c *Config) *string { return &c.Kafka.SASL.User })},
	{name: "kafka_sasl_password", usage: "password of that user", secret: true,
		put: text(func(c *Config) *string { return &c.Kafka.SASL.Password })},
	{name: "kafka_partitions", usage: "partitions of the event topic when it is made: as many processes of a role can share its events", initial: "6",
		put: func(c *Config, v string) error { return putBetween(&c.Topic.Partitions, v, 1, maxPartitions) }},
	{name: "kafka_retention", usage: "how long the event topic keeps events when it is made, such as 7d or 36h; at most 30d", initial: "7d", put: putRetention},
	{name: "kafka_session", usage: "after which a silent consumer's share goes to the others; brokers allow 6s and more", initial: "10s", put: putSession},
	{name: "key_master", usage: "recognises API keys: 32 random bytes in base64; never change it", secret: true,
		put: hidden(func(c *Config) *secret.Text { return &c.KeyMaster })},
	{name: "seal_masters", usage: "encrypt bank details and webhook secrets: 32 random bytes in base64 each, the newest first, separated by commas",
		secret: true, put: putSealMasters},
	{name: "mail_smtp_url", usage: "mail server, smtp://user:password@host:port or smtps://…; without it nobody can sign up", secret: true,
		put: hidden(func(c *Config) *secret.Text { return &c.MailServer })},
	{name: "mail_from", usage: "sender of mails, such as TutorHub HK <no-reply@tutorhub.example>",
		put: text(func(c *Config) *string { return &c.MailFrom })},
	{name: "verifier_url", usage: "who verifies people and companies in live mode, https://…; without it their word is believed",
		put: text(func(c *Config) *string { return &c.VerifierURL })},
	{name: "verifier_key", usage: "signs what the verifier is asked and answers: at least 32 characters", secret: true,
		put: hidden(func(c *Config) *secret.Text { return &c.VerifierKey })},
	{name: "egress_allow", usage: "networks that webhooks may be sent to although they are not public, such as 10.0.0.0/8,fd00::/8; also without TLS", put: putEgressAllow},
	{name: "egress_proxy", usage: "HTTP proxy that carries every call to a URL of users, by CONNECT: http://[user:password@]host:port or https://…", secret: true,
		put: putEgressProxy},
	{name: "rails_file", usage: "JSON file with the banks that take payouts in files, by mode; see cmd/sluice/README.md",
		put: func(c *Config, v string) (err error) { c.Rails, err = readRails(v); return err }},
	{name: "bank_profiles_file", usage: "JSON file that says how banks write their CSV; see payouts/statement",
		put: func(c *Config, v string) (err error) { c.BankProfiles, err = readBankProfiles(v); return err }},
	{name: "terms_url", usage: "where the terms of service can be read that people accept on the onboarding pages", put: putTermsURL},
	{name: "confirm_over", usage: "amounts over which people on the dashboard type them twice before money moves, per currency; empty asks nobody", initial: confirmOver, put: putConfirmOver},
	{name: "event_retention", usage: "how long the event log keeps events, such as 90d, at least 31d; for ever if empty", put: putEventRetention},
	{name: "event_archive_dir", usage: "where months go that the event log forgets; without it they are dropped",
		put: text(func(c *Config) *string { return &c.EventArchiveDir })},
	{name: "request_retention", usage: "how long the log of API requests keeps them, such as 7d, at most 90d; 0 keeps none", initial: "7d", put: putRequestRetention},
	{name: "log_format", usage: "text or json; default text on a terminal, json elsewhere",
		put: text(func(c *Config) *string { return &c.LogFormat })},
	{name: "log_level", usage: "debug, info, warn or error", initial: "info",
		put: text(func(c *Config) *string { return &c.LogLevel })},
}

// What operators may say of limits at most.
const (
	maxInHand  = 100_000
	maxKeyRate = 1_000_000
)

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error { *field(c) = v; return nil }
}

func hidden(field func(*Config) *secret.Text) func(*Config, string) error {
	return func(c *Config, v string) error { *field(c) = secret.New(v); return nil }
}

func putTermsURL(c *Config, v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is not a web address", v)
	}
	c.TermsURL = v
	return nil
}

// confirmOver is what is typed twice where nobody says otherwise.
const confirmOver = "hkd=10000,usd=1000,eur=1000,gbp=1000,cny=10000,sgd=1500,jpy=200000"

func putConfirmOver(c *Config, v string) error {
	c.ConfirmOver = map[money.Currency]int64{}
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, amount, _ := strings.Cut(part, "=")
		currency, err := money.ParseCurrency(strings.TrimSpace(name))
		if err != nil {
			return fmt.Errorf("%q is not a currency and an amount such as hkd=10000", part)
		}
		minor, ok := dashboard.ReadAmount(amount, currency)
		if !ok {
			return fmt.Errorf("%q is not a currency and an amount such as hkd=10000", part)
		}
		c.ConfirmOver[currency] = minor
	}
	return nil
}

func putEventRetention(c *Config, v string) (err error) {
	if c.EventRetention, err = parseSpan(v); err != nil {
		return fmt.Errorf("%q is not a time such as 90d", v)
	}
	if c.EventRetention < event.MinRetention {
		return fmt.Errorf("%s is too short: the API shows events for %d days, so keep them for 31d at least", v, int(event.Visible.Hours()/24))
	}
	return nil
}

// maxRequestRetention bounds the days of the request log: each is a table.
const maxRequestRetention = 90 * 24 * time.Hour

func putRequestRetention(c *Config, v string) (err error) {
	if v == "0" {
		c.RequestRetention = 0
		return nil
	}
	c.RequestRetention, err = parseSpan(v)
	if err != nil || c.RequestRetention < 24*time.Hour || c.RequestRetention > maxRequestRetention {
		return fmt.Errorf("%q is not 0 or a time from 1d to 90d", v)
	}
	return nil
}

func putProxies(c *Config, v string) (err error) { c.Proxies, err = parseNetworks(v); return err }

func putEgressAllow(c *Config, v string) (err error) {
	c.EgressAllow, err = parseNetworks(v)
	return err
}

// parseNetworks reads addresses and ranges, separated by commas.
func parseNetworks(v string) (networks []netip.Prefix, err error) {
	for word := range strings.SplitSeq(v, ",") {
		word = strings.TrimSpace(word)
		if addr, err := netip.ParseAddr(word); err == nil {
			networks = append(networks, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a range such as 10.0.0.0/8", word)
		}
		networks = append(networks, prefix.Masked())
	}
	return networks, nil
}

func putEgressProxy(c *Config, v string) error {
	if _, err := egress.ParseProxy(v); err != nil {
		return err
	}
	c.EgressProxy = secret.New(v)
	return nil
}

func putKafkaTLS(c *Config, v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", v)
	}
	if on {
		c.kafkaTLS()
	}
	return nil
}

// kafkaTLS is the TLS that is being set up.
func (c *Config) kafkaTLS() *tls.Config {
	if c.Kafka.TLS == nil {
		c.Kafka.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c.Kafka.TLS
}

func putKafkaCA(c *Config, path string) error {
	pem, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate in PEM", path)
	}
	c.kafkaTLS().RootCAs = pool
	return nil
}

// putKafkaKey comes after kafka_tls_cert. The files are read for each connection,
// so that a renewed certificate needs no restart, and once now.
func putKafkaKey(c *Config, key string) error {
	cert := c.kafkaCert
	if cert == "" {
		return errors.New("kafka_tls_cert is not set")
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, err
	}
	if _, err := load(nil); err != nil {
		return err
	}
	c.kafkaTLS().GetClientCertificate = load
	return nil
}

func putSession(c *Config, v string) error {
	span, err := time.ParseDuration(v)
	if err != nil || span < time.Second || span > 5*time.Minute {
		return fmt.Errorf("%q is not a time from 1s to 5m", v)
	}
	c.KafkaSession = span
	return nil
}

// maxPartitions keeps a slip of the finger from making a topic that no broker can carry.
const maxPartitions = 1000

func putBetween(field *int, v string, least, most int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%q is not a number from %d to %d", v, least, most)
	}
	*field = n
	return nil
}

// maxRetention is below event.InboxRetention: what the topic still has must not have been forgotten.
const maxRetention = 30 * 24 * time.Hour

func putRetention(c *Config, v string) error {
	span, err := parseSpan(v)
	if err != nil || span < time.Hour || span > maxRetention {
		return fmt.Errorf("%q is not a time from 1h to 30d", v)
	}
	c.Topic.Retention = span
	return nil
}

func putSealMasters(c *Config, v string) error {
	c.SealMasters = nil
	for master := range strings.SplitSeq(v, ",") {
		c.SealMasters = append(c.SealMasters, secret.New(strings.TrimSpace(master)))
	}
	return nil
}

// chosen is a setting's value and who said so.
type chosen struct {
	setting
	value  string
	source string // "flag --addr", "environment SLUICE_ADDR", "file x.conf", "default"
}

// shown is the value as it may be printed.
func (c chosen) shown() string {
	switch {
	case c.secret && c.value != "":
		return "(set)"
	case c.value == "":
		return "(not set)"
	}
	return c.value
}

// bindSettings adds a flag for every setting that is not a secret, and --config.
func bindSettings(flags *pflag.FlagSet) {
	flags.String("config", "", "read settings from this file: KEY=VALUE lines or one JSON object (environment: SLUICE_CONFIG)")
	for _, s := range settings {
		if !s.secret {
			flags.String(s.flag(), s.initial, s.usage)
		}
	}
}

// choose finds every setting's value: flag, then environment, then file, then what it is initially.
func choose(flags *pflag.FlagSet, getenv func(string) (string, bool)) ([]chosen, error) {
	path, _ := flags.GetString("config")
	if path == "" {
		path, _ = getenv("SLUICE_CONFIG")
	}
	file, err := readSettings(path)
	if err != nil {
		return nil, err
	}
	all := make([]chosen, len(settings))
	for i, s := range settings {
		all[i] = chosen{setting: s, value: s.initial, source: "default"}
		fromEnv, inEnv := getenv(s.env())
		fromFile, inFile := file[s.name]
		switch {
		case flags.Changed(s.flag()):
			all[i].value, all[i].source = flags.Lookup(s.flag()).Value.String(), "flag --"+s.flag()
		case inEnv:
			all[i].value, all[i].source = fromEnv, "environment "+s.env()
		case inFile:
			all[i].value, all[i].source = fromFile, "file "+path
		}
	}
	return all, nil
}

// configure makes a Config of what was chosen. Its errors name the setting and never its value if that is secret.
func configure(all []chosen) (Config, error) {
	var cfg Config
	for _, c := range all {
		if c.value == "" {
			continue
		}
		if err := c.put(&cfg, c.value); err != nil {
			return cfg, fmt.Errorf("%s (%s): %w", c.name, c.source, err)
		}
	}
	return cfg, nil
}

// readSettings reads a file of KEY=VALUE lines or one JSON object. Keys are
// setting names in any case, with or without SLUICE_ in front.
func readSettings(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	read := settingLines
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		read = settingObject
	}
	found, err := read(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	named := make(map[string]string, len(found))
	for key, value := range found {
		name := strings.TrimPrefix(strings.ToLower(key), "sluice_")
		if !known(name) {
			return nil, fmt.Errorf("%s: there is no setting %q; `sluice config show` lists them", path, key)
		}
		named[name] = value
	}
	return named, nil
}

func known(name string) bool {
	for _, s := range settings {
		if s.name == name {
			return true
		}
	}
	return false
}

func settingLines(raw []byte) (map[string]string, error) {
	found := map[string]string{}
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("line %d is not KEY=VALUE", i+1)
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		found[strings.TrimSpace(key)] = value
	}
	return found, nil
}

func settingObject(raw []byte) (map[string]string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("not one JSON object: %w", err)
	}
	found := map[string]string{}
	for key, value := range object {
		var list []string
		var one string
		switch {
		case json.Unmarshal(value, &one) == nil:
			found[key] = one
		case json.Unmarshal(value, &list) == nil:
			found[key] = strings.Join(list, ",")
		default:
			found[key] = string(value)
		}
	}
	return found, nil
}
