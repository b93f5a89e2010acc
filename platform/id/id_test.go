package id

import (
	"encoding/binary"
	"math/big"
	"sort"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
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

func TestFloorIsBelowTheIdsOfItsMomentAndAboveThoseBefore(t *testing.T) {
	before := New("evt")
	at, _ := Time(before)
	if floor := Floor("evt", at); floor > before || len(floor) != len(before) {
		t.Errorf("floor %s of %s is above it", floor, before)
	}
	if next := Floor("evt", at.Add(time.Millisecond)); next <= before {
		t.Errorf("%s, one millisecond later, is not above %s", next, before)
	}
	month := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	if got, ok := Time(Floor("evt", month)); !ok || !got.Equal(month) {
		t.Errorf("the floor of %v tells %v (%v)", month, got, ok)
	}
	if got := Floor("evt", time.Time{}); got != "evt_"+strings.Repeat("0", width) {
		t.Errorf("before all time: %s", got)
	}
}

// TestDigitsAreThoseOfOneBigNumber compares the arithmetic of words with math/big.
func TestDigitsAreThoseOfOneBigNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var raw [16]byte
		copy(raw[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "raw"))
		want := new(big.Int).SetBytes(raw[:]).Text(62) // 0-9a-zA-Z
		want = strings.Repeat("0", width-len(want)) + strings.Map(func(r rune) rune {
			if unicode.IsLower(r) {
				return unicode.ToUpper(r)
			}
			return unicode.ToLower(r)
		}, want)
		body := encode(raw)
		if body != want {
			t.Fatalf("%x is %s, want %s", raw, body, want)
		}
		at, ok := Time("ch_" + body)
		if ms := binary.BigEndian.Uint64(raw[:8]) >> 16; !ok || at.UnixMilli() != int64(ms) {
			t.Fatalf("%s: %v %v, want %d ms", body, at, ok, ms)
		}
		over := rapid.StringMatching(`[8-9A-Za-z][0-9A-Za-z]{21}`).Draw(t, "more than 128 bits")
		if _, ok := Time("ch_" + over); ok {
			t.Fatalf("%s passes as an id", over)
		}
	})
}
