// Package npm brings what a package-lock.json names, for tests that need somebody
// else's JavaScript: an official SDK, the accessibility checker. Nothing of it is
// part of the product.
package npm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sluicepay/sluice/platform/dev/fetched"
)

// modulesEnv names a node_modules folder that is there already; nothing is installed then.
const modulesEnv = "SLUICE_NODE_MODULES"

// Modules is a node_modules folder with what source/package-lock.json names,
// installed once per lock file.
func Modules(source string) (string, error) {
	if given := os.Getenv(modulesEnv); given != "" {
		return given, nil
	}
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return "", err
	}
	dir, err := fetched.Folder("sluice-e2e-node", lock, func(dir string) error { return install(source, dir) })
	return filepath.Join(dir, "node_modules"), err
}

func install(source, dir string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			return err
		}
	}
	ci := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	ci.Dir = dir
	if out, err := ci.CombinedOutput(); err != nil {
		return fmt.Errorf("install %s (needs node 20 or newer, npm and, once, a registry): %w\n%s", source, err, out)
	}
	return nil
}
