// Package pypi brings what a requirements.txt names, for tests that need somebody
// else's Python. Nothing of it is part of the product.
package pypi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sluicepay/sluice/platform/dev/fetched"
)

// pythonEnv names a Python that has everything already; nothing is installed then.
const pythonEnv = "SLUICE_PYTHON"

// Python is an interpreter with what source/requirements.txt names, by version and
// hash, installed once per list.
func Python(source string) (string, error) {
	if given := os.Getenv(pythonEnv); given != "" {
		return given, nil
	}
	list := filepath.Join(source, "requirements.txt")
	raw, err := os.ReadFile(list)
	if err != nil {
		return "", err
	}
	dir, err := fetched.Folder("sluice-e2e-python", raw, func(dir string) error { return install(list, dir) })
	return pythonIn(dir), err
}

func pythonIn(dir string) string { return filepath.Join(dir, "venv", "bin", "python") }

func install(list, dir string) error {
	for _, step := range [][]string{
		{"python3", "-m", "venv", "--clear", filepath.Join(dir, "venv")},
		{pythonIn(dir), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", list},
	} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("install %s (needs python3 3.9 or newer with venv, Debian's python3-venv, and, once, a registry): %w\n%s", list, err, out)
		}
	}
	return nil
}
