package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// BenchmarkEffects is how fast a backlog of six partitions is worked off by an
// effect of one statement: Kafka, inbox, effect and offset together.
func BenchmarkEffects(b *testing.B) {
	pool := dbtest.New(b)
	if _, err := pool.ExecContext(b.Context(), `CREATE TABLE effects (event text)`); err != nil {
		b.Fatal(err)
	}
	way := bustest.Open(b, bustest.Brokers(b), pool)
	topic, group := bustest.Topic(b, way, 6), bustest.Name("group")
	messages := make([]bus.Message, b.N)
	for n := range messages {
		messages[n] = message(fmt.Sprintf("acct_%d", n%500), n)
		messages[n].Value = fmt.Appendf(nil, "%01000d", n)
	}
	if unacked, err := way.Publish(b.Context(), topic, messages); err != nil || len(unacked) > 0 {
		b.Fatal(err)
	}
	done, batches := make(chan int, 1000), 0
	b.ResetTimer()
	bustest.Subscribe(b, way, bus.Subscription{Group: group, Topic: topic, Effect: func(ctx context.Context, tx bun.Tx, batch []bus.Message) (func(), error) {
		ids := make([]string, len(batch))
		for i, m := range batch {
			ids[i] = m.EventID
		}
		_, err := tx.NewRaw(`INSERT INTO effects SELECT unnest(?::text[])`, pgdialect.Array(ids)).Exec(ctx)
		return func() { done <- len(batch) }, err
	}})
	for handled := 0; handled < b.N; {
		n := <-done
		handled, batches = handled+n, batches+1
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/float64(batches), "events/batch")
}
