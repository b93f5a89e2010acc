package telemetry

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the registry of one process. Rooms ask it for their instruments
// when they are built; a name used twice or misspelt panics then, not later.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// NewMetrics is a registry that already knows the Go runtime, the process and API requests.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.requests = m.Histogram("platform", "request", "seconds", "Time to answer API requests, by route template.",
		[]float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "method", "route", "status")
	return m
}

var word = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Name is sluice_<room>_<noun>_<unit>: Name("ledger", "entries", "total").
// It panics on a part that is not lower-case words.
func Name(room, noun, unit string) string {
	for _, part := range []string{room, noun, unit} {
		if !word.MatchString(part) {
			panic("telemetry: bad part of a metric name: " + strconv.Quote(part))
		}
	}
	return "sluice_" + room + "_" + noun + "_" + unit
}

// Counter counts nouns; its unit is "total".
func (m *Metrics) Counter(room, noun, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: Name(room, noun, "total"), Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// Gauge is a level that rises and falls, such as ("event", "relay_lag", "seconds").
func (m *Metrics) Gauge(room, noun, unit, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: Name(room, noun, unit), Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

// Histogram is a distribution over buckets given in its unit.
func (m *Metrics) Histogram(room, noun, unit, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: Name(room, noun, unit), Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Served records one answered request: rate, errors and duration in one
// instrument. The route is the template ("/v1/charges/{id}"), never the path, or
// "" when none matched: ids and typing errors must not become label values.
func (m *Metrics) Served(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "unmatched"
	}
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodOptions}

// knownMethod bounds a label that the caller chooses.
func knownMethod(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}
