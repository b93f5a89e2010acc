// Package e2e_test runs Sluice as its users do: the built program as a child
// process, spoken to over HTTP. Journeys that need no process of their own stand
// beside the App in cmd/sluice (journey_*_test.go).
package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/dev/broker"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// workshop is where the program is built; it goes when the tests end.
var workshop string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	var err error
	if workshop, err = os.MkdirTemp("", "sluice-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workshop)
	return m.Run()
}

// program builds the binary once, for the first test that asks. Tests run with
// -race build it with -race too.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workshop, "sluice")
	args := []string{"build", "-o", path}
	if underRace() {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/sluicepay/sluice/cmd/sluice")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build sluice: %w\n%s", err, out)
	}
	return path, nil
})

// underRace reports whether these tests were built with -race.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// patience is how long a test waits for a process to do what it must.
const patience = 30 * time.Second

// server is `sluice serve` on a database and a broker of its own. It can be
// killed and started again; database, broker, keys and URL stay.
type server struct {
	t testing.TB

	URL         string // every answer that comes through it is checked against the OpenAPI file
	Direct      string // the process itself, for load that must not pay for the check
	DatabaseURL string
	Broker      *broker.Broker
	Platform    string // acct_… of the platform account, in test mode
	Secret      string // sk_test_…
	Publishable string // pk_test_…

	addr string
	env  []string
	now  *process // nil when stopped
}

// process is one run of the program.
type process struct {
	cmd    *exec.Cmd
	log    *tail
	exited chan struct{} // closed when it has ended and err is set
	err    error
}

// newServer prepares database, broker, platform account and keys, and starts
// `sluice serve` with all roles. env is added to the environment of every run:
// "SLUICE_CRASH_AT=authorized".
func newServer(t testing.TB, env ...string) *server {
	t.Helper()
	return newServerOn(t, dbtest.URL(t), env...)
}

// newServerOn is newServer on a given, migrated database.
func newServerOn(t testing.TB, databaseURL string, env ...string) *server {
	t.Helper()
	if _, err := program(); err != nil { // before any patience starts to run out
		t.Fatal(err)
	}
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s := &server{t: t, DatabaseURL: databaseURL, Broker: b, addr: freeAddr(t)}
	s.Direct = "http://" + s.addr
	s.env = append(os.Environ(),
		"SLUICE_DATABASE_URL="+s.DatabaseURL, "SLUICE_KAFKA_BROKERS="+b.Addr(), "SLUICE_ADDR="+s.addr,
		"SLUICE_KEY_MASTER="+newMaster(), "SLUICE_SEAL_MASTERS="+newMaster())
	s.URL = s.checked()
	s.bootstrap()
	s.env = append(s.env, "SLUICE_BASE_URL="+s.Direct, "SLUICE_API_KEY="+s.Secret)
	s.Start(env...)
	t.Cleanup(func() {
		if s.now != nil {
			s.Stop()
		}
	})
	return s
}

// checked is a proxy that checks every answer. A process that is gone looks to
// clients as it is: a connection that breaks.
func (s *server) checked() string {
	target, err := url.Parse(s.Direct)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewServer(openapi.Wrap(s.t, proxy))
	s.t.Cleanup(front.Close)
	return front.URL
}

func (s *server) bootstrap() {
	s.t.Helper()
	out := s.Sluice("bootstrap", "--name", "TutorHub HK", "--country", "HK")
	into := map[string]*string{"account": &s.Platform, "secret": &s.Secret, "publishable": &s.Publishable}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) == 2 && into[words[0]] != nil {
			*into[words[0]] = words[1]
		}
	}
	if s.Platform == "" || s.Secret == "" || s.Publishable == "" {
		s.t.Fatalf("sluice bootstrap printed no account or keys:\n%s", out)
	}
}

// Start runs the program and returns when it is ready. env is for this run only.
func (s *server) Start(env ...string) {
	s.t.Helper()
	if s.now != nil {
		s.t.Fatal("the server runs already")
	}
	p := &process{cmd: s.command(context.Background(), "serve"), log: &tail{}, exited: make(chan struct{})}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	s.now = p
	s.Eventually("sluice serve is ready", func() (bool, error) {
		select {
		case <-p.exited:
			return false, fmt.Errorf("it ended: %w", p.err)
		default:
		}
		res, err := http.Get(s.Direct + "/readyz")
		if err != nil {
			return false, nil
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK, nil
	})
}

// Kill ends the process as a power cut would: SIGKILL, and nothing is finished.
func (s *server) Kill() {
	s.t.Helper()
	_ = s.now.cmd.Process.Kill()
	s.awaitExit()
}

// Stop asks the process to end and fails the test if it does not end well.
func (s *server) Stop() {
	s.t.Helper()
	log := s.now.log
	_ = s.now.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.awaitExit(); err != nil {
		s.t.Errorf("sluice serve: %v\n%s", err, log)
	}
}

// AwaitExit waits until the process has ended by itself: at a crash point.
func (s *server) AwaitExit() error {
	s.t.Helper()
	return s.awaitExit()
}

func (s *server) awaitExit() error {
	s.t.Helper()
	p := s.now
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
		s.t.Errorf("sluice serve did not end within %s\n%s", patience, p.log)
	}
	s.now = nil
	return p.err
}

// Sluice runs another command of the program with the server's settings and
// returns what it printed; anything but exit code 0 fails the test.
func (s *server) Sluice(args ...string) string {
	s.t.Helper()
	out, code, complaints := s.TrySluice(args...)
	if code != 0 {
		s.t.Fatalf("sluice %s: exit code %d\n%s", strings.Join(args, " "), code, complaints)
	}
	return out
}

// TrySluice is Sluice for commands that may fail.
func (s *server) TrySluice(args ...string) (stdout string, code int, stderr string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode(), complaints.String()
}

func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string(nil), s.env...)
	cmd.Dir = workshop // away from any dev.json
	return cmd
}

// Stripe is the official Go SDK, pointed at the server. It repeats what was
// interrupted, with the same idempotency key, as it does for everybody.
func (s *server) Stripe() *stripe.Client {
	return stripe.NewClient(s.Secret, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(s.URL), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
}

// Database is a pool on the server's database, to look at what it has written.
func (s *server) Database() *bun.DB {
	s.t.Helper()
	pool, err := db.Open(s.t.Context(), db.Config{URL: s.DatabaseURL, Name: "e2e", MaxConns: 4})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Log is what the current process has written so far, as far as it is kept.
func (s *server) Log() string { return s.now.log.String() }

// Eventually asks until fact is true; an error or the end of patience fails the test.
func (s *server) Eventually(what string, fact func() (bool, error)) {
	s.t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		ok, err := fact()
		if err != nil {
			s.t.Fatalf("%s: %v%s", what, err, s.lastWords())
		}
		if ok {
			return
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("%s: not within %s%s", what, patience, s.lastWords())
		case <-tick.C:
		}
	}
}

func (s *server) lastWords() string {
	if s.now == nil {
		return ""
	}
	return "\n" + s.now.log.String()
}

// tail keeps the end of what a process writes.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 64 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, p...)
	if extra := len(l.kept) - tailSize; extra > 0 {
		l.kept = l.kept[extra:]
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newMaster() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
