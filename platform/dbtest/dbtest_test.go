package dbtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
)

func TestEveryTestHasItsOwnMigratedDatabase(t *testing.T) {
	one, two := dbtest.New(t), dbtest.New(t)
	if _, err := one.Exec("CREATE TABLE mine (v int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec("CREATE TABLE mine (v int)"); err != nil {
		t.Errorf("the second database saw the first one's table: %v", err)
	}
	status, err := db.MigrationStatus(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range status {
		if m.AppliedAt.IsZero() {
			t.Errorf("%s is not applied", m.Name)
		}
	}
}

func TestPrivateServerCanCrashAndComeBack(t *testing.T) {
	server := dbtest.Postgres(t)
	pool, err := db.Open(t.Context(), db.Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec("CREATE TABLE kept (v int)"); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	// A session may live on for a moment; a new one must find nobody there.
	if conn, err := pgx.Connect(t.Context(), server.URL()); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a killed server answered")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("INSERT INTO kept VALUES (1)"); err != nil {
		t.Error(err)
	}
}

func BenchmarkClone(b *testing.B) {
	dbtest.New(b)
	for b.Loop() {
		dbtest.New(b)
	}
}
