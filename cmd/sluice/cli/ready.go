package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadyFile is the name of the file that `sluice dev` keeps in its directory while it is ready.
const ReadyFile = "dev.json"

// Ready is what ReadyFile says: where a running `sluice dev` is and the keys to it.
type Ready struct {
	BaseURL           string   `json:"base_url"`
	SecretKey         string   `json:"secret_key"`
	PublishableKey    string   `json:"publishable_key"`
	PlatformAccount   string   `json:"platform_account"`
	ConnectedAccounts []string `json:"connected_accounts"` // those that can receive transfers
	KafkaBrokers      []string `json:"kafka_brokers"`
	DatabaseURL       string   `json:"database_url"`
	WebhookInboxURL   string   `json:"webhook_inbox_url"`
	MailInboxURL      string   `json:"mail_inbox_url"`
	MarketplaceURL    string   `json:"marketplace_url"` // the sample platform
	ConnectURL        string   `json:"connect_url"`     // where a tutor connects to it
	ClientID          string   `json:"client_id"`       // ca_…, its OAuth client
	DashboardURL      string   `json:"dashboard_url"`   // signs in as the platform's owner, for a few minutes
	TutorURL          string   `json:"tutor_url"`       // the same as a tutor
}

// WriteTo puts the file into dir, whole or not at all, readable by its owner only.
func (r Ready) WriteTo(dir string) error {
	if r.ConnectedAccounts == nil {
		r.ConnectedAccounts = []string{}
	}
	return WriteSecretFile(filepath.Join(dir, ReadyFile), r)
}

// WriteSecretFile writes v as JSON to path with mode 0600, whole or not at all.
func WriteSecretFile(path string, v any) error {
	var raw bytes.Buffer
	text := json.NewEncoder(&raw)
	text.SetEscapeHTML(false) // URLs are to be copied from it
	text.SetIndent("", "  ")
	if err := text.Encode(v); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(raw.Bytes())
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

var errNotReady = errors.New("no dev.json")

// readReady reads the file in dir; errNotReady if there is none.
func readReady(dir string) (Ready, error) {
	path := filepath.Join(dir, ReadyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ready{}, errNotReady
	}
	if err != nil {
		return Ready{}, err
	}
	var r Ready
	if err := json.Unmarshal(raw, &r); err != nil {
		return Ready{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return r, nil
}

// nearestReady looks for .sluice/dev.json in dir and in the directories above it.
func nearestReady(dir string) (Ready, error) {
	for {
		r, err := readReady(filepath.Join(dir, ".sluice"))
		if !errors.Is(err, errNotReady) {
			return r, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Ready{}, errNotReady
		}
		dir = parent
	}
}
