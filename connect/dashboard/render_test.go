package dashboard_test

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkListPage renders a list in the frame, without the database behind the API:
// what the frame itself costs. p95 is told in the log; the promise is 50 ms with all.
func BenchmarkListPage(b *testing.B) {
	h := payments(b, &ledgerOf{n: 1000})
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if w := get(h, paymentsPath+"?columns=amount,status,description,created"); w.Code != 200 {
			b.Fatal(w.Code)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.Logf("p95 %v of %d pages", took[len(took)*95/100], len(took))
}
