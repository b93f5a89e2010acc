package reconcile_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// importer makes the test binary a process that imports one file: its value is the URL of
// the database, and the argument is the file.
const importer = "SLUICE_TEST_IMPORTER"

func TestMain(m *testing.M) {
	if url := os.Getenv(importer); url != "" {
		if err := importOnce(context.Background(), url, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// importOnce says "ready" before it begins.
func importOnce(ctx context.Context, url, path string) error {
	pool, err := db.Open(ctx, db.Config{URL: url, Name: importer, MaxConns: 4})
	if err != nil {
		return err
	}
	defer pool.Close()
	_, cfg, err := roomsOn(pool, ledger.NewBook(), clock.NewFixed(noon.AddDate(0, 0, 7)))
	if err != nil {
		return err
	}
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	fmt.Println("ready")
	f, err := reconcile.New(pool, cfg).Import(ctx, reconcile.Source{Platform: hub.Platform, Name: filepath.Base(path)}, content)
	if err == nil && (f.Status != reconcile.Imported || !f.Done) {
		err = fmt.Errorf("the file is %s, done: %v", f.Status, f.Done)
	}
	return err
}

// Processes that import a statement are killed, or lose their connections, at moments
// nobody chose, and the file is sent again until somebody ends well: each line of it is
// there once, equal lines as often as the bank wrote them, and every payout heard once.
// SLUICE_IMPORT_FILES says how many files there are, SLUICE_IMPORT_SEED repeats the dice.
func TestImportsKilledAtRandomLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	number := func(variable string, def uint64) uint64 {
		if text := os.Getenv(variable); text != "" {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		return def
	}
	seed, files := number("SLUICE_IMPORT_SEED", uint64(time.Now().UnixNano())), int(number("SLUICE_IMPORT_FILES", 4))
	t.Logf("SLUICE_IMPORT_SEED=%d SLUICE_IMPORT_FILES=%d", seed, files)
	dice := rand.New(rand.NewPCG(seed, 1))
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	w := openOn(t, pool)
	const paid, fees, others = 12, 40, 400 // lines of a file
	var all []*payouts.Payout
	var contents []string
	balance, took, deaths, cuts := int64(10_000_000), 200*time.Millisecond, 0, 0
	for n := range files {
		var lines []string
		for range paid {
			p := w.payout(100 + dice.Int64N(900))
			all = append(all, p)
			lines = append(lines, fmt.Sprintf("-%d B%d /EREF/%s", p.Amount, len(all), p.ID))
		}
		for range fees {
			lines = append(lines, "-300 NONREF FEE") // equal, and all of them true
		}
		for i := range others {
			lines = append(lines, fmt.Sprintf("%d R%dX%d RENT", 1+dice.Int64N(5000), n, i))
		}
		dice.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		content := mt(n+1, fmt.Sprintf("2611%02d", 24+n%6), balance, lines...)
		for _, line := range lines {
			amount, err := strconv.ParseInt(strings.Fields(line)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			balance += amount
		}
		contents = append(contents, content)
		path := filepath.Join(t.TempDir(), fmt.Sprintf("day%d.sta", n))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for again := true; again; {
			life := time.Duration(dice.Int64N(int64(took) * 5 / 4))
			began := time.Now()
			if died := w.importer(url, path, life, dice.IntN(3) == 0, &cuts); died {
				deaths++
			} else {
				again = false
			}
			if spent := time.Since(began); !again {
				took = spent
			} else if deaths%8 == 0 {
				took *= 2 // a slow machine: somebody has to live long enough
			}
		}
	}
	t.Logf("%d files; %d processes did not end well, of them %d had lost their connections", files, deaths, cuts)
	for _, content := range contents {
		if f := w.load(content); !f.Repeated || f.Lines != paid+fees+others || !f.Done {
			t.Errorf("sent once more: %+v", f)
		}
	}
	for _, p := range all {
		w.expectStatus(p, payouts.Paid)
	}
	// What never came to its end is forgotten after a day, and nothing else is there.
	w.clock.Set(time.Now().Add(25 * time.Hour))
	if err := w.books.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.count("payouts.statement_files"); n != files {
		t.Errorf("%d files are kept, want %d", n, files)
	}
	if n := w.count("payouts.statement_lines"); n != files*(paid+fees+others) {
		t.Errorf("%d lines, want %d", n, files*(paid+fees+others))
	}
	var fee, heard int
	err = pool.NewRaw(`SELECT count(*) FILTER (WHERE amount = -300), count(DISTINCT payout) FILTER (WHERE status = 'matched') FROM payouts.statement_lines`).Scan(t.Context(), &fee, &heard)
	if err != nil || fee != files*fees || heard != len(all) {
		t.Errorf("%d fees and %d payouts (%v), want %d and %d", fee, heard, err, files*fees, len(all))
	}
}

// importer runs a process that imports the file, and after so long a life kills it, or cuts
// its connections. It reports whether the process died of that.
func (w *world) importer(url, path string, life time.Duration, cut bool, cuts *int) (died bool) {
	w.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), importer+"="+url)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		_ = cmd.Wait()
		w.Fatalf("the importer did not begin: %v\n%s", err, &complaints)
	}
	ended := make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	select {
	case err = <-ended:
	case <-time.After(life):
		if cut {
			_, err := w.pool.ExecContext(w.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = ?`, importer)
			if err != nil {
				w.Error(err)
			}
		} else {
			_ = cmd.Process.Kill()
		}
		if err = <-ended; err != nil && cut {
			*cuts++
		}
	}
	if err == nil {
		return false
	}
	if !cut && complaints.Len() > 0 {
		w.Errorf("an importer ended by itself:\n%s", &complaints)
	}
	return true
}
