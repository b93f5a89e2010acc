package bustest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Mortal is a broker that dies hard and comes back with its data under its address.
type Mortal interface {
	Addr() string
	Stop()
	Start()
}

// StartMortal is what fault runs run against: the embedded broker, or, when
// SLUICE_TEST_BROKER is "apache", an Apache Kafka started by .ci/kafka. A given
// cluster (SLUICE_TEST_KAFKA) will not do: it is not ours to kill.
func StartMortal(t testing.TB) Mortal {
	t.Helper()
	if os.Getenv("SLUICE_TEST_BROKER") == "apache" {
		return startApache(t)
	}
	return Start(t)
}

// Apache is an Apache Kafka of this test alone.
type Apache struct {
	t       testing.TB
	scripts string // .ci/kafka
	dir     string
	addr    string
}

// startApache starts one; it ends with the test. It needs java, and Maven the first time.
func startApache(t testing.TB) *Apache {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	a := &Apache{t: t, scripts: filepath.Join(root, ".ci", "kafka"), dir: t.TempDir()}
	t.Cleanup(a.Stop)
	a.Start()
	return a
}

// Addr is the same before and after a restart.
func (a *Apache) Addr() string { return a.addr }

// Start starts the broker, or brings it back.
func (a *Apache) Start() { a.addr = a.script("start", a.dir) }

// Stop kills the broker.
func (a *Apache) Stop() { a.script("stop", a.dir, "KILL") }

// Freeze makes the broker hang: it is there, takes connections and never answers.
// Stop ends that too.
func (a *Apache) Freeze() {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "pid"))
	if err != nil {
		a.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		a.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		a.t.Fatal(err)
	}
}

func (a *Apache) script(name string, args ...string) string {
	a.t.Helper()
	var complaints bytes.Buffer
	cmd := exec.Command(filepath.Join(a.scripts, name), args...)
	cmd.Env = append(os.Environ(), "SLUICE_KAFKA_DEADLINE=300") // a fault run keeps the machine busy
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("%s: %v\n%s", name, err, &complaints)
	}
	return strings.TrimSpace(string(out))
}
