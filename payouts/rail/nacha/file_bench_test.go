package nacha_test

import (
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
)

func BenchmarkWrite100000(b *testing.B) {
	f, c := format(b, nacha.Config{}), to("May Wong", "individual", "")
	big := batch()
	big.Count, big.Total = 100_000, 100_000*7000
	big.Instructions = func(yield func(rail.Instruction, error) bool) {
		for range 100_000 {
			if !yield(pays(7000, c), nil) {
				return
			}
		}
	}
	var peak atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	for b.Loop() {
		if err := f.Write(io.Discard, big); err != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	<-done
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MB")
}
