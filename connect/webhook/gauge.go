package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Sample is one measurement.
type Sample struct {
	First   bool // from the event to the first try; else a try's own time
	Took    time.Duration
	Failure string // of a try: "" after 2xx, else its class
}

// Stats are the levels of a dispatcher.
type Stats struct {
	InFlight  int           // sends under way or being recorded, in this process
	Held      int           // deliveries leased to this process that wait for a place
	OldestDue time.Duration // how long the delivery that waits longest could have been sent
	Open      int           // endpoints whose breaker is open or half open
}

// gauges are what the walk over due endpoints has seen: the whole table within one
// round of it, at no cost of its own.
type gauges struct {
	mu          sync.Mutex
	round, last time.Duration // the oldest due of this round so far, and of the last
}

func (g *gauges) walked(at time.Time, found []due, end bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range found {
		g.round = max(g.round, at.Sub(f.Since))
	}
	if end {
		g.last, g.round = g.round, 0
	}
}

func (g *gauges) oldest() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.last, g.round)
}

// Stats reads the levels.
func (d *Dispatcher) Stats(ctx context.Context) (Stats, error) {
	s := Stats{OldestDue: d.gauges.oldest()}
	s.InFlight, s.Held = d.places.levels()
	err := d.pool.NewRaw(`SELECT count(*) FROM connect.webhook_health WHERE open_until IS NOT NULL`).Scan(ctx, &s.Open)
	if err != nil {
		return Stats{}, fmt.Errorf("count open breakers: %w", err)
	}
	return s, nil
}
