package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/ratelimit"
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
	lag := a.metrics.Gauge("event", "relay_lag", "seconds", "Age of the oldest event in this process's lanes that Kafka does not have yet.").WithLabelValues()
	horizon := a.metrics.Gauge("event", "horizon_age", "seconds", "How long one open transaction has kept the event log from being read on.").WithLabelValues()
	lanes := a.metrics.Gauge("event", "relay", "lanes", "How many of the event log's sixteen lanes this process publishes; over all processes the sum is sixteen.").WithLabelValues()
	ahead := a.metrics.Gauge("platform", "world_clock_ahead", "seconds", "How far the sandbox is ahead of the machine.").WithLabelValues()
	inHand := a.metrics.Gauge("rest", "in_hand", "requests", "API requests being served; max_in_hand is where they are refused.").WithLabelValues()
	shed := a.metrics.Gauge("rest", "shed", "requests", "API requests refused since the start because the process was busy.", "worth")
	lagging := a.watchConsumers()
	hooks, files := a.webhookLevels(), a.fileLevels()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		hooks(ctx)
		files(ctx)
		stats := a.relay.Stats()
		lag.Set(stats.OldestUnpublished.Seconds())
		horizon.Set(stats.HorizonAge.Seconds())
		lanes.Set(float64(stats.Lanes))
		ahead.Set(time.Until(a.clocks.Test.Now()).Seconds())
		inHand.Set(float64(a.server.InHand()))
		for name, worth := range map[string]ratelimit.Worth{"report": ratelimit.Report, "ordinary": ratelimit.Ordinary, "charge": ratelimit.Charge} {
			shed.WithLabelValues(name).Set(float64(a.server.Shed(worth)))
		}
		lagging()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watchConsumers sets the levels of this process's share of the consumer groups.
// A partition that has gone to another process is that one's to show.
func (a *App) watchConsumers() (set func()) {
	messages := a.metrics.Gauge("bus", "consumer_lag", "messages", "Events in a partition that its consumer has not handled yet.", "group", "partition")
	age := a.metrics.Gauge("bus", "consumer_lag", "seconds", "Age of the oldest of them.", "group", "partition")
	parked := a.metrics.Gauge("bus", "parked", "events", "Events that could not be handled, and those held behind them.", "group")
	generations := a.metrics.Gauge("bus", "consumer", "generations", "Rebalances of the group that this process has been part of.", "group")
	levels := []*prometheus.GaugeVec{messages, age, parked, generations}
	type share struct {
		group     string
		partition int
	}
	var shown []share
	return func() {
		lags := a.bus.Lags()
		shares := make([]share, len(lags))
		for i, l := range lags {
			shares[i] = share{l.Group, l.Partition}
		}
		if !slices.Equal(shares, shown) {
			for _, level := range levels {
				level.Reset()
			}
			shown = shares
		}
		for _, l := range lags {
			partition := strconv.Itoa(l.Partition)
			messages.WithLabelValues(l.Group, partition).Set(float64(l.Messages))
			age.WithLabelValues(l.Group, partition).Set(l.Age.Seconds())
			parked.WithLabelValues(l.Group).Set(float64(l.Parked))
			generations.WithLabelValues(l.Group).Set(float64(l.Rebalances))
		}
	}
}

// webhookLevels reads how webhooks stand in this process, if it sends any.
func (a *App) webhookLevels() func(context.Context) {
	if !a.cfg.Roles.Has(RoleWebhooks) {
		return func(context.Context) {}
	}
	inFlight := a.metrics.Gauge("webhook", "in_flight", "deliveries", "Deliveries being sent or recorded by this process.").WithLabelValues()
	held := a.metrics.Gauge("webhook", "held", "deliveries", "Deliveries leased to this process that wait for a place.").WithLabelValues()
	oldest := a.metrics.Gauge("webhook", "oldest_due", "seconds", "How long the delivery that waits longest could have been sent.").WithLabelValues()
	open := a.metrics.Gauge("webhook", "open", "breakers", "Endpoints whose breaker is open or half open, in the installation.").WithLabelValues()
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
