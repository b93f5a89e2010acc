package ratelimit

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestAKeyMayBurstForTwoSecondsAndThenKeepsToItsRate(t *testing.T) {
	r := NewRates(10)
	taken := func(key string, at time.Time, asked int) (n int) {
		for range asked {
			if r.Allow(key, at) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		key   string
		after time.Duration
		want  int
	}{
		{"a", 0, 20}, // two seconds' worth
		{"a", 0, 0},
		{"b", 0, 20}, // another key has a bucket of its own
		{"a", 100 * time.Millisecond, 1},
		{"a", time.Second, 9},
		{"a", time.Hour, 20}, // never more than full
	} {
		if got := taken(step.key, noon.Add(step.after), 50); got != step.want {
			t.Errorf("%s after %s: %d requests allowed, want %d", step.key, step.after, got, step.want)
		}
	}
}

func TestOverAnyTimeAKeyGetsNoMoreThanItsRateAndOneBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 2000).Draw(t, "rate")
		r, at, allowed := NewRates(rate), noon, 0
		for _, pause := range rapid.SliceOfN(rapid.IntRange(0, 50), 1, 400).Draw(t, "pauses in ms") {
			at = at.Add(time.Duration(pause) * time.Millisecond)
			if r.Allow("a", at) {
				allowed++
			}
		}
		most := 2*rate + int(at.Sub(noon).Milliseconds())*rate/1000 + 1
		if allowed > most {
			t.Fatalf("%d requests in %s at %d a second, at most %d", allowed, at.Sub(noon), rate, most)
		}
	})
}

func TestRequestsOfAKeyAtATimeAreBounded(t *testing.T) {
	f := NewFlights(2)
	var entered []bool
	for _, key := range []string{"a", "a", "a", "b"} {
		entered = append(entered, f.Enter(key))
	}
	if want := []bool{true, true, false, true}; !slices.Equal(entered, want) {
		t.Errorf("two of each key at a time: %v", entered)
	}
	f.Leave("a")
	if !f.Enter("a") {
		t.Error("a place that is left is free")
	}
	for _, key := range []string{"a", "a", "b"} {
		f.Leave(key)
	}
	if len(f.now) != 0 {
		t.Errorf("keys without requests take memory: %v", f.now)
	}
}

func TestWhatMattersLessGivesWayFirst(t *testing.T) {
	for _, c := range []struct {
		inHand int
		worth  Worth
		live   bool
		served bool
	}{
		{39, Report, true, true}, {40, Report, true, false},
		{79, Ordinary, true, true}, {80, Ordinary, true, false},
		{99, Charge, true, true}, {100, Charge, true, false},
		{35, Report, false, true}, {36, Report, false, false}, // the sandbox keeps a tenth free
		{71, Ordinary, false, true}, {72, Ordinary, false, false},
		{89, Charge, false, true}, {90, Charge, false, false},
	} {
		s := NewShedder(100)
		s.inHand.Store(int64(c.inHand))
		entered := s.Enter(c.worth)
		served := entered && s.Keeps(c.worth, c.live)
		if entered {
			s.Leave()
		}
		if served != c.served {
			t.Errorf("worth %d, live %v, beside %d others: served %v", c.worth, c.live, c.inHand, served)
		}
		left := int64(c.inHand)
		if !served && s.Shed(c.worth) != 1 {
			t.Errorf("worth %d beside %d others: %d counted as refused", c.worth, c.inHand, s.Shed(c.worth))
		}
		if s.InHand() != left {
			t.Errorf("%d in hand afterwards, %d before", s.InHand(), left)
		}
	}
}

func TestAServerNeverHasMoreInHandThanItCan(t *testing.T) {
	s := NewShedder(10)
	var most, served int64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if !s.Enter(Charge) {
				return
			}
			mu.Lock()
			served++
			if n := s.InHand(); n > most && n <= 10 {
				most = n
			}
			mu.Unlock()
			s.Leave()
		})
	}
	all.Wait()
	if served == 0 || s.InHand() != 0 || served+s.Shed(Charge) != 200 {
		t.Errorf("%d served, %d refused, %d left in hand", served, s.Shed(Charge), s.InHand())
	}
}

func TestNoLimitAllowsEverything(t *testing.T) {
	rates, flights, shedder := NewRates(0), NewFlights(0), NewShedder(0)
	for range 10_000 {
		if !rates.Allow("a", noon) || !flights.Enter("a") || !shedder.Enter(Report) || !shedder.Keeps(Report, false) {
			t.Fatal("refused")
		}
	}
}
