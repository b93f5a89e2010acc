package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicepay/sluice/platform/id"
)

// BenchmarkCharge takes destination charges through the whole API in process,
// 64 at a time. `sluice bench charges` does it over the network.
func BenchmarkCharge(b *testing.B) {
	h := newHouse(b)
	tutor := h.call("POST", "/v1/accounts", url.Values{"type": {"custom"}, "country": {"HK"}, "capabilities[transfers][requested]": {"true"}})["id"].(string)
	form := url.Values{
		"amount": {"60000"}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"}, "confirm": {"true"},
		"application_fee_amount": {"9000"}, "transfer_data[destination]": {tutor},
	}.Encode()
	var failed atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest(http.MethodPost, "/v1/payment_intents", strings.NewReader(form))
			r.Header.Set("Authorization", "Bearer "+h.key)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Idempotency-Key", id.New("bench"))
			w := httptest.NewRecorder()
			h.app.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				failed.Add(1)
			}
		}
	})
	if failed.Load() > 0 {
		b.Errorf("%d payments failed", failed.Load())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "charges/s")
}
