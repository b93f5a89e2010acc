package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
)

// parkingLot is a database with parked events, to which the environment points.
func parkingLot(t *testing.T) (*bun.DB, *event.Parking) {
	t.Helper()
	url := dbtest.URL(t)
	t.Setenv("SLUICE_DATABASE_URL", url)
	t.Chdir(t.TempDir())
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: t.Name(), MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	parking := event.NewParking(pool, clock.System{})
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		for _, e := range []event.Parked{
			{Consumer: "sluice.payouts", Key: "acct_good", EventID: "evt_1", Reason: "the bank is closed"},
			{Consumer: "sluice.payouts", Key: "acct_good", EventID: "evt_2", Reason: "behind an earlier event"},
			{Consumer: "sluice.payouts", Key: "acct_bad", EventID: "evt_3", Reason: "no \x1b[31msuch bank"},
			{Consumer: "sluice.webhooks", Key: "acct_good", EventID: "evt_1", Reason: "too long"},
		} {
			e.Type, e.Headers, e.Value = "balance.available", map[string]string{}, []byte("{}")
			if err := parking.Park(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pool, parking
}

// consume is a process of the payouts group: acct_bad fails, the rest goes through.
func consume(t *testing.T, parking *event.Parking) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _, _ = parking.Retry(ctx, "sluice.payouts", "host:1", func(_ context.Context, _ bun.Tx, e event.Parked) error {
				if e.Key == "acct_bad" {
					return errors.New("still no such bank")
				}
				return nil
			})
		}
	}()
	return func() { cancel(); <-done }
}

func TestParkedEventsAreListedByKey(t *testing.T) {
	parkingLot(t)
	code, out, errout := run(t, "events", "park", "list")
	if code != 0 || strings.Count(out, "\n") != 4 || !strings.Contains(out, "no  [31msuch bank") {
		t.Errorf("exit %d:\n%s%s", code, out, errout)
	}
	code, out, errout = run(t, "events", "park", "list", "--group", "sluice.payouts", "-o", "json")
	var list struct {
		Data []struct {
			Group, Key, Event, Type, Reason string
			Behind                          int
		}
	}
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list.Data) != 2 {
		t.Fatalf("exit %d, %v:\n%s%s", code, err, out, errout)
	}
	if first := list.Data[0]; first.Key != "acct_good" || first.Event != "evt_1" || first.Behind != 1 || first.Reason != "the bank is closed" {
		t.Errorf("listed %+v", first)
	}
	if code, out, _ := run(t, "events", "park", "list", "--group", "nobody"); code != 0 || out != "Nothing is parked.\n" {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestARetryMarksTheKeyAndTellsWhatCameOfIt(t *testing.T) {
	pool, parking := parkingLot(t)
	retry := func(args ...string) (int, string) {
		t.Helper()
		code, out, errout := run(t, append([]string{"events", "park", "retry"}, args...)...)
		return code, out + errout
	}
	for _, wrong := range [][]string{{}, {"--group", "sluice.payouts"}, {"--group", "sluice.payouts", "--all", "--key", "acct_bad"}, {"--all"}} {
		if code, said := retry(wrong...); code != 2 {
			t.Errorf("%v: exit %d, %s", wrong, code, said)
		}
	}
	if code, said := retry("--group", "sluice.payouts", "--key", "acct_other"); code != 3 || !strings.Contains(said, "sluice.payouts has nothing parked for acct_other") {
		t.Errorf("exit %d, %s", code, said)
	}
	if code, said := retry("--group", "sluice.payouts", "--key", "acct_good"); code != 0 || said != "to be tried again: acct_good, beginning with evt_1 (balance.available)\n" {
		t.Errorf("exit %d, %s", code, said)
	}
	if code, said := retry("--group", "sluice.payouts", "--key", "acct_good", "--wait", "--timeout", "1ms"); code != 1 || !strings.Contains(said, "is a process of sluice.payouts running?") {
		t.Errorf("exit %d, %s", code, said)
	}
	stop := consume(t, parking)
	code, said := retry("--group", "sluice.payouts", "--all", "--wait")
	stop()
	if code != 1 || !strings.Contains(said, "still parked: acct_bad: evt_3 failed again: still no such bank") || !strings.Contains(said, "1 of 2 keys are still held") && !strings.Contains(said, "1 of 1 keys are still held") {
		t.Errorf("exit %d, %s", code, said)
	}
	if _, held, err := parking.FindLine(t.Context(), "sluice.payouts", "acct_good"); held || err != nil {
		t.Errorf("acct_good is still held: %v", err)
	}
	var asked []string
	if err := pool.NewRaw(`SELECT DISTINCT by_whom FROM platform.parking_log WHERE action = 'retry_requested'`).Scan(t.Context(), &asked); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || !strings.Contains(asked[0], "@") {
		t.Errorf("asked by %q", asked)
	}
}
