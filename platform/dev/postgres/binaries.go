package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldest is the first major version that Sluice's SQL runs on.
const oldest = 14

// Binaries is one installation.
type Binaries struct {
	Dir     string // holds initdb and postgres
	Version string // "15.20"
	Major   int
}

var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",          // Debian
	"/usr/pgsql-*/bin",                   // RPM
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// Find looks for PostgreSQL: SLUICE_POSTGRES_BIN, then the newest in the usual
// places, then PATH, then a download into the user's cache, which it tells
// progress about. If major is not 0 only that version will do.
func Find(ctx context.Context, major int, progress io.Writer) (Binaries, error) {
	if b, err := Installed(ctx, major); err == nil || os.Getenv(binariesEnv) != "" {
		return b, err
	}
	b, err := download(ctx, progress)
	if err != nil {
		return Binaries{}, fmt.Errorf("%w (download failed: %w)", missing(major), err)
	}
	if major != 0 && b.Major != major {
		return Binaries{}, fmt.Errorf("no PostgreSQL %d found: install it or set SLUICE_POSTGRES_BIN to the directory with its initdb and postgres", major)
	}
	return b, nil
}

// binariesEnv names the directory to take the binaries from.
const binariesEnv = "SLUICE_POSTGRES_BIN"

// Installed is Find without the download.
func Installed(ctx context.Context, major int) (Binaries, error) {
	if dir := os.Getenv(binariesEnv); dir != "" {
		b, err := inspect(ctx, dir)
		if err != nil {
			return Binaries{}, fmt.Errorf("SLUICE_POSTGRES_BIN=%s has no usable initdb and postgres: %w", dir, err)
		}
		return b, nil
	}
	for _, b := range installed(ctx) {
		if b.Major == major || major == 0 {
			return b, nil
		}
	}
	return Binaries{}, missing(major)
}

func missing(major int) error {
	return fmt.Errorf("no PostgreSQL %s found: install it (Debian: apt install postgresql, macOS: brew install postgresql@17) or set SLUICE_POSTGRES_BIN to the directory with initdb and postgres", wanted(major))
}

func wanted(major int) string {
	if major != 0 {
		return strconv.Itoa(major)
	}
	return fmt.Sprintf("%d or newer", oldest)
}

// installed lists usable installations, newest first; the one on PATH comes after the usual places.
func installed(ctx context.Context) []Binaries {
	var found []Binaries
	for _, pattern := range usualPlaces {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		for _, dir := range dirs {
			if b, err := inspect(ctx, dir); err == nil {
				found = append(found, b)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return b.Major - a.Major })
	if dir, ok := onPath(); ok {
		if b, err := inspect(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	return found
}

// onPath is the true directory of the initdb on PATH: a lone symlink in a bin directory has no share files beside it.
func onPath() (string, bool) {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", false
	}
	if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
		return "", false
	}
	dir, err := filepath.Abs(filepath.Dir(initdb))
	return dir, err == nil
}

var versionPattern = regexp.MustCompile(`PostgreSQL\) ((\d+)\S*)`)

// inspect asks the binaries in dir for their version.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, err
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return Binaries{}, errors.New("its version is not readable")
	}
	major, err := strconv.Atoi(string(match[2]))
	if err != nil {
		return Binaries{}, err
	}
	if major < oldest {
		return Binaries{}, fmt.Errorf("version %d is too old, Sluice needs %d", major, oldest)
	}
	return Binaries{Dir: dir, Version: string(match[1]), Major: major}, nil
}
