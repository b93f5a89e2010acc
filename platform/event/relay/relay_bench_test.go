package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/relay"
)

// BenchmarkRelay is how fast a filled log gets to the embedded broker: 20,000
// events, about a charge's size each, by one relay, of many accounts and of one,
// which is all in one lane.
func BenchmarkRelay(b *testing.B) {
	for _, accounts := range []int{500, 1} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) { benchmarkRelay(b, accounts) })
	}
}

func benchmarkRelay(b *testing.B, accounts int) {
	const events = 20_000
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

// told is a way to the broker that tells of every acknowledged event.
type told struct {
	*bus.Bus
	acked chan string
}

func (p told) Publish(ctx context.Context, topic string, messages []bus.Message) ([]bus.Message, error) {
	unacked, err := p.Bus.Publish(ctx, topic, messages)
	for _, m := range messages[:len(messages)-len(unacked)] {
		p.acked <- m.Subject
	}
	return unacked, err
}

// BenchmarkLatency is the time from a commit to the embedded broker's
// acknowledgement, of events that come alone and at any time.
func BenchmarkLatency(b *testing.B) {
	pool := dbtest.New(b)
	kafka := bustest.Open(b, bustest.Brokers(b), nil)
	to := told{kafka, make(chan string, 1)}
	start(b, relay.New(pool, to, relay.Config{Topic: bustest.Topic(b, kafka, 6)}))
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		<-time.After(rand.N(100 * time.Millisecond))
		commit(b, pool, change(fmt.Sprintf("ch_%d", n), 1))
		committed := time.Now()
		<-to.acked
		took = append(took, time.Since(committed))
	}
	slices.Sort(took)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
	}
}
