package clock

import (
	"testing"
	"time"
)

func TestTheWorldOnlyMovesForward(t *testing.T) {
	var w World
	w.SetOffset(48 * time.Hour)
	w.SetOffset(time.Hour)
	if w.Offset() != 48*time.Hour {
		t.Errorf("offset %v after setting it back", w.Offset())
	}
	if ahead := time.Until(w.Now()); ahead < 47*time.Hour || ahead > 49*time.Hour {
		t.Errorf("the world is %v ahead", ahead)
	}
}

func TestLiveMoneyFollowsTheMachine(t *testing.T) {
	w := &World{}
	w.SetOffset(24 * time.Hour)
	m := Modes{Live: System{}, Test: w}
	if !m.For(true).Now().Before(m.For(false).Now()) {
		t.Error("the sandbox moved live time")
	}
}

func TestTimesAreWhatTheDatabaseKeeps(t *testing.T) {
	for name, c := range map[string]Clock{"system": System{}, "world": &World{}, "fixed": NewFixed(time.Unix(1, 123456789))} {
		now := c.Now()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("%s: %v is not UTC in whole microseconds", name, now)
		}
	}
}
