package iso20022_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicepay/sluice/payouts/rail/iso20022"
)

func BenchmarkWrite100000Credits(b *testing.B) {
	f, sealed := format(b, iso20022.Profiles()["hk-fps"]), batch("hk-fps", 100_000)
	var peak atomic.Uint64
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Write(&heapWatcher{peak: &peak}, sealed); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MiB")
}

// heapWatcher throws a file away and looks at the heap now and then.
type heapWatcher struct {
	peak  *atomic.Uint64
	calls int
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	if w.calls++; w.calls%50 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.peak.Store(max(w.peak.Load(), m.HeapAlloc))
	}
	return len(p), nil
}

func BenchmarkRead100000Statuses(b *testing.B) {
	file := status(`<GrpSts>PART</GrpSts>`, payments(strings.Repeat(item("00000000000000000000001", `<TxSts>RJCT</TxSts>`+because("AC04")), 100_000)))
	b.ReportAllocs()
	for b.Loop() {
		if reports, err := iso20022.ReadStatus(strings.NewReader(file)); err != nil || len(reports) != 100_000 {
			b.Fatal(len(reports), err)
		}
	}
}
