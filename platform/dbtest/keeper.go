package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sluicepay/sluice/platform/dev/postgres"
)

// The keeper's directory holds, besides the server's home:
//
//	lease   every test process holds a shared lock on it as long as it lives
//	gate    locked exclusively by who starts a server and by the keeper that ends it
//	keeper  locked by the keeper as long as it lives
//	url     where the server is; written when it is ready, removed when it is ended
//
// so a server is found or started by one process at a time, and it ends only
// while no process holds a lease and none can take a new one.

// keeperDir in the environment turns a test program into the keeper.
const keeperDir = "SLUICE_DBTEST_KEEPER"

// grace is how long the keeper waits for the next test process after the last one.
const grace = 2 * time.Second

// init hijacks the test program when it has been started as the keeper: the one
// program that is certainly there, whatever package is tested.
func init() {
	dir := os.Getenv(keeperDir)
	if dir == "" {
		return
	}
	if err := keep(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// held is our lease. It stays open until the process ends.
//
//lint:ignore U1000 it is held, not read: a collected file would be closed, and the lease with it
var held *os.File

// lease takes part in the shared server until this process ends, and returns its URL.
func lease(ctx context.Context) (string, error) {
	binaries, err := postgres.Find(ctx, 0, os.Stderr)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(memory(), fmt.Sprintf("sluice-dbtest-%d-%s", os.Geteuid(), binaries.Version))
	if err := privateDir(dir); err != nil {
		return "", err
	}
	if held, err = lock(ctx, filepath.Join(dir, "lease"), syscall.LOCK_SH); err != nil {
		return "", err
	}
	gate, err := lock(ctx, filepath.Join(dir, "gate"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer gate.Close()
	if url, ok := running(dir); ok {
		return url, nil
	}
	return startKeeper(ctx, dir)
}

// privateDir makes dir passable for the server's user but writable only for us.
func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not our directory: remove it", dir)
	}
	return nil
}

// running is the URL of the server if its keeper lives: the keeper holds a lock while it does.
func running(dir string) (string, bool) {
	text, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil || !locked(filepath.Join(dir, "keeper")) {
		return "", false
	}
	return string(text), true
}

// startKeeper starts our own program again, detached, and waits for the URL.
func startKeeper(ctx context.Context, dir string) (string, error) {
	_ = os.Remove(filepath.Join(dir, "url")) // of a keeper that was killed
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	said, err := os.Create(filepath.Join(dir, "keeper.log"))
	if err != nil {
		return "", err
	}
	defer said.Close()
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), keeperDir+"="+dir)
	cmd.Stdout, cmd.Stderr = said, said // not ours: `go test` waits for whoever holds those
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() { // ends with the keeper, at the latest with this process
		_ = cmd.Wait()
		close(ended)
	}()
	for {
		if url, ok := running(dir); ok {
			return url, nil
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(said.Name())
			return "", errors.New(strings.TrimSpace(string(text)))
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// keep runs PostgreSQL until nobody has held a lease for the time of grace.
func keep(dir string) error {
	ctx := context.Background()
	alive, err := lock(ctx, filepath.Join(dir, "keeper"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer alive.Close()
	home, err := os.MkdirTemp(dir, "pg-")
	if err != nil {
		return err
	}
	removeOthers(dir, home)
	defer os.RemoveAll(home)
	if err := os.Chmod(home, 0o755); err != nil {
		return err
	}
	server, err := postgres.Start(ctx, postgres.Config{Dir: home, Database: "dbtest", Throwaway: true, MaxConns: 400})
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := publish(dir, server.URL()); err != nil {
		return err
	}
	gate, err := untilUnused(ctx, dir, server.Exited())
	if err != nil {
		return err
	}
	defer gate.Close() // last: whoever waits finds neither server nor URL
	defer server.Stop()
	return os.Remove(filepath.Join(dir, "url"))
}

// removeOthers clears away servers of keepers that were killed; we hold the keeper's lock.
func removeOthers(dir, mine string) {
	homes, _ := filepath.Glob(filepath.Join(dir, "pg-*"))
	for _, home := range homes {
		if home != mine {
			_ = os.RemoveAll(home)
		}
	}
}

// publish writes the URL whole or not at all.
func publish(dir, url string) error {
	draft := filepath.Join(dir, "url.draft")
	if err := os.WriteFile(draft, []byte(url), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(dir, "url"))
}

// untilUnused returns with the gate locked once there has been no lease for the
// time of grace, or the server is gone.
func untilUnused(ctx context.Context, dir string, exited <-chan struct{}) (*os.File, error) {
	unusedSince := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-exited:
			return nil, errors.New("PostgreSQL for tests ended")
		case <-tick.C:
		}
		if locked(filepath.Join(dir, "lease")) {
			unusedSince = time.Now()
			continue
		}
		if time.Since(unusedSince) < grace {
			continue
		}
		gate, err := lock(ctx, filepath.Join(dir, "gate"), syscall.LOCK_EX)
		if err != nil {
			return nil, err
		}
		if !locked(filepath.Join(dir, "lease")) {
			return gate, nil
		}
		unusedSince = time.Now()
		_ = gate.Close() // somebody came in between
	}
}

// lock opens a file and waits for a lock on it; closing the file lets it go.
// The kernel does that for a process that dies.
func lock(ctx context.Context, path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// locked reports whether another file handle has path locked.
func locked(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// memory is the best place for throwaway data: memory-backed with a gigabyte free, else the temp directory.
func memory() string {
	var stat syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &stat); err == nil && int64(stat.Bavail)*int64(stat.Bsize) >= 1<<30 {
		return "/dev/shm"
	}
	return os.TempDir()
}
