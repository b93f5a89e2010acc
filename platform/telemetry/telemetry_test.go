package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRedactBlanksWhatMustNotLeave(t *testing.T) {
	cases := []struct{ in, want string }{
		{"key sk_test_0R3kXabcdefgh123", "key sk_test_[redacted]"},
		{"rk_live_abcdefgh12345678 and whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", "rk_live_[redacted] and whsec_[redacted]"},
		{"sk_abcdefgh12345", "sk_[redacted]"},
		{"card 4242424242424242.", "card [card redacted]."},
		{"4242 4242 4242 4242", "[card redacted]"},
		{"3782-822463-10005", "[card redacted]"},
		{"amount 600 4242 4242 4242 4242 12 29", "amount 600 [card redacted] 12 29"},
		{"postgres://sluice:hunter2@db:5432/x", "postgres://sluice:[redacted]@db:5432/x"},

		{"5555 5555 5555 4444 and 6011111111111117", "[card redacted] and [card redacted]"},

		{"pk_test_0R3kXabcdefgh123", "pk_test_0R3kXabcdefgh123"},
		{"4242424242424241", "4242424242424241"},
		{"ch_0R3kX4242424242424", "ch_0R3kX4242424242424"},
		{"2026-11-22 12:00:00", "2026-11-22 12:00:00"},
		{"task_force", "task_force"},
		{"http://127.0.0.1:7070/v1/charges", "http://127.0.0.1:7070/v1/charges"},
	}
	for _, c := range cases {
		if got := Redact(c.in); got != c.want {
			t.Errorf("Redact(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestLoggerRedactsWhereverASecretHides(t *testing.T) {
	const secret, pan = "sk_live_0R3kXabcdefgh123", "4242424242424242"
	type card struct{ Number string }
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := NewLogger(&out, LogConfig{Level: "debug", Format: format})
		if err != nil {
			t.Fatal(err)
		}
		log.With("key", secret).Debug("got "+secret,
			"err", fmt.Errorf("call: %w", errors.New("bad "+secret)),
			"number", int64(4242424242424242),
			"body", []byte(pan),
			"card", card{pan},
			"deep", map[string]*card{"a": {pan}},
			slog.Group("request", "keys", []string{secret}, "card", &card{pan}))
		for _, leak := range []string{secret, "0R3kX", pan} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%s log shows %q: %s", format, leak, out.String())
			}
		}
		if !strings.Contains(out.String(), "sk_live_[redacted]") {
			t.Errorf("%s log does not say what was redacted: %s", format, out.String())
		}
	}
}

func TestLoggerFollowsItsLevelAndRefusesUnknownOnes(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, LogConfig{Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("unseen")
	log.Warn("seen", "charge", "ch_1")
	if got := out.String(); strings.Contains(got, "unseen") || !strings.HasPrefix(got, `{"time"`) || !strings.Contains(got, `"charge":"ch_1"`) {
		t.Errorf("log = %s", got)
	}
	for _, cfg := range []LogConfig{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLogger(&out, cfg); err == nil {
			t.Errorf("NewLogger(%+v) was accepted", cfg)
		}
	}
}

func TestRequestsAreCountedByRouteTemplate(t *testing.T) {
	m := NewMetrics()
	m.Served("GET", "/v1/charges/{id}", 200, 3*time.Millisecond)
	m.Served("BREW", "", 404, time.Millisecond)
	m.Counter("ledger", "entries", "Entries posted.", "kind").WithLabelValues("charge_succeeded").Inc()

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`sluice_platform_request_seconds_count{method="GET",route="/v1/charges/{id}",status="200"} 1`,
		`sluice_platform_request_seconds_count{method="other",route="unmatched",status="404"} 1`,
		`sluice_ledger_entries_total{kind="charge_succeeded"} 1`,
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestBadMetricNameNeverStarts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Name accepted a bad part")
		}
	}()
	Name("ledger", "Entries posted", "total")
}
