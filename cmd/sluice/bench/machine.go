package bench

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// Machine is what figures depend on.
type Machine struct {
	CPU               string `json:"cpu,omitempty"` // "" where /proc does not tell
	Cores             int    `json:"cores"`
	MemoryMiB         int    `json:"memory_mib,omitempty"`
	OS                string `json:"os"`
	Go                string `json:"go"`
	PostgreSQL        string `json:"postgresql"`
	Fsync             string `json:"fsync"`
	SynchronousCommit string `json:"synchronous_commit"`
}

// look finds out about this machine and the database.
func look(ctx context.Context, pool *bun.DB) (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	m.CPU = fact("/proc/cpuinfo", "model name")
	if kib, err := strconv.Atoi(strings.TrimSuffix(fact("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryMiB = kib / 1024
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += " " + strings.TrimSpace(string(release))
	}
	err := pool.NewRaw(`SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')`).
		Scan(ctx, &m.PostgreSQL, &m.Fsync, &m.SynchronousCommit)
	if err != nil {
		return m, fmt.Errorf("ask PostgreSQL about itself: %w", err)
	}
	return m, nil
}

// print writes it on one line, with an empty one below.
func (m Machine) print(out io.Writer) {
	if m.PostgreSQL == "" {
		return // of somebody else's server nothing is known
	}
	fmt.Fprintf(out, "%s, %d cores, %.0f GiB, %s; PostgreSQL %s, fsync %s, synchronous_commit %s\n\n",
		cmp.Or(m.CPU, "unknown CPU"), m.Cores, float64(m.MemoryMiB)/1024, m.OS, m.PostgreSQL, m.Fsync, m.SynchronousCommit)
}

// fact is the first "name: value" line's value in a file of /proc, or "".
func fact(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
