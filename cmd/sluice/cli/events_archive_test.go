package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// monthsAgo is the beginning of a month.
func monthsAgo(n int) time.Time {
	y, m, _ := time.Now().UTC().Date()
	return time.Date(y, m-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// yearOld is a database whose log has an event in each of the last twelve months, all published.
func yearOld(t *testing.T) (url string, pool *bun.DB) {
	t.Helper()
	url = dbtest.URL(t)
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	// A new log's first partition holds everything before it.
	if _, err := pool.NewRaw(`ALTER TABLE platform.events DETACH PARTITION platform.?0; ALTER TABLE platform.events ATTACH PARTITION platform.?0 FOR VALUES FROM (?1) TO (?2)`,
		bun.Ident(monthsAgo(0).Format("events_2006_01")), id.Floor("evt", monthsAgo(0)), id.Floor("evt", monthsAgo(-1))).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		for n := 12; n > 0; n-- {
			e := event.Event{
				ID: id.Floor("evt", monthsAgo(n)), Type: "charge.succeeded", Account: "acct_tutor", Platform: "acct_hub",
				ObjectID: fmt.Sprintf("ch_%d", n), ObjectVersion: 1, Object: json.RawMessage(`{}`), CreatedAt: monthsAgo(n),
			}
			if err := (event.Log{}).Append(ctx, tx, e); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE platform.relay_lanes SET order_xid = (SELECT max(order_xid) FROM platform.events), seq = (SELECT max(seq) FROM platform.events)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 12; n > 0; n-- {
		if err := event.EnsurePartitions(t.Context(), pool, monthsAgo(n)); err != nil {
			t.Fatal(err)
		}
	}
	return url, pool
}

func TestArchivingTakesTheMonthsItIsToldTo(t *testing.T) {
	url, pool := yearOld(t)
	t.Setenv("SLUICE_DATABASE_URL", url)
	dir := t.TempDir()
	before, month := monthsAgo(9).Format("2006-01"), func(n int) string { return monthsAgo(n).Format("2006-01") }

	code, out, errout := run(t, "events", "archive", "--dry-run", "--before", before)
	if code != 0 || !strings.Contains(out, month(12)+"       1  true") || strings.Contains(out, before) {
		t.Errorf("dry run: exit %d\n%s%s", code, out, errout)
	}
	code, out, errout = run(t, "events", "archive", "--before", before, "--dir", dir)
	files, err := filepath.Glob(filepath.Join(dir, "events-*.jsonl.gz"))
	if code != 0 || err != nil || len(files) != 3 {
		t.Fatalf("exit %d, %d files, %v\n%s%s", code, len(files), err, out, errout)
	}
	for n := 12; n > 9; n-- {
		if !strings.Contains(out, "events-"+month(n)) {
			t.Errorf("%s is not in\n%s", month(n), out)
		}
	}
	if code, out, errout := run(t, "events", "archive", "--discard"); code != 0 || !strings.Contains(out, month(9)) {
		t.Errorf("the rest: exit %d\n%s%s", code, out, errout)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("discarded months were written: %v, %v", files, err)
	}
	var oldest time.Time
	if err := pool.NewRaw(`SELECT min(created_at) FROM platform.events`).Scan(t.Context(), &oldest); err != nil || oldest.After(time.Now().Add(-event.Visible)) {
		t.Errorf("the oldest event left is of %v, %v", oldest, err)
	}
}

func TestArchivingAsksWhereTheEventsGo(t *testing.T) {
	t.Setenv("SLUICE_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
	for _, c := range []struct {
		args string
		says string
	}{
		{"", "--discard"},
		{"--dir . --discard", "contradict"},
		{"--dry-run --before August", "such as 2026-08"},
		{"--dry-run --before " + time.Now().UTC().Format("2006-01"), "keeps 31 days"},
	} {
		code, _, errout := run(t, append([]string{"events", "archive"}, strings.Fields(c.args)...)...)
		if code != 2 || !strings.Contains(errout, c.says) {
			t.Errorf("%q: exit %d: %s", c.args, code, errout)
		}
	}
}
