package event_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
)

const payoutsGroup = "sluice.payouts"

// lot is a parking with its database.
type lot struct {
	*testing.T
	pool    *bun.DB
	parking *event.Parking
}

func newLot(t *testing.T) *lot {
	pool := dbtest.New(t)
	return &lot{T: t, pool: pool, parking: event.NewParking(pool, clock.NewFixed(noon))}
}

func parkedEvent(key, id string) event.Parked {
	return event.Parked{Consumer: payoutsGroup, Key: key, EventID: id, Type: "x", Headers: map[string]string{"ce_id": id}, Value: []byte("{}"), Reason: "bad"}
}

func (l *lot) park(key, id string) {
	l.Helper()
	err := db.InTx(l.Context(), l.pool, func(ctx context.Context, tx bun.Tx) error { return l.parking.Park(ctx, tx, parkedEvent(key, id)) })
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lot) behind(key, id string) (held bool) {
	l.Helper()
	err := db.InTx(l.Context(), l.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		held, err = l.parking.ParkBehind(ctx, tx, parkedEvent(key, id))
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	return held
}

func (l *lot) request(key string) []event.Parked {
	l.Helper()
	marked, err := l.parking.RequestRetry(l.Context(), payoutsGroup, key, "ada@desk")
	if err != nil {
		l.Fatal(err)
	}
	return marked
}

// drive retries until there is nothing to do and returns what was tried.
func (l *lot) drive(handle func(e event.Parked) error) (tried []string, failed error) {
	l.Helper()
	for {
		ok, e, err := l.parking.Retry(l.Context(), payoutsGroup, "host:1", func(_ context.Context, _ bun.Tx, e event.Parked) error { return handle(e) })
		if !ok {
			return tried, failed
		}
		tried, failed = append(tried, e.EventID), errors.Join(failed, err)
	}
}

func TestAHeldKeyIsFreedOnlyWhenItsLastEventWentThrough(t *testing.T) {
	l := newLot(t)
	if l.behind("acct_1", "evt_1") {
		t.Fatal("a free key was held")
	}
	l.park("acct_1", "evt_1")
	l.park("acct_1", "evt_1") // the second time changes nothing
	if !l.behind("acct_1", "evt_2") {
		t.Fatal("the key is not held")
	}
	if keys, err := l.parking.HeldKeys(t.Context(), payoutsGroup); err != nil || !cmp.Equal(keys, []string{"acct_1"}) {
		t.Errorf("held keys %v, %v", keys, err)
	}
	if tried, _ := l.drive(func(event.Parked) error { return nil }); len(tried) > 0 {
		t.Errorf("tried without being asked: %v", tried)
	}
	l.request("acct_1")
	tried, failed := l.drive(func(e event.Parked) error {
		if e.EventID == "evt_2" { // one more arrives before the last is handled
			l.park("acct_1", "evt_3")
		}
		if e.Headers["ce_id"] != e.EventID || string(e.Value) != "{}" {
			t.Errorf("parked %+v", e)
		}
		return nil
	})
	if failed != nil || !cmp.Equal(tried, []string{"evt_1", "evt_2", "evt_3"}) {
		t.Errorf("tried %v, %v", tried, failed)
	}
	if l.behind("acct_1", "evt_4") {
		t.Error("the key is held by nothing")
	}
}

func TestAFailedRetrySaysWhyAndWaitsToBeAskedAgain(t *testing.T) {
	l := newLot(t)
	l.park("acct_1", "evt_1")
	l.behind("acct_1", "evt_2")
	l.park("acct_2", "evt_3")
	if marked := l.request(""); len(marked) != 2 {
		t.Fatalf("marked %v", marked)
	}
	tried, failed := l.drive(func(e event.Parked) error {
		if e.Key == "acct_1" {
			return errors.New("still bad\x00 " + strings.Repeat("…", 1000))
		}
		return nil
	})
	if failed == nil || !cmp.Equal(tried, []string{"evt_1", "evt_3"}) {
		t.Errorf("tried %v, %v", tried, failed)
	}
	lines, err := l.parking.Lines(t.Context(), "", 10)
	if err != nil || len(lines) != 1 {
		t.Fatalf("lines %+v, %v", lines, err)
	}
	line, found, err := l.parking.FindLine(t.Context(), payoutsGroup, "acct_1")
	if err != nil || !found || line.Behind != 1 || !cmp.Equal(line, lines[0]) {
		t.Errorf("the line is %+v, %t, %v, the list says %+v", line, found, err, lines[0])
	}
	if line.Attempts != 1 || !strings.HasPrefix(line.LastError, "still bad …") || len([]rune(line.LastError)) > 501 || line.Reason != "bad" {
		t.Errorf("after a failed retry: %d attempts, %q", line.Attempts, line.LastError)
	}
	if _, found, err := l.parking.FindLine(t.Context(), payoutsGroup, "acct_2"); found || err != nil {
		t.Errorf("the other line is still there: %v", err)
	}
	var log []string
	if err := l.pool.NewRaw(`SELECT concat_ws(' ', action, key, event_id, by_whom) FROM platform.parking_log ORDER BY id`).Scan(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"retry_requested acct_1 evt_1 ada@desk", "retry_requested acct_2 evt_3 ada@desk",
		"retry_failed acct_1 evt_1 host:1", "freed acct_2 evt_3 host:1",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("the log: %s", diff)
	}
	if _, err := l.pool.ExecContext(t.Context(), `DELETE FROM platform.parking_log`); db.Constraint(err) != "parking_log_immutable" {
		t.Errorf("the log can be edited: %v", err)
	}
}

func TestARetryThatTheDatabaseStopsIsTriedAgainWithoutBeingAsked(t *testing.T) {
	l := newLot(t)
	l.park("acct_1", "evt_1")
	l.request("acct_1")
	away := &fault.Error{Kind: fault.Unavailable, Message: "away"}
	ok, _, err := l.parking.Retry(t.Context(), payoutsGroup, "host:1", func(context.Context, bun.Tx, event.Parked) error { return away })
	if !ok || !fault.Is(err, fault.Unavailable) {
		t.Fatalf("%t, %v", ok, err)
	}
	if tried, failed := l.drive(func(event.Parked) error { return nil }); failed != nil || len(tried) != 1 {
		t.Errorf("tried %v, %v", tried, failed)
	}
}

func TestTwoProcessesDriveALineOnceAndInOrder(t *testing.T) {
	l := newLot(t)
	const lines, events = 4, 10
	for key := range lines {
		for n := range events {
			l.park("acct_"+string(rune('a'+key)), "evt_"+string(rune('a'+key))+string(rune('0'+n)))
		}
	}
	if _, err := l.pool.ExecContext(t.Context(), `CREATE TABLE effects (n bigint GENERATED ALWAYS AS IDENTITY, key text, event text PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	l.request("")
	var processes sync.WaitGroup
	for range 4 {
		processes.Go(func() {
			for ok := true; ok; {
				var err error
				ok, _, err = l.parking.Retry(t.Context(), payoutsGroup, "host:1", func(ctx context.Context, tx bun.Tx, e event.Parked) error {
					_, err := tx.ExecContext(ctx, `INSERT INTO effects (key, event) VALUES (?, ?)`, e.Key, e.EventID)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	processes.Wait()
	// The last of them saw nothing that was not locked; what others held is finished.
	var disordered, all int
	err := l.pool.NewRaw(`
SELECT count(*), count(*) FILTER (WHERE event < before)
FROM (SELECT event, lag(event) OVER (PARTITION BY key ORDER BY n) AS before FROM effects) e`).Scan(t.Context(), &all, &disordered)
	if err != nil || all != lines*events || disordered > 0 {
		t.Errorf("%d effects, %d out of order, %v", all, disordered, err)
	}
}
