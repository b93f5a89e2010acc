package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

const (
	stateFile = "state.json"
	lockFile  = "lock"
	logFile   = "sluice.log"
)

// state is what a private server keeps of itself: made once, reused at every start.
type state struct {
	KeyMaster       string `json:"key_master"`
	SealMaster      string `json:"seal_master"`
	KafkaPort       int    `json:"kafka_port"`
	PlatformAccount string `json:"platform_account"`
	SecretKey       string `json:"secret_key"`
	PublishableKey  string `json:"publishable_key"`
	ClientID        string `json:"client_id"` // TutorHub's OAuth client
	Seeded          bool   `json:"seeded"`
}

// loadState reads the state in dir, or makes the secrets of a new one.
func loadState(dir string) (state, error) {
	path := filepath.Join(dir, stateFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		s := state{KeyMaster: newMaster(), SealMaster: newMaster()}
		return s, s.save(dir)
	}
	if err != nil {
		return state{}, inWords("", err)
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%s is damaged: start anew with --reset", path)
	}
	return s, nil
}

func (s state) save(dir string) error {
	return inWords("", cli.WriteSecretFile(filepath.Join(dir, stateFile), s))
}

func newMaster() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// claim makes dir and keeps every other process out of it until release. The
// kernel lets go of the lock when we die, however that happens.
func claim(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { // PostgreSQL may have to run as another user; secrets have mode 0600
		return nil, inWords("", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, inWords("", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another sluice dev is running in %s: stop it, or choose another directory with --dir", dir)
	}
	// The directory holds keys: it must not end up in somebody's repository.
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		_ = f.Close()
		return nil, inWords("", err)
	}
	return func() { _ = f.Close() }, nil
}

// reset removes what a private server keeps in dir, and nothing else that may stand there.
func reset(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, stateFile)); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing of ours
	}
	for _, name := range []string{"pg", "kafka", logFile, cli.ReadyFile, stateFile} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return inWords("", err)
		}
	}
	return nil
}
