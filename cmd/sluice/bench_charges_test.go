package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dev/postgres"
)

// benched runs a bench, whose processes are this test binary, and gives its last line of JSON.
func benched(t *testing.T, args ...string) (r bench.Report) {
	t.Helper()
	t.Setenv(asProgram, "1")
	var out, progress bytes.Buffer
	if code := cli.Execute(t.Context(), newRoot(), append([]string{"bench"}, args...), &out, &progress); code != 0 {
		t.Fatalf("exit %d:\n%s", code, progress.String())
	}
	if !strings.Contains(out.String()+progress.String(), "Ledger verified") {
		t.Errorf("the ledger was not verified:\n%s", progress.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; strings.HasPrefix(last, "{") {
		if err := json.Unmarshal([]byte(last), &r); err != nil {
			t.Fatalf("%v:\n%s", err, last)
		}
	}
	return r
}

// left opens the database that a bench has left in its directory.
func left(t *testing.T, dir string) *bun.DB {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Config{Dir: filepath.Join(dir, "pg"), Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	pool, err := db.Open(t.Context(), db.Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// consumed are written by those who hear of a charge, after it was answered.
var consumed = map[string]bool{"platform.inbox": true, "platform.request_logs": true}

func TestTheFloorWritesTheRowsThatTheServerWrites(t *testing.T) {
	dir := t.TempDir()
	r := benched(t, "charges", "--dir", dir, "--duration", "1s", "--warm-up", "500ms", "--accounts", "5", "--connections", "8", "--floor", "--json")
	if r.Charges <= 0 || r.Errors > 0 || !r.Verified || r.Floor == nil || r.FloorRatio <= 0 || r.Floor.Echo.PerSecond <= 0 {
		t.Fatalf("%+v", r)
	}
	if r.Cost.ServerCPU <= 0 || r.Cost.PostgresCPU <= 0 || r.Cost.LoadCPU <= 0 || r.Cost.WALBytes <= 0 || r.Cost.Commits <= 0 {
		t.Errorf("costs %+v", r.Cost)
	}
	pool := left(t, dir)
	var charges int64
	if err := pool.NewRaw(`SELECT count(*) FROM connect.charges`).Scan(t.Context(), &charges); err != nil {
		t.Fatal(err)
	}
	var tables []string
	err := pool.NewRaw(`SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('platform', 'ledger', 'connect', 'payouts', 'oauth', 'cardsim', 'banksim')`).Scan(t.Context(), &tables)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var rows int64
		if err := pool.NewRaw("SELECT count(*) FROM "+table).Scan(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		each := float64(rows) / float64(charges)
		floor, slack := r.Floor.Rows[table], 0.1+100/float64(charges) // accounts have events too
		if each >= 0.9 && !consumed[table] && table != "ledger.batches" && (each < floor-slack || each > floor+slack) {
			t.Errorf("%s: the server writes %.2f rows for a charge, the floor %.2f; traces in cmd/sluice/bench/patterns.go lists what belongs to one", table, each, floor)
		}
	}
}

func TestOneByOneCommitsEachStepOfEachPayment(t *testing.T) {
	r := benched(t, "charges", "--one-by-one", "--duration", "1s", "--warm-up", "500ms", "--accounts", "5", "--connections", "8", "--json")
	if !r.OneByOne || r.Charges <= 0 || r.Cost.Commits < 2.5 {
		t.Errorf("%.1f charges/s in %.2f commits each, want at least begin, the processor and settle", r.Charges, r.Cost.Commits)
	}
}

func TestAFilledLedgerVerifiesAndIsReadByItsIndexes(t *testing.T) {
	dir := t.TempDir()
	benched(t, "fill", "--dir", dir, "--postings", "60000", "--accounts", "200")
	// Jobs catch up on the history here. PostgreSQL tells what their sessions have read up to ten seconds late, and at
	// the latest when it ends: so the reads are those of the next server.
	benched(t, "charges", "--dir", dir, "--duration", "500ms", "--warm-up", "200ms", "--accounts", "2", "--connections", "2", "--json")
	r := benched(t, "reads", "--dir", dir, "--duration", "1s", "--accounts", "5", "--connections", "2", "--json")
	if r.Errors > 0 || r.PerSecond <= 0 {
		t.Errorf("%+v", r.Outcome)
	}
	for _, table := range []string{"ledger.postings", "ledger.entries", "ledger.balance_transactions"} {
		if n := r.Cost.Scanned[table]; n > 0 {
			t.Errorf("a read goes through %.1f rows of %s without an index", n, table)
		}
	}
	var out, progress bytes.Buffer
	if code := cli.Execute(t.Context(), newRoot(), []string{"bench", "fill", "--dir", dir}, &out, &progress); code != cli.ExitFailure ||
		!strings.Contains(progress.String(), "is not empty") {
		t.Errorf("exit %d of a second fill:\n%s", code, progress.String())
	}
}
