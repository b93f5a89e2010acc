package webhook

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNoSecondHasMoreSlotsThanTheRateAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 1000).Draw(t, "rate")
		at, paced := time.Unix(1000, 0), time.Time{}
		var all []time.Time
		for range rapid.IntRange(1, 20).Draw(t, "leases") {
			got := slots(at, paced, rate, rapid.IntRange(0, 300).Draw(t, "places"))
			for _, s := range got {
				if s.Before(at) || s.After(at.Add(paceAhead)) {
					t.Fatalf("slot %s of a lease at %s", s, at)
				}
				paced = s
			}
			all = append(all, got...)
			at = at.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
		}
		every := time.Second / time.Duration(rate)
		for i := range all[:max(len(all)-1, 0)] {
			if gap := all[i+1].Sub(all[i]); gap < every {
				t.Fatalf("slots %d and %d are %s apart, at %d a second", i, i+1, gap, rate)
			}
		}
	})
}

func TestAnEndpointsOwnScheduleReplacesOurs(t *testing.T) {
	e := Endpoint{RetrySchedule: []time.Duration{10 * time.Second, time.Minute}}
	for n, want := range []time.Duration{8 * time.Second, 48 * time.Second} {
		if got, more := retryIn(e.waits(), n+1, 0, 0); got != want || !more {
			t.Errorf("after try %d: %s, %v", n+1, got, more)
		}
	}
	if _, more := retryIn(e.waits(), 3, 0, 0); more {
		t.Error("tried more often than the endpoint asked for")
	}
	if len(Endpoint{}.waits()) != len(schedule) {
		t.Error("an endpoint without a schedule has not ours")
	}
}

func TestHealthCountsFailuresSinceTheLastSuccessOfABatch(t *testing.T) {
	at := time.Unix(1000, 0)
	answered := func(endpoint string, second, status int) *settled {
		return &settled{Attempt: Attempt{Endpoint: endpoint, At: at.Add(time.Duration(second) * time.Second), Answer: Answer{Status: status}}}
	}
	got := healthOf([]*settled{
		answered("we_b", 0, 200), answered("we_a", 1, 500), answered("we_a", 2, 200), answered("we_a", 3, 503), answered("we_a", 4, 0), answered("we_b", 5, 204),
	})
	if len(got) != 1 || got[0].endpoint != "we_a" || got[0].failures != 2 ||
		!got[0].succeeded.Equal(at.Add(2*time.Second)) || !got[0].first.Equal(at.Add(3*time.Second)) || !got[0].last.Equal(at.Add(4*time.Second)) {
		t.Fatalf("changes %+v", got[0])
	}
}

func TestAnEndpointIsForgottenOnlyWhenNothingIsUnderWay(t *testing.T) {
	p := newPlaces(DispatcherConfig{}.withDefaults())
	p.start()
	start, refused := p.admit([]leased{{Endpoint: "we_1"}, {Endpoint: "we_1"}, {Endpoint: "we_1"}})
	if len(start) != 1 || len(refused) != 0 || p.held != 2 {
		t.Fatalf("an unknown endpoint has %d places, %d held", len(start), p.held)
	}
	next, dropped, _, _ := p.leave(start[0], good, time.Now())
	if len(next) != 2 || len(dropped) != 0 {
		t.Fatalf("after its first success %d more start", len(next))
	}
	for _, l := range next {
		p.receivers["we_1"].usedAt = time.Now().Add(-time.Hour)
		if p.tidy(); p.receivers["we_1"] == nil {
			t.Fatal("forgotten while a send is under way")
		}
		p.leave(l, good, time.Now())
	}
	p.receivers["we_1"].usedAt = time.Now().Add(-time.Hour)
	if p.tidy(); p.receivers["we_1"] != nil {
		t.Fatal("remembered for ever")
	}
	for range 3 {
		p.recorded()
	}
	if p.total != 0 || p.shaky != 0 || p.held != 0 || p.heldBytes != 0 {
		t.Fatalf("left over: %d, %d, %d, %d", p.total, p.shaky, p.held, p.heldBytes)
	}
}

func TestWhoFindsNoRoomIsNotLookedUpBeforeThereIsSome(t *testing.T) {
	p := newPlaces(DispatcherConfig{InFlight: 4}.withDefaults()) // two for those on probation
	p.start()
	start, _ := p.admit([]leased{{Endpoint: "we_1"}, {Endpoint: "we_2"}})
	p.expect([]string{"we_3"})
	if got := p.expected(probation, 10, time.Now()); len(start) != 2 || len(got) != 0 {
		t.Fatalf("%d started, and looked up %v", len(start), got)
	}
	p.leave(start[0], bad, time.Now())
	p.recorded()
	if got := p.expected(probation, 10, time.Now()); len(got) != 1 || got[0] != "we_3" {
		t.Fatalf("with room, looked up %v", got)
	}
}
