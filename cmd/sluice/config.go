package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
)

// Config is everything a process of Sluice is told. settings.go fills it from
// flags, environment and file; `sluice dev` fills it by itself.
type Config struct {
	Addr        string         // where the API listens, host:port; port 0 takes a free one
	BaseURL     string         // how others reach the API, without a slash at the end; "" = http:// and where it listens
	MetricsAddr string         // where /metrics listens; "" serves none
	Proxies     []netip.Prefix // trusted to say in X-Forwarded-For for whom they ask

	DatabaseURL   secret.Text        // postgres://user:password@host:port/database
	DatabaseConns int                // connections of this process; 0 = the default of platform/db
	Limits        rest.Limits        // of what this process takes at a time
	Batches       db.CommitterConfig // of payments; zero but for the bench

	Kafka bus.Config // Pool and Log are newApp's to fill in
	Topic bus.Topic  // the event topic as it is made if it is missing; zero values are the defaults of platform/bus
	// KafkaSession is after which a consumer that is not heard of loses its partitions; 0 = the default of platform/bus.
	KafkaSession time.Duration
	kafkaCert    string // until kafka_tls_key is known

	Roles Roles

	// EventRetention is how long the event log keeps a month after its end, 0 = for ever. What it
	// forgets goes into files in EventArchiveDir, or is gone if that is "".
	EventRetention  time.Duration
	EventArchiveDir string

	// RequestRetention is how long the log of API requests keeps them; 0 keeps none.
	RequestRetention time.Duration

	// KeyMaster recognises API keys, tokens and cursors: keyed hashes made with it stand in the
	// database, so changing it locks everybody out. At least 32 random bytes in base64.
	KeyMaster secret.Text
	// SealMaster encrypts what we must read again: bank details, webhook secrets. The first seals, all
	// of them open. At least 32 random bytes in base64 each.
	SealMasters []secret.Text

	// MailServer is smtp://user:password@host:port or smtps://…; MailFrom is who mails come from.
	// Without it, development shows mails under /_dev/mail, and a server sends none.
	MailServer secret.Text
	MailFrom   string

	// VerifierURL is who verifies people and companies in live mode, VerifierKey signs what is said
	// between the two. Without it what live accounts tell is believed. Test mode has a verifier of its own.
	VerifierURL string
	VerifierKey secret.Text

	// EgressAllow are networks that URLs of users may lead to although they are not public;
	// EgressProxy carries all calls to such URLs, http(s)://[user:password@]host:port.
	EgressAllow []netip.Prefix
	EgressProxy secret.Text

	// BankProfiles are read from bank_profiles_file.
	BankProfiles []statement.Profile
	// Rails take payouts in files; rails.go reads them from rails_file.
	Rails fileRails

	// ConfirmOver is, per currency, the amount over which people type it twice before money moves.
	ConfirmOver map[money.Currency]int64

	// TermsURL is where the terms of service stand that holders of accounts agree to.
	TermsURL string

	LogFormat string // text, json, or "" to choose by the terminal
	LogLevel  string // debug, info, warn, error; "" = info

	// Dev serves the pages under /_dev/ and on /, and lets webhooks go to this machine.
	Dev bool
	// Step is told the name of each finished step of a payment ("begun", "authorized", …): a place
	// to crash at, set by SLUICE_CRASH_AT. May be nil.
	Step func(name string)
	// OnReady is called once, when the API answers; baseURL is BaseURL as completed. May be nil.
	OnReady func(baseURL string)
}

// origin is the server's own address: in links of mails, as the issuer of tokens, as
// the home of passkeys.
func (c Config) origin() string {
	if c.BaseURL == "" {
		return baseURL(c.Addr)
	}
	return c.BaseURL
}

// egress says where calls to URLs that users gave may go. EgressProxy has been parsed before.
func (c Config) egress() egress.Policy {
	policy := egress.Policy{Allow: c.EgressAllow}
	if c.Dev {
		policy.Allow = append(egress.Loopback(), c.EgressAllow...)
	}
	if !c.EgressProxy.IsZero() {
		policy.Proxy, _ = egress.ParseProxy(c.EgressProxy.Reveal())
	}
	return policy
}

// peppers makes the keyed hashes of all purposes.
func (c Config) peppers() (func(purpose string) secret.Pepper, error) {
	if _, err := c.Pepper("check"); err != nil {
		return nil, err
	}
	return func(purpose string) secret.Pepper {
		pepper, _ := c.Pepper(purpose) // only the master can be wrong, and it was not
		return pepper
	}, nil
}

// Pepper is the keyed hash for one purpose, such as "api_keys".
func (c Config) Pepper(purpose string) (secret.Pepper, error) {
	master, err := masterBytes(c.KeyMaster)
	if err != nil {
		return secret.Pepper{}, fmt.Errorf("key_master: %w", err)
	}
	return secret.NewPepper(master, purpose)
}

// Keyring seals and opens what is encrypted at rest.
func (c Config) Keyring() (*secret.Keyring, error) {
	masters := make([]secret.Master, len(c.SealMasters))
	for i, text := range c.SealMasters {
		key, err := masterBytes(text)
		if err != nil {
			return nil, fmt.Errorf("seal_masters: %w", err)
		}
		id, err := masterID(key)
		if err != nil {
			return nil, fmt.Errorf("seal_masters: %w", err)
		}
		masters[i] = secret.Master{ID: id, Key: key}
	}
	return secret.NewKeyring(masters...)
}

// verifiers are who verifies accounts in each mode.
func (c Config) verifiers() (connect.VerifierModes, error) {
	pepper, err := c.Pepper("sandbox_verifier")
	if err != nil {
		return connect.VerifierModes{}, err
	}
	key := pepper.Sum(secret.New("callbacks"))
	modes := connect.VerifierModes{Test: verification.Sandbox{Key: secret.New(hex.EncodeToString(key[:]))}}
	if c.VerifierURL == "" {
		return modes, nil
	}
	live, err := verification.NewHTTP(verification.HTTPConfig{URL: c.VerifierURL, Key: c.VerifierKey, Egress: c.egress(), Loopback: c.Dev})
	if err != nil {
		return modes, fmt.Errorf("verifier_url and verifier_key: %w", err)
	}
	modes.Live = live
	return modes, nil
}

// masterID names a master secret by itself, so that rings can be put in another
// order without a list of names. Eight hex digits of a keyed hash say nothing about the key.
func masterID(key []byte) (string, error) {
	pepper, err := secret.NewPepper(key, "master_id")
	if err != nil {
		return "", err
	}
	sum := pepper.Sum(secret.New("id"))
	return fmt.Sprintf("%x", sum[:4]), nil
}

// masterBytes fails without showing any of the text.
func masterBytes(text secret.Text) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(key) < 32 {
		return nil, fmt.Errorf("want at least 32 random bytes in base64, as `head -c 32 /dev/urandom | base64` prints")
	}
	return key, nil
}
