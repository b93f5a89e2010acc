package id

import (
	"sort"
	"strings"
	"testing"
	"time"
)

func TestIdsOfOneProcessGrowInTextOrder(t *testing.T) {
	ids := make([]string, 100_000)
	seen := make(map[string]bool, len(ids))
	for i := range ids {
		ids[i] = New("ch")
		if seen[ids[i]] {
			t.Fatalf("%s came twice", ids[i])
		}
		seen[ids[i]] = true
	}
	if !sort.StringsAreSorted(ids) {
		t.Error("a later id sorts before an earlier one")
	}
}

func TestAnIdTellsItsPrefixAndItsTime(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	made := New("acct")
	if Prefix(made) != "acct" || !strings.HasPrefix(made, "acct_") || len(made) != len("acct_")+width {
		t.Errorf("%s", made)
	}
	// A busy process may run ahead of the clock by its counter, never behind it.
	if at, ok := Time(made); !ok || at.Before(before) || at.After(time.Now().Add(time.Minute)) {
		t.Errorf("%s says it was made at %v (%v), made at %v", made, at, ok, before)
	}
	for _, text := range []string{"", "ch", "ch_", "ch_short", "no underscore"} {
		if _, ok := Time(text); ok {
			t.Errorf("%q tells a time", text)
		}
	}
}
