package event_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// publishAll is what relays do to the cursors.
func publishAll(t testing.TB, pool *bun.DB) {
	t.Helper()
	_, err := pool.ExecContext(t.Context(), `UPDATE platform.relay_lanes l SET (order_xid, seq) = (SELECT order_xid, seq FROM platform.events e WHERE e.lane = l.lane ORDER BY 1 DESC, 2 DESC LIMIT 1)
		WHERE EXISTS (SELECT FROM platform.events e WHERE e.lane = l.lane)`)
	if err != nil {
		t.Fatal(err)
	}
}

func archive(t testing.TB, pool *bun.DB, dir string, before time.Time) ([]event.Archived, error) {
	t.Helper()
	return event.Archive(t.Context(), pool, dir, before, time.Now())
}

func TestAMonthIsArchivedWithEveryEventAndDropped(t *testing.T) {
	pool, dir := oldLog(t, 4), t.TempDir()
	var want []event.Event
	for n := range 50 {
		e := then(begin(-4), begin(-4).Add(time.Duration(n)*time.Hour), n, 1)
		e.Livemode = n%2 == 0
		switch n % 3 {
		case 0:
			e.Account = fmt.Sprintf("acct_%d", n)
			e.Previous = []byte(`{"note":null}`)
		case 1:
			e.Account = e.Platform
			e.RequestID, e.IdempotencyKey = "req_1", "key"
		}
		want = append(want, e)
	}
	kept := then(begin(-3), begin(-3), 99, 1)
	mustAdd(t, pool, append(want, kept)...)
	publishAll(t, pool)

	months, err := event.Archivable(t.Context(), pool, begin(-3))
	if diff := cmp.Diff([]event.Month{{Name: begin(-4).Format("2006-01"), Rows: 50, Published: true}}, months); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	done, err := archive(t, pool, dir, begin(-3))
	if err != nil || len(done) != 1 || done[0].Rows != 50 || done[0].Month != begin(-4).Format("2006-01") {
		t.Fatalf("archived %+v, %v", done, err)
	}
	if diff := cmp.Diff(map[string]int{table(-3): 1}, held(t, pool)); diff != "" {
		t.Errorf("left in the log: %s", diff)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != done[0].File {
		t.Fatalf("in the directory: %v, %v", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, done[0].File))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	got := map[string]event.Event{}
	lanes := map[int64]bool{}
	err = event.ReadArchive(strings.NewReader(string(raw)), func(e event.Entry) error {
		got[e.ID] = e.Event
		lanes[e.Seq] = e.OrderXID > 0
		return nil
	})
	if err != nil || len(lanes) != 50 {
		t.Fatalf("%d events with a place, %v", len(lanes), err)
	}
	for _, e := range want {
		if diff := cmp.Diff(e, got[e.ID]); diff != "" {
			t.Fatalf("%s came back changed: %s", e.ID, diff)
		}
	}
	var noted string
	if err := pool.NewRaw(`SELECT month || ' ' || rows || ' ' || file || ' ' || sha256 || ' ' || until_id FROM platform.event_archives`).Scan(t.Context(), &noted); err != nil ||
		noted != fmt.Sprintf("%s 50 %s %s %s", done[0].Month, done[0].File, hex.EncodeToString(sum[:]), id.Floor("evt", begin(-3))) {
		t.Errorf("noted %q, %v", noted, err)
	}
	if again, err := archive(t, pool, dir, begin(-3)); err != nil || len(again) != 0 {
		t.Errorf("a second run archived %v, %v", again, err)
	}
}

func TestAnArchivedObjectGoesOnFromAnyVersion(t *testing.T) {
	pool := oldLog(t, 5)
	gone, partly := begin(-5).Add(72*time.Hour), begin(-5).Add(96*time.Hour)
	mustAdd(t, pool, then(gone, gone, 1, 1), then(gone, begin(-4), 1, 2))
	mustAdd(t, pool, then(partly, partly, 2, 1), then(partly, begin(-2), 2, 2))
	next := func(e event.Event, version int64) event.Event {
		e.ID, e.ObjectVersion = "", version
		return e
	}
	first, second, young := then(gone, gone, 1, 1), then(partly, partly, 2, 1), charge(id.New("ch"), 2, "charge.updated")
	if err := add(t, pool, next(first, 7)); !errors.Is(err, event.ErrVersion) {
		t.Errorf("before anything was archived: %v", err)
	}
	publishAll(t, pool)
	if done, err := archive(t, pool, "", begin(-3)); err != nil || len(done) != 2 || done[0].File != "" {
		t.Fatalf("archived %+v, %v", done, err)
	}
	mustAdd(t, pool, next(first, 7), next(first, 8))
	mustAdd(t, pool, next(first, 9), next(second, 3))
	for name, e := range map[string]event.Event{
		"a gap after going on": next(first, 11), "a twin after going on": next(first, 7), "a gap where something is left": next(second, 9),
		"a young object without a beginning": young,
	} {
		if err := add(t, pool, e); !errors.Is(err, event.ErrVersion) {
			t.Errorf("%s: got %v, want ErrVersion", name, err)
		}
	}
}

func TestAMonthIsKeptWhileItIsShownUnpublishedOrWritten(t *testing.T) {
	pool, dir := oldLog(t, 4), t.TempDir()
	mustAdd(t, pool, then(begin(-4), begin(-4), 1, 1))
	if _, err := archive(t, pool, dir, time.Now().Add(-event.MinRetention+time.Minute)); err == nil {
		t.Error("events that the API still shows may go")
	}
	if done, err := archive(t, pool, dir, begin(-3)); err == nil || len(done) != 0 || !strings.Contains(err.Error(), "1 lanes are not published") {
		t.Errorf("an unpublished month: %v, %v", done, err)
	}
	publishAll(t, pool)

	writer, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (event.Log{}).Append(t.Context(), writer, charge(id.New("ch"), 1, "charge.succeeded")); err != nil {
		t.Fatal(err)
	}
	if done, err := archive(t, pool, dir, begin(-3)); err == nil || len(done) != 0 {
		t.Errorf("beside a writer that does not end: %v, %v", done, err)
	}
	if got := held(t, pool); got[table(-4)] != 1 {
		t.Errorf("the month is gone: %v", got)
	}
	mustAdd(t, pool, charge(id.New("ch"), 1, "charge.succeeded")) // nobody was left behind a lock
	if err := writer.Commit(); err != nil {
		t.Fatal(err)
	}
	done, err := archive(t, pool, dir, begin(-3))
	if err != nil || len(done) != 1 {
		t.Fatalf("after the writer: %v, %v", done, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != done[0].File {
		t.Errorf("the failed run left other files: %v, %v", files, err)
	}
}

func TestOnlyOneProcessArchivesAtATime(t *testing.T) {
	pool, dir := oldLog(t, 3), t.TempDir()
	for n := range 20 {
		mustAdd(t, pool, then(begin(-3), begin(-3), n, 1))
	}
	publishAll(t, pool)
	results := make(chan int, 4)
	for range cap(results) {
		go func() {
			done, _ := event.Archive(context.WithoutCancel(t.Context()), pool, dir, begin(-2), time.Now())
			results <- len(done)
		}()
	}
	total := 0
	for range cap(results) {
		total += <-results
	}
	var noted int
	if err := pool.NewRaw(`SELECT count(*) FROM platform.event_archives WHERE rows = 20`).Scan(t.Context(), &noted); err != nil || noted != 1 || total != 1 {
		t.Errorf("archived %d times, noted %d, %v", total, noted, err)
	}
}

func TestMonthsAreReadOutOnlyWhenNobodyCanWriteThemAnyMore(t *testing.T) {
	pool := oldLog(t, 2)
	mustAdd(t, pool, then(begin(-2), begin(-2), 1, 1))
	below := id.Floor("evt", begin(0))
	cursor := []event.Cursor{{Lane: laneOf(t, pool, "acct_tutor")}}
	if done, _, _, err := event.ReadOut(t.Context(), pool, below, cursor); done || err != nil {
		t.Errorf("an unread event counts as read: %v", err)
	}
	entries := awaitSettled(t, pool, 1, 1<<20)
	cursor[0].Position = entries[0].Position

	late, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (event.Log{}).Append(t.Context(), late, then(begin(-2), begin(-1), 2, 1)); err != nil {
		t.Fatal(err)
	}
	done, horizon, next, err := event.ReadOut(t.Context(), pool, below, cursor)
	if err != nil || !done || horizon >= next { // the open one is the youngest: a snapshot's upper end is not beyond it
		t.Errorf("an open transaction is not told: done %v, horizon %d of %d, %v", done, horizon, next, err)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	if done, _, _, err := event.ReadOut(t.Context(), pool, below, cursor); done || err != nil {
		t.Errorf("what the late transaction wrote counts as read: %v", err)
	}
}
