package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcome is what a load has come to.
type Outcome struct {
	Seconds    float64        `json:"seconds"`
	Done       int            `json:"done"`    // answered as they should be
	Refused    int            `json:"refused"` // told to come again: 429 and 503
	Errors     int            `json:"errors"`  // everything else
	Unsent     int            `json:"unsent"`  // of the open loop: due, but no connection was free until the end
	FirstError string         `json:"first_error,omitempty"`
	Statuses   map[string]int `json:"statuses"`
	Times      Times          `json:"times"` // of what is Done
	Kinds      []Kind         `json:"kinds"`
	EachSecond []int          `json:"each_second"` // Done
	CPUSeconds float64        `json:"cpu_seconds"` // of the process that made the load
}

// Times are exact: every request's own time is kept and sorted. In the open loop
// they run from when the request was due, in the closed loop from when it was sent.
type Times struct {
	P50 float64 `json:"p50_ms"`
	P90 float64 `json:"p90_ms"`
	P99 float64 `json:"p99_ms"`
	// P999 of fewer than a thousand requests is Max.
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

// Kind is one kind of request in a mixed load.
type Kind struct {
	Name   string `json:"name"`
	Done   int    `json:"done"`
	Errors int    `json:"errors"`
	Times  Times  `json:"times"`
}

// tally counts while the load is on.
type tally struct {
	began    time.Time
	requests []Request
	took     [][]time.Duration // by kind
	errors   []int             // by kind
	statuses [600]int
	refused  int
	first    string
	each     []int
	told     int
}

func newTally(requests []Request, began time.Time) tally {
	return tally{began: began, requests: requests, took: make([][]time.Duration, len(requests)), errors: make([]int, len(requests))}
}

// take counts an answer.
func (t *tally) take(kind, status int, body []byte, now, due time.Time) {
	if status >= 0 && status < len(t.statuses) {
		t.statuses[status]++
	}
	switch {
	case status == http.StatusOK && (t.requests[kind].Want == "" || bytes.Contains(body, []byte(t.requests[kind].Want))):
		t.took[kind] = append(t.took[kind], now.Sub(due))
		second := int(now.Sub(t.began) / time.Second)
		for len(t.each) <= second {
			t.each = append(t.each, 0)
		}
		t.each[second]++
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		t.refused++
		t.note(kind, status, body)
	default:
		t.errors[kind]++
		t.note(kind, status, body)
	}
}

func (t *tally) fail(kind int, why string) {
	t.errors[kind]++
	if t.first == "" {
		t.first = t.requests[kind].Name + ": " + why
	}
}

// note keeps the first answer that was not as it should be.
func (t *tally) note(kind, status int, body []byte) {
	if t.first == "" {
		t.first = fmt.Sprintf("%s: status %d: %s", t.requests[kind].Name, status, strings.Join(strings.Fields(string(body[:min(len(body), 400)])), " "))
	}
}

// tell says how the last second went.
func (t *tally) tell(out io.Writer, now time.Time) {
	done, failed := 0, 0
	for kind := range t.took {
		done += len(t.took[kind])
		failed += t.errors[kind]
	}
	fmt.Fprintf(out, "    %3d s %8d/s  %d refused, %d errors\n", int(now.Sub(t.began).Seconds()), done-t.told, t.refused, failed)
	t.told = done
}

func (t *tally) outcome(took time.Duration) Outcome {
	o := Outcome{Seconds: took.Seconds(), Refused: t.refused, FirstError: t.first, Statuses: map[string]int{}, EachSecond: t.each}
	var all []time.Duration
	for kind, times := range t.took {
		slices.Sort(times)
		all = append(all, times...)
		o.Errors += t.errors[kind]
		o.Kinds = append(o.Kinds, Kind{Name: t.requests[kind].Name, Done: len(times), Errors: t.errors[kind], Times: timesOf(times)})
	}
	slices.Sort(all)
	o.Done, o.Times = len(all), timesOf(all)
	for status, n := range t.statuses {
		if n > 0 {
			o.Statuses[strconv.Itoa(status)] = n
		}
	}
	return o
}

func timesOf(sorted []time.Duration) Times {
	return Times{
		P50: permille(sorted, 500), P90: permille(sorted, 900), P99: permille(sorted, 990), P999: permille(sorted, 999), Max: permille(sorted, 1000),
	}
}

// percentile is the time in milliseconds within which this share of the sorted requests was answered.
func percentile(sorted []time.Duration, percent int) float64 { return permille(sorted, 10*percent) }

func permille(sorted []time.Duration, share int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := (len(sorted)*share + 999) / 1000
	return rounded(float64(sorted[max(at, 1)-1]) / float64(time.Millisecond))
}
