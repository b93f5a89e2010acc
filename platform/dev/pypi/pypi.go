// Package pypi brings what a requirements.txt names, for tests that need somebody
// else's Python. Nothing of it is part of the product.
package pypi

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// pythonEnv names a Python that has everything already; nothing is installed then.
const pythonEnv = "SLUICE_PYTHON"

var (
	mu    sync.Mutex
	found = map[string]string{} // source folder → python
)

// Python is an interpreter with what source/requirements.txt names, by version and
// hash. It is installed once per list, into the user's cache; after that no network is
// needed. Other processes that want the same wait for the first one.
func Python(source string) (string, error) {
	if given := os.Getenv(pythonEnv); given != "" {
		return given, nil
	}
	mu.Lock()
	defer mu.Unlock()
	if python, ok := found[source]; ok {
		return python, nil
	}
	python, err := install(source)
	if err == nil {
		found[source] = python
	}
	return python, err
}

func install(source string) (string, error) {
	list, err := filepath.Abs(filepath.Join(source, "requirements.txt"))
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(list)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "sluice-e2e-python", fmt.Sprintf("%x", sha256.Sum256(raw))[:16])
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFolder(home)
	if err != nil {
		return "", err
	}
	defer unlock()
	python, done := filepath.Join(home, "venv", "bin", "python"), filepath.Join(home, "installed")
	if _, err := os.Stat(done); err == nil {
		return python, nil
	}
	for _, step := range [][]string{
		{"python3", "-m", "venv", "--clear", filepath.Join(home, "venv")},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", list},
	} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install %s (needs python3 3.9 or newer with venv, Debian's python3-venv, and, once, a registry): %w\n%s", source, err, out)
		}
	}
	return python, os.WriteFile(done, nil, 0o644)
}

// lockFolder keeps other processes from installing at the same time.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
