package webhook

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
)

// ReplayStatus is how far a replay is.
type ReplayStatus string

// The states of a replay; done means that all of it was made due.
const (
	Running  ReplayStatus = "running"
	Done     ReplayStatus = "done"
	Canceled ReplayStatus = "canceled"
)

// Replay is a request to send again what an endpoint missed, or all of a time. Its
// deliveries are made due in their order, a window of them at a time, so that they
// neither bury what happens meanwhile nor go on long after the replay was canceled.
type Replay struct {
	ID       string // whr_…; "" for a dry run
	Endpoint string
	Account  string
	Livemode bool
	ReplayOf
	RateLimit int // deliveries a second; 0 is as fast as the endpoint takes them
	Status    ReplayStatus
	Total     int64 // counted when it was made
	Replayed  int64 // made due
	CreatedAt time.Time
	EndedAt   time.Time // zero while it runs
}

// ReplayOf says which deliveries of the endpoint belong to a replay.
type ReplayOf struct {
	CreatedFrom  time.Time // zero is open
	CreatedUntil time.Time // inclusive; zero is open
	Types        []string  // names or families; none is all
	Statuses     []Status
}

// Percent is how much of the replay was made due. Deliveries that were sent again
// by other means meanwhile are missing from a replay that is done.
func (r Replay) Percent() int64 {
	if r.Status == Done || r.Total == 0 {
		return 100
	}
	return min(100*r.Replayed/r.Total, 100)
}

// NewReplay says what to replay.
type NewReplay struct {
	Endpoint  string
	Created   page.Range // of the deliveries
	Types     []string   // names or families; none is all
	Statuses  []Status   // none is failed and undelivered
	RateLimit *int64     // deliveries a second
	DryRun    bool       // count only
}

// of checks what is wanted.
func (n NewReplay) of() (ReplayOf, error) {
	of := ReplayOf{Types: n.Types, Statuses: n.Statuses}
	if n.Endpoint == "" {
		return of, fault.Missing("webhook_endpoint")
	}
	if n.RateLimit != nil && (*n.RateLimit < 1 || *n.RateLimit > maxRateLimit) {
		return of, fault.Invalidf("parameter_invalid_integer", "rate_limit", "Invalid rate_limit: must be 1 to %d deliveries a second.", maxRateLimit)
	}
	if len(of.Statuses) == 0 {
		of.Statuses = []Status{Failed, Undelivered}
	}
	for i, status := range of.Statuses {
		if !slices.Contains([]Status{Failed, Undelivered, Delivered}, status) {
			return of, fault.Invalidf("parameter_invalid", fmt.Sprintf("status[%d]", i),
				"Invalid status: must be %s, %s or %s. What is pending is on its way already.", Failed, Undelivered, Delivered)
		}
	}
	if len(of.Types) > 0 {
		if err := checkTypes(of.Types); err != nil {
			return of, err
		}
	}
	if n.Created.From != nil {
		of.CreatedFrom = time.Unix(*n.Created.From, 0).UTC()
	}
	if n.Created.Until != nil {
		of.CreatedUntil = time.Unix(*n.Created.Until, 0).UTC().Add(-time.Microsecond)
	}
	return of, nil
}

func checkTypes(types []string) error {
	if len(types) > maxPatterns {
		return fault.Invalidf("parameter_invalid", "types", "A replay can name at most %d event types.", maxPatterns)
	}
	for i, pattern := range types {
		if !patternForm.MatchString(pattern) {
			return fault.Invalidf("parameter_invalid", fmt.Sprintf("types[%d]", i), "Invalid types: must be event types such as charge.succeeded, or families such as charge.*.")
		}
	}
	return nil
}
