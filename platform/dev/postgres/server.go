package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config says where the server lives and what for.
type Config struct {
	Dir        string        // home of the server: data/, run/ (socket), postgres.log; made if absent
	Database   string        // made at the first start; default "sluice"
	TCP        bool          // also listen on 127.0.0.1, with a password
	Port       int           // TCP port; 0 takes a free one
	Throwaway  bool          // for tests: nothing is forced to disk, so data survives a killed process but not a power cut
	MaxConns   int           // default 100
	Progress   io.Writer     // hears about a download; default os.Stderr
	ReadyLimit time.Duration // how long the start may take, default 60 s: recovery after a crash takes its time
}

// user owns everything in the server.
const user = "sluice"

// Server is a running PostgreSQL, owned by this process. Its methods are for one goroutine at a time.
type Server struct {
	cfg      Config
	binaries Binaries
	identity identity // who the child runs as
	socket   string   // directory of the unix socket
	port     int      // of TCP, or 0
	password string
	logStart int64 // where this start begins in the log

	process *os.Process
	exited  chan struct{} // closed once the process is gone
}

// Start starts the server in cfg.Dir and returns once it answers. Its errors
// are sentences for the person who typed the command.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := completed(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, password: rand.Text()}
	if err := s.choosePort(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.Restart(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func completed(cfg Config) (Config, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil || cfg.Dir == "" {
		return cfg, errors.New("PostgreSQL needs a directory of its own")
	}
	cfg.Dir = dir
	if cfg.Database == "" {
		cfg.Database = "sluice"
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 100
	}
	if cfg.Progress == nil {
		cfg.Progress = os.Stderr
	}
	if cfg.ReadyLimit == 0 {
		cfg.ReadyLimit = time.Minute
	}
	return cfg, nil
}

// Restart starts the server again after Stop or Kill, under the same addresses.
func (s *Server) Restart(ctx context.Context) error {
	if s.Running() {
		return errors.New("PostgreSQL is running")
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ReadyLimit)
	defer cancel()
	for {
		if err := s.launch(); err != nil {
			return err
		}
		err := s.settle(ctx)
		if err == nil {
			return nil
		}
		s.Kill()
		if !errors.Is(err, errLingering) || ctx.Err() != nil {
			return err
		}
	}
}

// errLingering means that sessions of a killed server have not noticed yet; they will within moments.
var errLingering = errors.New("PostgreSQL cannot start: processes of a killed server are still there")

// Running reports whether the process is there.
func (s *Server) Running() bool {
	if s.exited == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Exited is closed when the server is gone, whoever ended it.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// PID is the process id of the postmaster.
func (s *Server) PID() int { return s.process.Pid }

// Binaries is the installation in use.
func (s *Server) Binaries() Binaries { return s.binaries }

// URL reaches the database: by TCP if the server listens there, else by its socket.
func (s *Server) URL() string { return s.URLOf(s.cfg.Database) }

// URLOf reaches another database of the server.
func (s *Server) URLOf(database string) string {
	if s.port == 0 {
		return s.socketURL(database)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// socketURL spells everything out, so that PGPORT and its like in the environment change nothing.
func (s *Server) socketURL(database string) string {
	return "postgres:///" + database + "?" + url.Values{
		"host": {s.socket}, "port": {strconv.Itoa(s.socketPort())}, "user": {user}, "sslmode": {"disable"},
	}.Encode()
}

// socketPort is the number in the socket's file name: that of TCP, or the usual one.
func (s *Server) socketPort() int {
	if s.port != 0 {
		return s.port
	}
	return 5432
}

// Stop ends the server in order, and in less than a second: connections are
// closed, what is committed is kept. When a clean shutdown takes longer the
// server is told to quit at once; it recovers from its log at the next start.
func (s *Server) Stop() {
	if s.cfg.Throwaway {
		s.end(syscall.SIGQUIT, 2*time.Second)
	} else {
		s.end(syscall.SIGINT, 800*time.Millisecond)
		s.end(syscall.SIGQUIT, 2*time.Second)
	}
	s.Kill()
}

// Kill ends the server the hard way, as a crash would.
func (s *Server) Kill() {
	for s.Running() {
		s.end(syscall.SIGKILL, time.Second)
	}
}

// end sends a signal and waits at most this long.
func (s *Server) end(signal os.Signal, wait time.Duration) {
	if !s.Running() {
		return
	}
	_ = s.process.Signal(signal) // fails only if it is gone already
	select {
	case <-s.exited:
	case <-time.After(wait):
	}
}

func (s *Server) data() string    { return filepath.Join(s.cfg.Dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.cfg.Dir, "postgres.log") }

// prepare finds the binaries and makes the directories and the data.
func (s *Server) prepare(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w; choose another directory", s.cfg.Dir, err)
	}
	major, err := s.existing()
	if err != nil {
		return err
	}
	if s.binaries, err = Find(ctx, major, s.cfg.Progress); err != nil {
		return err
	}
	if major != 0 && major != s.binaries.Major {
		return fmt.Errorf("the data in %s belongs to PostgreSQL %d but %s has version %d: set SLUICE_POSTGRES_BIN to version %d, or choose another directory",
			s.data(), major, s.binaries.Dir, s.binaries.Major, major)
	}
	if s.identity, err = chooseIdentity(ctx, s.cfg.Dir, s.data(), s.binaries.Dir); err != nil {
		return err
	}
	if major == 0 {
		if err := s.initialise(ctx); err != nil {
			return err
		}
	}
	return s.makeSocketDir()
}

// existing is the major version of the data in place, 0 if there is none.
func (s *Server) existing() (int, error) {
	entries, err := os.ReadDir(s.data())
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read %s: %w; run as the user who made it", s.data(), err)
	}
	text, err := os.ReadFile(filepath.Join(s.data(), "PG_VERSION"))
	if err != nil {
		return 0, fmt.Errorf("%s holds something that is not a PostgreSQL database: choose another directory", s.data())
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s holds a PG_VERSION that is not a number: choose another directory", s.data())
	}
	return major, nil
}

// initialise makes the data directory beside its place and renames it, so that
// a crash half-way leaves no half database behind.
func (s *Server) initialise(ctx context.Context) error {
	fresh, err := os.MkdirTemp(s.cfg.Dir, "initdb-")
	if err != nil {
		return fmt.Errorf("cannot write to %s: %w; choose another directory", s.cfg.Dir, err)
	}
	defer os.RemoveAll(fresh) // gone already if all went well; never held anybody's data
	if err := s.identity.own(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", user, "-E", "UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"}
	if s.cfg.Throwaway {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.binaries.Dir, "initdb"), args...)
	cmd.Dir = "/"
	s.identity.apply(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s failed: %s", s.cfg.Dir, lastLine(string(out), err))
	}
	_ = os.Remove(s.data()) // only if empty
	return os.Rename(fresh, s.data())
}

// makeSocketDir prefers a directory beside the data, but socket paths are
// limited to about 100 bytes. The short one has a name that others can guess,
// so it must turn out to be ours.
func (s *Server) makeSocketDir() error {
	s.socket = filepath.Join(s.cfg.Dir, "run")
	if len(s.socket) > 80 {
		sum := sha256.Sum256([]byte(s.cfg.Dir))
		s.socket = fmt.Sprintf("/tmp/sluice-pg-%x", sum[:6])
	}
	err := os.Mkdir(s.socket, 0o700)
	if err == nil {
		return s.identity.own(s.socket)
	}
	info, missing := os.Lstat(s.socket)
	if missing != nil {
		return fmt.Errorf("cannot make %s: %w", s.socket, err)
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !s.identity.owns(info) {
		return fmt.Errorf("%s exists but is not a private directory of ours: remove it", s.socket)
	}
	return nil
}

// launch starts the process. Its owner is one goroutine on one thread, because
// the parent-death signal follows the thread that started the child.
func (s *Server) launch() error {
	logged, err := s.openLog()
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", s.logFile(), err)
	}
	cmd := exec.Command(filepath.Join(s.binaries.Dir, "postgres"), s.flags()...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", logged, logged
	s.identity.apply(cmd)

	started, exited := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		defer logged.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	s.process, s.exited = cmd.Process, exited
	return nil
}

// openLog appends to the log, where another server may be writing, and
// remembers where this start begins. A log over 10 MB is put aside first.
func (s *Server) openLog() (*os.File, error) {
	if info, err := os.Stat(s.logFile()); err == nil && info.Size() > 10<<20 {
		_ = os.Rename(s.logFile(), s.logFile()+".old") // or it grows on
	}
	logged, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s.logStart, err = logged.Seek(0, io.SeekEnd)
	return logged, err
}

// choosePort takes a free port; a restart keeps it.
func (s *Server) choosePort() error {
	if !s.cfg.TCP {
		return nil
	}
	free, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.cfg.Port)))
	if err != nil {
		return fmt.Errorf("port %d for PostgreSQL is in use: free it or choose another", s.cfg.Port)
	}
	s.port = free.Addr().(*net.TCPAddr).Port
	return free.Close()
}

func (s *Server) flags() []string {
	set := []string{
		"listen_addresses=", "unix_socket_directories=" + s.socket, "unix_socket_permissions=0700",
		"port=" + strconv.Itoa(s.socketPort()), "max_connections=" + strconv.Itoa(s.cfg.MaxConns),
		"timezone=UTC", "log_timezone=UTC", "jit=off", "random_page_cost=1.1",
		// bun renders values into statements: they must not reach the log.
		"log_min_error_statement=panic", "log_error_verbosity=terse",
	}
	if s.port != 0 {
		set = append(set, "listen_addresses=127.0.0.1")
	}
	if s.cfg.Throwaway {
		set = append(set, "fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=64MB",
			"wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB",
			"dynamic_shared_memory_type=mmap") // inside the data directory, so that a killed server leaves nothing elsewhere
	} else {
		set = append(set, "shared_buffers=256MB", "max_wal_size=2GB", "checkpoint_timeout=15min", "wal_compression=on")
	}
	args := []string{"-D", s.data()}
	for _, one := range set {
		args = append(args, "-c", one)
	}
	return args
}

// settle waits for the first answer, then sets the password and makes the database.
func (s *Server) settle(ctx context.Context) error {
	conn, err := s.firstAnswer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if s.port != 0 {
		// The password is base32 text of our own making: safe to put into the statement.
		if _, err := conn.Exec(ctx, "ALTER ROLE "+user+" PASSWORD '"+s.password+"'"); err != nil {
			return fmt.Errorf("set the password of PostgreSQL: %w", err)
		}
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", s.cfg.Database).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{s.cfg.Database}.Sanitize()); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// firstAnswer tries to connect until it works, the server is gone, or ctx ends.
// An answer counts only once the lock file names our process: before that it
// would come from another server on the same data.
func (s *Server) firstAnswer(ctx context.Context) (*pgx.Conn, error) {
	for {
		if s.lockHolder() == strconv.Itoa(s.process.Pid) {
			if conn, err := pgx.Connect(ctx, s.socketURL("postgres")); err == nil {
				return conn, nil
			}
		}
		select {
		case <-s.exited:
			return nil, s.explain()
		case <-ctx.Done():
			return nil, fmt.Errorf("PostgreSQL did not become ready: see %s", s.logFile())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// explain turns the log of a server that would not start into a sentence.
func (s *Server) explain() error {
	text, _ := os.ReadFile(s.logFile())
	log := string(text[min(int(s.logStart), len(text)):])
	switch {
	case strings.Contains(log, "pre-existing shared memory block"):
		return errLingering
	case strings.Contains(log, `lock file "postmaster.pid"`):
		return fmt.Errorf("PostgreSQL is already running in %s, pid %s: stop that one first or choose another directory", s.data(), s.lockHolder())
	case strings.Contains(log, "could not create any TCP/IP sockets"):
		return fmt.Errorf("port %d for PostgreSQL is in use: free it or choose another", s.port)
	case strings.Contains(log, "shared memory") && strings.Contains(log, "FATAL"):
		return fmt.Errorf("PostgreSQL got no shared memory: stop other servers or allow more; see %s", s.logFile())
	}
	return fmt.Errorf("PostgreSQL would not start: %s; see %s", lastLine(log, errors.New("no reason given")), s.logFile())
}

// lockHolder is the pid of the server that runs on our data, as its lock file says.
func (s *Server) lockHolder() string {
	text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	pid, _, _ := strings.Cut(string(text), "\n")
	return pid
}

// lastLine is the last thing a program said, or err if it said nothing.
func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
