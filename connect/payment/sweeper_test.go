package payment_test

import (
	"testing"
	"time"
)

// However many captures and refunds cannot be decided, those behind them are asked about too.
func TestUndecidedOperationsDoNotHideLaterOnes(t *testing.T) {
	w := open(t)
	const many = 501
	paid := w.want(200, "/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa").field("id")
	asked := w.want(200, "/v1/refunds", "charge="+paid, "amount=1").field("id")
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := w.pool.NewRaw(query, args...).Exec(w.Context())
		w.must(err)
	}
	// A crowd in a mode whose processor is not there.
	exec(`INSERT INTO connect.charges SELECT (jsonb_populate_record(c, jsonb_build_object('id', 'ch_crowd' || n, 'livemode', true))).*
		FROM connect.charges c, generate_series(1, ?) n WHERE c.id = ?`, many, paid)
	exec(`INSERT INTO connect.captures (id, charge, amount, kind, status, reason, asked_on_charge, terms, created_at)
		SELECT 'capt_crowd' || n, 'ch_crowd' || n, 1000, 'capture', 'pending', '', true, '{}', ? FROM generate_series(1, ?) n`, time.Now().Add(-time.Hour), many)
	exec(`INSERT INTO connect.refunds SELECT (jsonb_populate_record(r, jsonb_build_object('id', 're_crowd' || n, 'charge', 'ch_crowd' || n,
			'livemode', true, 'booked', false, 'status', 'pending', 'begun_at', ?::timestamptz))).*
		FROM connect.refunds r, generate_series(1, ?) n WHERE r.id = ?`, time.Now().Add(-time.Hour), many, asked)

	held := w.want(200, "/v1/charges", "amount=2000", "currency=hkd", "source=tok_visa", "capture=false").field("id")
	w.life.at(func(step string) {
		if step == "capture_begun" || step == "refund_begun" {
			panic("the process dies at " + step)
		}
	})
	w.call("/v1/charges/"+held+"/capture", "Idempotency-Key: c")
	w.call("/v1/refunds", "charge="+paid, "Idempotency-Key: r")
	w.life.at(nil)
	for range 2 {
		if _, err := w.life.sweeper.Sweep(w.Context(), 0); err == nil {
			t.Fatal("the crowd was decided")
		}
	}
	if got := w.value("SELECT captured FROM connect.charges WHERE id = ?", held); got != "true" {
		t.Errorf("the capture behind %d others was not made", many)
	}
	if got := w.value("SELECT amount_refunded FROM connect.charges WHERE id = ?", paid); got != "1000" {
		t.Errorf("the refund behind %d others was not made: %s", many, got)
	}
}
