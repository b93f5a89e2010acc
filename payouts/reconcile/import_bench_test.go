package reconcile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/secret"
)

// nobody knows no payout: the lines of the benchmark are all open.
type nobody struct{}

func (nobody) Apply(_ context.Context, _ bool, _ string, reports []rail.Report, _ time.Time) (payouts.Applied, error) {
	return payouts.Applied{Payouts: make([]string, len(reports))}, nil
}

// How long it takes until a statement of 100,000 lines counts, is encrypted and indexed.
func BenchmarkImport(b *testing.B) {
	pool, now := dbtest.New(b), clock.NewFixed(noon)
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		b.Fatal(err)
	}
	books := reconcile.New(pool, reconcile.Config{Clocks: clock.Modes{Live: now, Test: now}, Keyring: ring, Pepper: secret.RandomPepper(), Payouts: nobody{}})
	const lines = 100_000
	for n := 0; b.Loop(); n++ {
		read, write := io.Pipe()
		go func() {
			fmt.Fprintf(write, ":20:T\n:25:%d\n:28C:1\n:60F:C261123HKD0,00\n", n)
			for i := range lines {
				fmt.Fprintf(write, ":61:2611241124D0,01NTRFNONREF//B%d\n:86:/EREF/X%d/REMI/LESSON\n", i, i)
			}
			fmt.Fprintf(write, ":62F:D261124HKD1000,00\n-\n")
			_ = write.Close()
		}()
		f, err := books.Import(b.Context(), reconcile.Source{Platform: "acct_hub"}, read)
		if err != nil || f.Lines != lines {
			b.Fatalf("%+v %v", f, err)
		}
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
}
