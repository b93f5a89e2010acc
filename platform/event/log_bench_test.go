package event_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// BenchmarkAppend is events per second in batches of 200, and what the guard of
// the versions costs of them.
func BenchmarkAppend(b *testing.B) {
	for _, guarded := range []bool{true, false, true, false} {
		b.Run(fmt.Sprintf("guarded=%v", guarded), func(b *testing.B) {
			pool := dbtest.New(b)
			if !guarded {
				month := time.Now().UTC().Format("events_2006_01")
				if _, err := pool.Exec(`ALTER TABLE platform.? DROP CONSTRAINT ?`, bun.Ident(month), bun.Ident(month+"_object_version_key")); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				batch := make([]event.Event, 200)
				for i := range batch {
					batch[i] = charge(id.New("ch"), 1, "charge.succeeded")
				}
				err := db.InTx(b.Context(), pool, func(ctx context.Context, tx bun.Tx) error { return event.Log{}.Append(ctx, tx, batch...) })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
