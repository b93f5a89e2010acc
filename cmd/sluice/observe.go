package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/run"
)

// observe serves /metrics on its own address, apart from the API and its keys.
func (a *App) observe(group *run.Group) error {
	if a.cfg.MetricsAddr == "" {
		return nil
	}
	listener, err := net.Listen("tcp", a.cfg.MetricsAddr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	group.Go("metrics", func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		if err := server.Serve(listener); err != http.ErrServerClosed {
			return err
		}
		return nil
	})
	group.Go("gauges", a.watch)
	return nil
}

// watchEvery is how often levels are read for /metrics.
const watchEvery = time.Second

// watch keeps the levels an operator alarms on.
func (a *App) watch(ctx context.Context) error {
	lag := a.metrics.Gauge("event", "relay_lag", "seconds", "Age of the oldest event that Kafka does not have yet.").WithLabelValues()
	horizon := a.metrics.Gauge("event", "horizon_age", "seconds", "How long one open transaction has kept the event log from being read on.").WithLabelValues()
	leading := a.metrics.Gauge("event", "relay_leading", "bool", "1 while this process publishes the event log.").WithLabelValues()
	ahead := a.metrics.Gauge("platform", "world_clock_ahead", "seconds", "How far the sandbox is ahead of the machine.").WithLabelValues()
	hooks := a.webhookLevels()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		hooks(ctx)
		stats := a.relay.Stats()
		lag.Set(stats.OldestUnpublished.Seconds())
		horizon.Set(stats.HorizonAge.Seconds())
		leading.Set(0)
		if stats.Leading {
			leading.Set(1)
		}
		ahead.Set(time.Until(a.clocks.Test.Now()).Seconds())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// webhookLevels reads how webhooks stand in this process, if it sends any.
func (a *App) webhookLevels() func(context.Context) {
	if !a.cfg.Roles.Has(RoleWebhooks) {
		return func(context.Context) {}
	}
	inFlight := a.metrics.Gauge("webhook", "deliveries", "in_flight", "Deliveries being sent or recorded by this process.").WithLabelValues()
	held := a.metrics.Gauge("webhook", "deliveries", "held", "Deliveries leased to this process that wait for a place.").WithLabelValues()
	oldest := a.metrics.Gauge("webhook", "oldest_due", "seconds", "How long the delivery that waits longest could have been sent.").WithLabelValues()
	open := a.metrics.Gauge("webhook", "breakers", "open", "Endpoints whose breaker is open or half open, in the installation.").WithLabelValues()
	return func(ctx context.Context) {
		stats, err := a.dispatch.Stats(ctx)
		if err != nil {
			return // the database is away: the last levels stand, and everything else says so
		}
		inFlight.Set(float64(stats.InFlight))
		held.Set(float64(stats.Held))
		oldest.Set(stats.OldestDue.Seconds())
		open.Set(float64(stats.Open))
	}
}

// observeWebhooks takes the times of webhooks; quantiles are read from the buckets.
func (a *App) observeWebhooks() func(webhook.Sample) {
	first := a.metrics.Histogram("webhook", "first_attempt", "seconds", "From an event to the first try of a delivery.",
		[]float64{.01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5, 15, 60, 300}).WithLabelValues()
	attempts := a.metrics.Histogram("webhook", "attempt", "seconds", "How long receivers took, by class of failure.",
		[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "failure")
	return func(s webhook.Sample) {
		switch {
		case s.First:
			first.Observe(s.Took.Seconds())
		case s.Failure == "":
			attempts.WithLabelValues("none").Observe(s.Took.Seconds())
		default:
			attempts.WithLabelValues(s.Failure).Observe(s.Took.Seconds())
		}
	}
}
