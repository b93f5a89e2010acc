// Package npm brings what a package-lock.json names, for tests that need somebody
// else's JavaScript: an official SDK, the accessibility checker. Nothing of it is
// part of the product.
package npm

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// modulesEnv names a node_modules folder that is there already; nothing is installed then.
const modulesEnv = "SLUICE_NODE_MODULES"

var (
	mu    sync.Mutex
	found = map[string]string{} // source folder → node_modules
)

// Modules is a node_modules folder with what source/package-lock.json names. It is
// installed once per lock file, into the user's cache; after that no network is
// needed. Other processes that want the same wait for the first one.
func Modules(source string) (string, error) {
	if given := os.Getenv(modulesEnv); given != "" {
		return given, nil
	}
	mu.Lock()
	defer mu.Unlock()
	if modules, ok := found[source]; ok {
		return modules, nil
	}
	modules, err := install(source)
	if err == nil {
		found[source] = modules
	}
	return modules, err
}

func install(source string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "sluice-e2e-node", fmt.Sprintf("%x", sha256.Sum256(lock))[:16])
	modules := filepath.Join(home, "node_modules")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFolder(home)
	if err != nil {
		return "", err
	}
	defer unlock()
	done := filepath.Join(home, "installed")
	if _, err := os.Stat(done); err == nil {
		return modules, nil
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(home, name), raw, 0o644); err != nil {
			return "", err
		}
	}
	ci := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	ci.Dir = home
	if out, err := ci.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s (needs node 20 or newer, npm and, once, a registry): %w\n%s", source, err, out)
	}
	return modules, os.WriteFile(done, nil, 0o644)
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
