package webhook_test

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
)

func TestWhatWasSentIsKeptThirtyDaysAndWhatIsPendingUntilItIsNot(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.past(t, e.ID, 2500, webhook.Failed)
	for _, sql := range []string{
		`INSERT INTO connect.webhook_attempts (id, endpoint, delivery, number, at, duration_ms) SELECT 'wha_' || id, endpoint, id, 1, created_at, 1 FROM connect.webhook_deliveries`,
		`UPDATE connect.webhook_deliveries SET status = 'pending' WHERE id = 'whd_missed000100'`,
	} {
		if _, err := p.pool.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	sweep := func(at time.Time, want int) {
		t.Helper()
		if n, err := webhook.Sweep(t.Context(), p.pool, at.Add(webhook.Retention)); err != nil || n != want {
			t.Fatalf("%d swept, want %d: %v", n, want, err)
		}
	}
	sweep(noon, 0)
	sweep(noon.Add(2200*time.Second), 2199)
	sweep(noon.Add(2200*time.Second), 0)
	var left struct{ Deliveries, Attempts, Payloads int }
	if err := p.pool.NewRaw(`SELECT (SELECT count(*) FROM connect.webhook_deliveries) AS deliveries, (SELECT count(*) FROM connect.webhook_attempts) AS attempts,
		(SELECT count(*) FROM connect.webhook_payloads) AS payloads`).Scan(t.Context(), &left); err != nil {
		t.Fatal(err)
	}
	if left.Deliveries != 301 || left.Attempts != 301 || left.Payloads != 301 {
		t.Errorf("left %+v", left)
	}
	if p.sent(t) != 1 {
		t.Error("what was pending is gone")
	}
	sweep(noon.Add(2200*time.Second), 1)
}

func TestAPayloadStaysAsLongAsOneOfItsDeliveries(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	first, _ := p.endpoint(t, hub, all("https://example.com/1"))
	p.endpoint(t, hub, all("https://example.com/2"))
	p.happen(t, tutorHub, "charge.succeeded")
	if _, err := p.pool.ExecContext(t.Context(), `UPDATE connect.webhook_deliveries SET status = 'failed' WHERE endpoint = ?`, first.ID); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(webhook.Retention + time.Hour)
	payloads := func() (n int) {
		if err := p.pool.NewRaw(`SELECT count(*) FROM connect.webhook_payloads`).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n, err := webhook.Sweep(t.Context(), p.pool, later); err != nil || n != 1 || payloads() != 1 {
		t.Fatalf("%d swept, %d payloads left: %v", n, payloads(), err)
	}
	p.sent(t)
	if n, err := webhook.Sweep(t.Context(), p.pool, later); err != nil || n != 1 || payloads() != 0 {
		t.Fatalf("%d swept, %d payloads left: %v", n, payloads(), err)
	}
}
