package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/migrations"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dev/postgres"
)

// New is a pool on a migrated database that belongs to this test alone.
func New(t testing.TB) *bun.DB {
	t.Helper()
	return open(t, URL(t))
}

// URL is a migrated database that belongs to this test alone, for those who
// connect by themselves or start a program. It is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	return clone(t, template)
}

// Empty is like URL, without the schema.
func Empty(t testing.TB) string {
	t.Helper()
	return clone(t, func(*bun.DB, string) (string, error) { return "template0", nil })
}

// Postgres is a private server for a test that stops, restarts or kills it. It
// holds an empty database "sluice".
func Postgres(t testing.TB) *postgres.Server {
	t.Helper()
	home, err := os.MkdirTemp(memory(), "sluice-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil { // the server runs as another user if we are root
		t.Fatal(err)
	}
	server, err := postgres.Start(t.Context(), postgres.Config{Dir: filepath.Join(home, "pg"), Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

func open(t testing.TB, url string) *bun.DB {
	t.Helper()
	pool, err := db.Open(context.Background(), db.Config{URL: url, Name: t.Name(), MaxConns: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

var clones atomic.Int64

// clone makes a database from what pick names and returns its URL.
func clone(t testing.TB, pick func(admin *bun.DB, url string) (string, error)) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	from, err := pick(server.admin, server.url)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t_%d_%d", os.Getpid(), clones.Add(1))
	if _, err := server.admin.Exec("CREATE DATABASE ? TEMPLATE ? ?", bun.Ident(name), bun.Ident(from), server.strategy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.admin.Exec("DROP DATABASE ? WITH (FORCE)", bun.Ident(name)); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return databaseURL(server.url, name)
}

// server is what all tests of this process connect to.
type server struct {
	url   string // of a maintenance database, as superuser
	admin *bun.DB
	// strategy copies files where PostgreSQL knows a choice (15 and newer):
	// twice as fast as logging every page.
	strategy bun.Safe
}

// shared connects to the shared server once per process.
var shared = sync.OnceValues(func() (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	url := os.Getenv("SLUICE_TEST_DATABASE_URL")
	if url == "" {
		var err error
		if url, err = lease(ctx); err != nil {
			return server{}, fmt.Errorf("start PostgreSQL for tests: %w", err)
		}
	}
	admin, err := db.Open(ctx, db.Config{URL: url, Name: "dbtest", MaxConns: 4, StatementTimeout: time.Minute, LockTimeout: time.Minute})
	if err != nil {
		return server{}, err
	}
	var version int
	if err := admin.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return server{}, err
	}
	if version < 150000 {
		return server{url: url, admin: admin}, nil
	}
	return server{url: url, admin: admin, strategy: "STRATEGY file_copy"}, nil
})

var made struct {
	sync.Mutex
	template string
}

// template is the name of the migrated database; the first process that needs it makes it.
func template(admin *bun.DB, url string) (string, error) {
	made.Lock()
	defer made.Unlock()
	if made.template != "" {
		return made.template, nil
	}
	hash, err := migrations.Hash(migrations.Files)
	if err != nil {
		return "", err
	}
	name := "template_" + hash
	if err := ensure(context.Background(), admin, url, name); err != nil {
		return "", fmt.Errorf("make the template database: %w", err)
	}
	made.template = name
	return name, nil
}

// templateLock is the advisory lock for making templates: "sltemplt" in ASCII.
const templateLock = 0x736c74656d706c74

// ensure makes the template unless it is there. A half-made one has another
// name, so a crash leaves nothing that looks finished.
func ensure(ctx context.Context, admin *bun.DB, url, name string) error {
	conn, err := admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", int64(templateLock)); err != nil {
		return err
	}
	defer conn.ExecContext(ctx, "SELECT pg_advisory_unlock_all()") //nolint:errcheck // the session ends with the process
	var there bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = ?)", name).Scan(&there); err != nil || there {
		return err
	}
	draft := name + "_draft"
	if _, err := conn.ExecContext(ctx, "DROP DATABASE IF EXISTS ? WITH (FORCE)", bun.Ident(draft)); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "CREATE DATABASE ? TEMPLATE template0", bun.Ident(draft)); err != nil {
		return err
	}
	if err := migrated(ctx, databaseURL(url, draft)); err != nil {
		return err
	}
	// Nobody may connect to it: a database in use cannot be cloned.
	if _, err := conn.ExecContext(ctx, "ALTER DATABASE ? ALLOW_CONNECTIONS false", bun.Ident(draft)); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "ALTER DATABASE ? RENAME TO ?", bun.Ident(draft), bun.Ident(name))
	return err
}

func migrated(ctx context.Context, url string) error {
	pool, err := db.Open(ctx, db.Config{URL: url, Name: "dbtest"})
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = db.Migrate(ctx, pool)
	return err
}

// databaseURL is base with another database.
func databaseURL(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // db.Open will tell
	}
	u.Path = "/" + name
	return u.String()
}
