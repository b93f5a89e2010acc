package throttle_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

var door = throttle.Policy{Name: "door", Free: 3, Base: time.Second, Max: 8 * time.Second, Forget: time.Hour}

func newThrottle(t testing.TB, pool *bun.DB) (*throttle.Throttle, *clock.Fixed) {
	t.Helper()
	pepper, err := secret.NewPepper(bytes.Repeat([]byte{7}, 32), "throttle")
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	return throttle.New(pool, pepper, clk), clk
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wait(t testing.TB, th *throttle.Throttle, p throttle.Policy, subject string) time.Duration {
	t.Helper()
	d, err := th.Wait(t.Context(), p, subject)
	must(t, err)
	return d
}

func TestWaitDoublesAfterTheFreeFailuresUpToTheLimit(t *testing.T) {
	th, clk := newThrottle(t, dbtest.New(t))
	for n, want := range []time.Duration{0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
		must(t, th.Take(t.Context(), door, "ada"))
		if got := wait(t, th, door, "ada"); got != want {
			t.Fatalf("after %d failures: wait %s, want %s", n+1, got, want)
		}
		if want > 0 {
			err := th.Take(t.Context(), door, "ada")
			if left, refused := throttle.WaitOf(err); !refused || left != want || !fault.Is(err, fault.RateLimited) {
				t.Fatalf("after %d failures the door is open: %v", n+1, err)
			}
			clk.Advance(want - time.Microsecond)
			if _, refused := throttle.WaitOf(th.Take(t.Context(), door, "ada")); !refused {
				t.Fatal("the door opens too early")
			}
			clk.Advance(time.Microsecond)
		}
	}
	if wait(t, th, door, "bea") != 0 || wait(t, th, throttle.Policy{Name: "other", Free: 1}, "ada") != 0 {
		t.Fatal("subjects or policies are mixed up")
	}
}

func TestAHouseholdCountsAsOne(t *testing.T) {
	for _, c := range [][2]string{
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "::ffff:192.0.2.7"},
		{"2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::9%eth0", "2001:db8:1:2::/64"},
		{"", ""},
		{"pipe", "pipe"},
	} {
		if got := throttle.Network(c[0]); got != c[1] {
			t.Errorf("%q counts as %q, want %q", c[0], got, c[1])
		}
	}
}

func TestParallelAttemptsGetThroughOneByOne(t *testing.T) {
	th, clk := newThrottle(t, dbtest.New(t))
	for round := range 4 {
		var passed atomic.Int64
		var work sync.WaitGroup
		for range 100 {
			work.Go(func() {
				switch err := th.Take(t.Context(), door, "ada"); {
				case err == nil:
					passed.Add(1)
				case !fault.Is(err, fault.RateLimited):
					t.Error(err)
				}
			})
		}
		work.Wait()
		want := int64(1)
		if round == 0 {
			want = int64(door.Free)
		}
		if passed.Load() != want {
			t.Fatalf("round %d: %d of 100 attempts passed, want %d", round, passed.Load(), want)
		}
		clk.Advance(door.Max)
	}
}

func TestForgivenAndForgottenSubjectsStartAnew(t *testing.T) {
	th, clk := newThrottle(t, dbtest.New(t))
	for range 3 {
		must(t, th.Fail(t.Context(), door, "ada"))
		must(t, th.Fail(t.Context(), door, "bea"))
	}
	must(t, th.Fail(t.Context(), door, "ada")) // Fail counts while the door is shut
	if got := wait(t, th, door, "ada"); got != 2*time.Second {
		t.Fatalf("wait %s after four failures", got)
	}
	must(t, th.Forgive(t.Context(), door, "ada"))
	if wait(t, th, door, "ada") != 0 || wait(t, th, door, "bea") == 0 {
		t.Fatal("forgiving one is not forgiving the other")
	}
	clk.Advance(door.Forget)
	if wait(t, th, door, "bea") != 0 {
		t.Fatal("bea is not forgotten")
	}
	must(t, th.Take(t.Context(), door, "bea"))
	if wait(t, th, door, "bea") != 0 {
		t.Fatal("bea's old failures count again")
	}
	must(t, th.Fail(t.Context(), door, "cleo"))
	clk.Advance(door.Forget)
	if n, err := th.Sweep(t.Context(), 10); err != nil || n != 2 {
		t.Fatalf("swept %d, %v", n, err)
	}
}

func TestReturnTakesBackOneFailureOnly(t *testing.T) {
	th, clk := newThrottle(t, dbtest.New(t))
	for range 3 {
		must(t, th.Take(t.Context(), door, "net"))
	}
	clk.Advance(time.Second)
	must(t, th.Take(t.Context(), door, "net")) // the one that turns out well
	must(t, th.Return(t.Context(), door, "net"))
	must(t, th.Take(t.Context(), door, "net"))
	if got := wait(t, th, door, "net"); got != 2*time.Second {
		t.Fatalf("wait %s: the failures of others are gone or counted twice", got)
	}
}

func TestTheTableTellsNobody(t *testing.T) {
	pool := dbtest.New(t)
	th, _ := newThrottle(t, pool)
	must(t, th.Fail(t.Context(), door, "ada@example.com"))
	var row string
	must(t, pool.NewRaw("SELECT string_agg(t::text, ' ') FROM oauth.throttles AS t").Scan(t.Context(), &row))
	if row == "" || strings.Contains(row, "ada") {
		t.Fatalf("row %q", row)
	}
}

// A model that counts in Go says the same as the SQL.
func TestThrottleFollowsItsModel(t *testing.T) {
	pool := dbtest.New(t)
	th, clk := newThrottle(t, pool)
	subjects := 0
	rapid.Check(t, func(rt *rapid.T) {
		subjects++
		subject := strings.Repeat("x", subjects)
		p := throttle.Policy{
			Name: "model", Free: rapid.IntRange(1, 4).Draw(rt, "free"), Base: time.Duration(rapid.IntRange(1, 5).Draw(rt, "base")) * time.Second,
			Max: time.Minute, Forget: 10 * time.Minute,
		}
		failures, openAt, forgetAt := 0, clk.Now(), clk.Now()
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 130), 1, 20).Draw(rt, "steps") {
			now := clk.Now()
			if !now.Before(forgetAt) {
				failures, openAt = 0, now
			}
			err := th.Take(t.Context(), p, subject)
			if shut := openAt.After(now); shut != fault.Is(err, fault.RateLimited) {
				rt.Fatalf("after %d failures: shut %v, got %v", failures, shut, err)
			}
			if err == nil {
				failures++
				openAt, forgetAt = now, now.Add(p.Forget)
				if failures >= p.Free {
					openAt = now.Add(min(p.Max, p.Base<<min(20, failures-p.Free)))
				}
			}
			clk.Advance(time.Duration(step) * time.Second * time.Duration(1+step/125*9))
		}
	})
}
