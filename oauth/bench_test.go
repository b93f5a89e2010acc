package oauth_test

import (
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkTokenEndpoint is requests per second and the 99th percentile over
// HTTP, client and PostgreSQL on the same machine, sixteen clients at once.
func BenchmarkTokenEndpoint(b *testing.B) {
	const clients = 16
	b.Run("client_credentials", func(b *testing.B) {
		h := newHouse(b)
		a := h.app(b)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ID}, "client_secret": {a.secret}}
		h.measure(b, clients, func(int) reply { return h.post(b, "/oauth/token", form) })
	})
	b.Run("refresh_token", func(b *testing.B) {
		h := newHouse(b)
		a := h.app(b)
		tokens := make([]string, clients)
		for i := range tokens {
			account := "acct_bench" + string(rune('a'+i))
			h.market.add(b, tutorHub, account, false)
			tokens[i] = h.exchange(b, a, h.approveFor(b, account, a).Get("code")).text("refresh_token")
		}
		h.measure(b, clients, func(i int) reply {
			r := h.refresh(b, a, tokens[i])
			tokens[i] = r.text("refresh_token")
			return r
		})
	})
}

func (h *house) measure(b *testing.B, clients int, call func(client int) reply) {
	var (
		all  sync.WaitGroup
		next atomic.Int64
		took = make([][]time.Duration, clients)
	)
	b.ResetTimer()
	for i := range clients {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				if r := call(i); r.Status != 200 {
					b.Errorf("%d %s", r.Status, r.Body)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	every := slices.Concat(took...)
	if len(every) == 0 {
		return
	}
	slices.Sort(every)
	b.ReportMetric(float64(len(every))/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(every[len(every)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(every[len(every)/2].Microseconds())/1000, "p50-ms")
}
