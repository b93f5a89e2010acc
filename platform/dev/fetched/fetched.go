// Package fetched keeps what package registries gave to tests, in the user's
// cache. Nothing of it is part of the product.
package fetched

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Folder is the folder of one list of packages. fill fills it the first time;
// after that no network is needed. Whoever wants the same meanwhile, in this
// process or another, waits. What a fill that failed has left is there at the next.
func Folder(kind string, list []byte, fill func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, kind, fmt.Sprintf("%x", sha256.Sum256(list))[:16])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // which unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	full := filepath.Join(dir, "installed")
	if _, err := os.Stat(full); err == nil {
		return dir, nil
	}
	if err := fill(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(full, nil, 0o644)
}
