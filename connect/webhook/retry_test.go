package webhook

import (
	"testing"
	"time"
)

func TestScheduleLastsThreeDaysEvenWithTheShortestJitter(t *testing.T) {
	var total time.Duration
	attempts := 1
	for n := 1; ; n++ {
		wait, more := retryIn(schedule, n, 0, 0)
		if !more {
			break
		}
		total += wait
		attempts++
	}
	if total < 72*time.Hour || attempts < 10 {
		t.Fatalf("%d attempts over %s", attempts, total)
	}
}

func TestJitterIsTwentyPercentToBothSides(t *testing.T) {
	for n, base := range schedule {
		low, _ := retryIn(schedule, n+1, 0, 0)
		high, _ := retryIn(schedule, n+1, 0, jitterRange-1)
		if low != base*4/5 || high > base*6/5 || high < base*119/100 {
			t.Errorf("attempt %d: %s to %s around %s", n+1, low, high, base)
		}
	}
}

func TestRetryAfterLengthensTheWaitUpToADay(t *testing.T) {
	for _, c := range []struct{ asked, want time.Duration }{
		{0, 4 * time.Second},
		{time.Second, 4 * time.Second},
		{time.Hour, time.Hour},
		{72 * time.Hour, 24 * time.Hour},
	} {
		if got, _ := retryIn(schedule, 1, c.asked, 0); got != c.want {
			t.Errorf("asked for %s: wait %s", c.asked, got)
		}
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999999999": 0,
		"Sun, 22 Nov 2026 12:01:00 GMT": time.Minute,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(text, at); got != want {
			t.Errorf("Retry-After %q = %s, want %s", text, got, want)
		}
	}
}

func TestPatternsMatchTypesAndFamilies(t *testing.T) {
	for _, c := range []struct {
		pattern, eventType string
		want               bool
	}{
		{"*", "charge.succeeded", true},
		{"charge.succeeded", "charge.succeeded", true},
		{"charge.succeeded", "charge.succeeded2", false},
		{"charge.*", "charge.refunded", true},
		{"charge.*", "charge.dispute.created", true},
		{"charge.*", "charges.refunded", false},
		{"charge", "charge.refunded", false},
	} {
		if got := (Endpoint{EnabledEvents: []string{"payout.paid", c.pattern}}).Wants(c.eventType); got != c.want {
			t.Errorf("%s wants %s = %v", c.pattern, c.eventType, got)
		}
	}
	for _, bad := range []string{"", ".", "charge.", "Charge.x", "charge*", "*.created", "charge.**", "a b"} {
		if checkPatterns([]string{bad}) == nil {
			t.Errorf("pattern %q accepted", bad)
		}
	}
}
