package webhook_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
)

// clocked is a receiver that notes when each event came first.
type clocked struct {
	*httptest.Server
	want    int64
	seen    atomic.Int64
	arrived sync.Map // event id to time
	done    chan struct{}
}

func newClocked(want int) *clocked {
	c := &clocked{want: int64(want), done: make(chan struct{})}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, again := c.arrived.LoadOrStore(r.Header.Get("webhook-id"), time.Now()); !again && c.seen.Add(1) == c.want {
			close(c.done)
		}
	}))
	return c
}

// report prints deliveries/s and the quantiles from the commit to the arrival.
func (c *clocked) report(b *testing.B, committed map[string]time.Time) {
	took := make([]time.Duration, 0, len(committed))
	for event, at := range committed {
		arrived, ok := c.arrived.Load(event)
		if !ok {
			b.Fatalf("%s never came", event)
		}
		took = append(took, arrived.(time.Time).Sub(at))
	}
	slices.Sort(took)
	for _, q := range []int{50, 95, 99} {
		b.ReportMetric(float64(took[len(took)*q/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", q))
	}
	b.ReportMetric(float64(len(committed))/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkDeliver is a burst: as fast as batches of 100 can be written, to 10 endpoints.
func BenchmarkDeliver(b *testing.B) {
	for _, endpoints := range []int{1, 10} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) { pour(b, endpoints, 0, false) })
	}
}

// BenchmarkDeliverAtPace is 500 events a second.
func BenchmarkDeliverAtPace(b *testing.B) { pour(b, 10, 500, false) }

// BenchmarkDeliverBesideDead is the same beside 1,000 endpoints that accept and never answer.
func BenchmarkDeliverBesideDead(b *testing.B) { pour(b, 10, 500, true) }

// pour takes b.N events of 10 accounts, each with its endpoints' share, and waits
// until all have arrived.
func pour(b *testing.B, endpoints, perSecond int, besideDead bool) {
	p := newPost(b, clock.System{}, webhook.DispatcherConfig{})
	server := newClocked(b.N)
	defer server.Close()
	for i := range endpoints {
		p.endpoint(b, hub.For(fmt.Sprintf("acct_%d", i)), all(server.URL))
	}
	var dead []webhook.Incoming
	if besideDead {
		dead = p.crowd(b, "http://"+newSilent(b).Addr().String())
	}
	p.run(b)
	p.take(b, dead...)
	object := bytes.Repeat([]byte("x"), 1500)
	committed := make(map[string]time.Time, b.N)
	b.ResetTimer()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for n := 0; n < b.N; {
		size := 100
		if perSecond > 0 {
			<-pace.C
			size = perSecond / 100
		}
		batch := make([]webhook.Incoming, min(size, b.N-n))
		for i := range batch {
			batch[i] = incoming(fmt.Sprintf("acct_%d", (n+i)%endpoints), "charge.succeeded", fmt.Sprintf("ch_%d", n+i), 1)
			batch[i].Envelope = append(append(append(batch[i].Envelope[:len(batch[i].Envelope)-1], `,"x":"`...), object...), `"}`...)
		}
		at := p.take(b, batch...)
		for _, e := range batch {
			committed[e.ID] = at
		}
		n += len(batch)
	}
	select {
	case <-server.done:
	case <-time.After(time.Minute):
		b.Fatalf("%d of %d have come", server.seen.Load(), b.N)
	}
	b.StopTimer()
	server.report(b, committed)
}
