package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// home is a directory that other users can pass through, unlike t.TempDir under a private TMPDIR.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pgtest-") // initdb is slow on a busy disk
	if err != nil {
		dir, err = os.MkdirTemp("", "pgtest-")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "pg")
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var got string
	if err := conn.QueryRow(ctx, sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func keep(t *testing.T, url, value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT '"+value+"' AS v"); err != nil {
		t.Fatal(err)
	}
}

func TestDataSurvivesStopAndKill(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		s := start(t, Config{Dir: home(t), TCP: tcp})
		keep(t, s.URL(), "one")
		address := s.URL()

		began := time.Now()
		s.Stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("stop took %v", took)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Kill()
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.URL() != address {
			t.Error("the address changed over a restart")
		}
		if got := query(t, s.URL(), "SELECT v FROM kept"); got != "one" {
			t.Errorf("got %q", got)
		}
	}
}

func TestLoopbackPortDemandsThePassword(t *testing.T) {
	s := start(t, Config{Dir: home(t), TCP: true, Throwaway: true})
	wrong := strings.Replace(s.URL(), s.password, "wrong", 1)
	if conn, err := pgx.Connect(t.Context(), wrong); err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("connected with a wrong password")
	}
}

func TestSecondServerOnTheSameDataIsRefusedWithThePID(t *testing.T) {
	dir := home(t)
	s := start(t, Config{Dir: dir, Throwaway: true})
	_, err := Start(t.Context(), Config{Dir: dir, Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), "already running") || !strings.Contains(err.Error(), "pid ") {
		t.Fatalf("got %v", err)
	}
	if !s.Running() || query(t, s.URL(), "SELECT 'fine'") != "fine" {
		t.Error("the first server suffered")
	}
}

func TestDataOfAnotherVersionIsLeftAlone(t *testing.T) {
	dir := home(t)
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"PG_VERSION": "9\n", "precious": "yes"} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binaries, err := Find(t.Context(), 0, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLUICE_POSTGRES_BIN", binaries.Dir)
	_, err = Start(t.Context(), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "belongs to PostgreSQL 9") {
		t.Fatalf("got %v", err)
	}
	if text, _ := os.ReadFile(filepath.Join(data, "precious")); string(text) != "yes" {
		t.Error("data was touched")
	}
}

func TestStrangeDirectoryIsRefused(t *testing.T) {
	dir := home(t)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not a PostgreSQL database") {
		t.Fatalf("got %v", err)
	}
}

func TestDirectoryThatOthersCannotReachWorks(t *testing.T) {
	dir := home(t)
	if err := os.Chmod(filepath.Dir(dir), 0o700); err != nil { // as root's home is
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Config{Dir: dir, Throwaway: true})
	if err != nil && strings.Contains(err.Error(), "user namespace") {
		return // this machine allows none, and the error said so
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	query(t, s.URL(), "SELECT 'fine'")
}

func TestTakenPortIsASentence(t *testing.T) {
	s := start(t, Config{Dir: home(t), TCP: true, Throwaway: true})
	_, err := Start(t.Context(), Config{Dir: home(t), TCP: true, Port: s.port, Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Fatalf("got %v", err)
	}
}

func TestLongDirectoryGetsAShortSocket(t *testing.T) {
	s := start(t, Config{Dir: filepath.Join(home(t), strings.Repeat("long", 30)), Throwaway: true})
	query(t, s.URL(), "SELECT 'fine'")
	_ = os.RemoveAll(s.socket)
}

func TestLogKeepsStatementsOut(t *testing.T) {
	s := start(t, Config{Dir: home(t), Throwaway: true})
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT 1 FROM absent WHERE card = '4242'"); err == nil {
		t.Fatal("no error")
	}
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "absent") || strings.Contains(string(text), "4242") {
		t.Errorf("log: %s", text)
	}
}
