package bench

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sluicepay/sluice/platform/client"
)

// Result is what one profile of load gave.
type Result struct {
	Profile    string  `json:"profile"`
	Clients    int     `json:"clients"`
	Accounts   int     `json:"accounts"`
	Charges    int     `json:"charges"` // succeeded
	PerSecond  int     `json:"charges_per_second"`
	P50Millis  float64 `json:"p50_ms"`
	P99Millis  float64 `json:"p99_ms"`
	MaxMillis  float64 `json:"max_ms"`
	Errors     int     `json:"errors"`
	FirstError string  `json:"first_error,omitempty"`
	CPUSeconds float64 `json:"own_cpu_seconds"` // of this process: load, and a private server without its PostgreSQL
}

// worker is one client: it sends the next charge when the last one is answered.
type worker struct {
	took   []time.Duration
	errors int
	first  error
}

// load puts a profile on the server for a while. Its error is only for being stopped.
func load(ctx context.Context, c *client.Client, clients int, duration time.Duration, p profile) (Result, error) {
	run := rand.Text() // keys are unique over all runs
	workers := make([]worker, clients)
	cpu, began := ownCPU(), time.Now()
	end := began.Add(duration)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { workers[w].work(ctx, c, run+"-"+strconv.Itoa(w)+"-", w, end, p.destinations) })
	}
	group.Wait()
	r := gather(workers, time.Since(began))
	r.Profile, r.Clients, r.Accounts = p.name, clients, len(p.destinations)
	r.CPUSeconds = (ownCPU() - cpu).Seconds()
	return r, ctx.Err()
}

func (w *worker) work(ctx context.Context, c *client.Client, keys string, turn int, end time.Time, destinations []string) {
	params := url.Values{
		"amount": {"60000"}, "currency": {"hkd"}, "source": {"tok_visa"}, "application_fee_amount": {"9000"}, "transfer_data[destination]": {""},
	}
	for n := 0; ctx.Err() == nil && time.Now().Before(end); n++ {
		params["transfer_data[destination]"][0] = destinations[(turn+n)%len(destinations)]
		began := time.Now()
		err := c.PostOnce(ctx, "/v1/charges", params, keys+strconv.Itoa(n), nil)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.errors++
			if w.first == nil {
				w.first = err
			}
			continue
		}
		w.took = append(w.took, time.Since(began))
	}
}

func gather(workers []worker, elapsed time.Duration) Result {
	var r Result
	var took []time.Duration
	for _, w := range workers {
		took = append(took, w.took...)
		r.Errors += w.errors
		if w.first != nil && r.FirstError == "" {
			r.FirstError = w.first.Error()
		}
	}
	slices.Sort(took)
	r.Charges = len(took)
	r.PerSecond = int(time.Duration(len(took)) * time.Second / max(elapsed, 1))
	r.P50Millis, r.P99Millis, r.MaxMillis = percentile(took, 50), percentile(took, 99), percentile(took, 100)
	return r
}

// percentile is the time in milliseconds within which this share of the sorted requests was answered.
func percentile(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := (len(sorted)*percent + 99) / 100
	return float64(sorted[max(at, 1)-1]) / float64(time.Millisecond)
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
