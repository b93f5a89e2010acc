package main

import (
	"context"
	"net"
	"net/http"
	"time"

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
	lanes := a.metrics.Gauge("event", "relay_lanes", "held", "How many of the event log's sixteen lanes this process publishes; over all processes the sum is sixteen.").WithLabelValues()
	ahead := a.metrics.Gauge("platform", "world_clock_ahead", "seconds", "How far the sandbox is ahead of the machine.").WithLabelValues()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		stats := a.relay.Stats()
		lag.Set(stats.OldestUnpublished.Seconds())
		horizon.Set(stats.HorizonAge.Seconds())
		lanes.Set(float64(stats.Lanes))
		ahead.Set(time.Until(a.clocks.Test.Now()).Seconds())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
