package run_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/run"
)

func TestFirstErrorStopsTheGroupAndNamesItsSource(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	bad := errors.New("bad")
	g := run.NewGroup(t.Context())
	g.Go("patient", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	g.Go("broken", func(context.Context) error { return bad })
	if err := g.Wait(); !errors.Is(err, bad) || err.Error() != "broken: bad" {
		t.Errorf("got %v", err)
	}
}

func TestStoppedGroupHasNoError(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	for name, stop := range map[string]func(*run.Group){
		"by itself":       func(g *run.Group) { g.Stop() },
		"from outside":    func(*run.Group) { cancel() },
		"never, but done": func(*run.Group) {},
	} {
		g := run.NewGroup(ctx)
		if name != "never, but done" {
			g.Go("patient", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}
		g.Go("quick", func(context.Context) error { return nil })
		stop(g)
		if err := g.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneProcessAtATimeDoesAJob(t *testing.T) {
	pool := dbtest.New(t)
	g := run.NewGroup(t.Context())
	var inside, runs atomic.Int32
	enough := make(chan struct{})
	do := func(context.Context) error {
		if inside.Add(1) > 1 {
			t.Error("two at once")
		}
		defer inside.Add(-1)
		if runs.Add(1) == 30 {
			close(enough)
		}
		return nil
	}
	for range 3 { // each worker stands for a process
		w := run.Every(pool, run.Job{Name: "shared", Interval: time.Millisecond, Do: do})
		g.Go("worker", w.Run)
		g.Go("poker", func(ctx context.Context) error {
			for ctx.Err() == nil {
				if err := w.RunNow(ctx); err != nil && ctx.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	<-enough
	g.Stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestIntervalHoldsForAllProcessesTogether(t *testing.T) {
	pool := dbtest.New(t)
	var runs atomic.Int32
	job := run.Job{Name: "daily", Interval: 24 * time.Hour, Do: func(context.Context) error { runs.Add(1); return nil }}
	if err := run.Every(pool, job).RunNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A worker that starts looks at once, and a poke comes after that look.
	late := run.Every(pool, job)
	g := run.NewGroup(t.Context())
	g.Go("late", late.Run)
	if err := late.RunNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Stop()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if runs.Load() != 2 {
		t.Errorf("%d runs, want the two that were asked for", runs.Load())
	}
}

func TestPokeRunsTheJobBeforeItsTime(t *testing.T) {
	pool := dbtest.New(t)
	ran := make(chan struct{})
	w := run.Every(pool, run.Job{Name: "poked", Interval: time.Hour, Do: func(context.Context) error { ran <- struct{}{}; return nil }})
	g := run.NewGroup(t.Context())
	g.Go("poked", w.Run)
	<-ran // due at the first start
	for range 3 {
		w.Poke()
		<-ran
	}
	g.Stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestFailureAndPanicOfAJobAreErrorsAndFreeTheLease(t *testing.T) {
	pool := dbtest.New(t)
	bad := errors.New("bad")
	w := run.Every(pool, run.Job{Name: "bad", Interval: time.Hour, Do: func(context.Context) error { return bad }})
	if err := w.RunNow(t.Context()); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	w = run.Every(pool, run.Job{Name: "bad", Interval: time.Hour, Do: func(context.Context) error { panic("worse") }})
	if err := w.RunNow(t.Context()); err == nil {
		t.Error("no error")
	}
	w = run.Every(pool, run.Job{Name: "bad", Interval: time.Hour, Do: func(context.Context) error { return nil }})
	if err := w.RunNow(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLeaseOfACrashedProcessRunsOut(t *testing.T) {
	pool := dbtest.New(t)
	if _, err := pool.Exec(`INSERT INTO platform.leases VALUES ('left', 'dead', clock_timestamp() + interval '300 ms', clock_timestamp())`); err != nil {
		t.Fatal(err)
	}
	ran := false
	w := run.Every(pool, run.Job{Name: "left", Interval: time.Hour, Do: func(context.Context) error { ran = true; return nil }})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.RunNow(short); err == nil || ran {
		t.Error("the lease of another was taken")
	}
	if err := w.RunNow(t.Context()); err != nil || !ran {
		t.Errorf("ran %v, error %v", ran, err)
	}
}

func TestLostLeaseStopsTheJob(t *testing.T) {
	pool := dbtest.New(t)
	w := run.Every(pool, run.Job{Name: "stolen", Interval: time.Hour, Do: func(ctx context.Context) error {
		if _, err := pool.Exec("UPDATE platform.leases SET holder = 'thief'"); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	if err := w.RunNow(t.Context()); err == nil || t.Context().Err() != nil {
		t.Errorf("got %v", err)
	}
	var holder string
	if err := pool.NewRaw("SELECT holder FROM platform.leases").Scan(t.Context(), &holder); err != nil || holder != "thief" {
		t.Errorf("holder %q, %v", holder, err)
	}
}

func TestWorldClockIsSharedKeptAndMonotone(t *testing.T) {
	pool := dbtest.New(t)
	var mine, other clock.World
	here, there := run.NewWorldClock(pool, &mine), run.NewWorldClock(pool, &other)
	if err := here.Load(t.Context()); err != nil || mine.Offset() != 0 {
		t.Fatalf("offset %v, %v", mine.Offset(), err)
	}
	var both sync.WaitGroup
	for _, c := range []*run.WorldClock{here, there} {
		both.Go(func() {
			if _, err := c.Advance(context.Background(), 24*time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	g := run.NewGroup(t.Context())
	g.Go("here", here.Run)
	g.Go("there", there.Run)
	for mine.Offset() != 48*time.Hour || other.Offset() != 48*time.Hour {
		if t.Context().Err() != nil {
			t.Fatal("the clocks do not meet")
		}
		runtime.Gosched()
	}
	g.Stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	for _, d := range []time.Duration{0, -time.Hour, 1 << 62} {
		if _, err := here.Advance(t.Context(), d); !fault.Is(err, fault.Invalid) {
			t.Errorf("advance by %v: %v", d, err)
		}
	}
	var restarted clock.World
	if err := run.NewWorldClock(pool, &restarted).Load(t.Context()); err != nil || restarted.Offset() != 48*time.Hour {
		t.Errorf("after a restart: %v, %v", restarted.Offset(), err)
	}
}
