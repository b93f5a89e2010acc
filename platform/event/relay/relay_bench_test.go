package relay_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/relay"
)

// BenchmarkRelay is how fast a filled log gets to the embedded broker: 20,000
// events of 500 accounts, about a charge's size each, by one relay.
func BenchmarkRelay(b *testing.B) {
	const events, accounts = 20_000, 500
	for b.Loop() {
		b.StopTimer()
		pool := dbtest.New(b)
		kafka := bustest.Open(b, bustest.Brokers(b), nil)
		topic := bustest.Topic(b, kafka, 6)
		object := json.RawMessage(fmt.Sprintf(`{"id":"ch_1","note":%q}`, strings.Repeat("lesson ", 150)))
		for n := 0; n < events; {
			var batch []event.Event
			for range 500 {
				e := change(fmt.Sprintf("ch_%d", n), 1)
				e.Account, e.Object = fmt.Sprintf("acct_%d", n%accounts), object
				batch = append(batch, e)
				n++
			}
			commit(b, pool, batch...)
		}
		head, err := event.Head(b.Context(), pool)
		if err != nil {
			b.Fatal(err)
		}
		r := relay.New(pool, kafka, relay.Config{Topic: topic})
		begun := time.Now()
		b.StartTimer()
		stop := start(b, r)
		if err := relay.WaitPublished(b.Context(), pool, head); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(events/time.Since(begun).Seconds(), "events/s")
		b.StopTimer()
		stop()
		b.StartTimer()
	}
}
