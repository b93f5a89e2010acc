package webhook

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

// The bounds of what an endpoint may ask for.
const (
	maxRateLimit   = 10_000
	maxConcurrency = 1000
	maxRetries     = 30
	maxRetryWait   = 7 * 24 * time.Hour
)

// Terms are how an endpoint wants its events; nil fields stay as they are.
type Terms struct {
	Payload        *Payload
	Ordered        *bool
	Paused         *bool
	RateLimit      *int64  // events a second; 0 ends the limit
	MaxConcurrency *int64  // requests at a time; 0 ends the limit
	RetrySchedule  []int64 // seconds after each failed try; empty, not nil, goes back to ours
}

// apply checks the terms and puts them on the endpoint.
func (t Terms) apply(e *Endpoint) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.Payload != nil {
		e.Payload = *t.Payload
	}
	if t.Ordered != nil {
		e.Ordered = *t.Ordered
	}
	if t.Paused != nil {
		e.Paused = *t.Paused
	}
	if t.RateLimit != nil {
		e.RateLimit = int(*t.RateLimit)
	}
	if t.MaxConcurrency != nil {
		e.MaxConcurrency = int(*t.MaxConcurrency)
	}
	if t.RetrySchedule != nil {
		e.RetrySchedule = nil
		for _, seconds := range t.RetrySchedule {
			e.RetrySchedule = append(e.RetrySchedule, time.Duration(seconds)*time.Second)
		}
	}
	return nil
}

func (t Terms) check() error {
	switch {
	case t.Payload != nil && *t.Payload != Snapshot && *t.Payload != Thin:
		return fault.Invalidf("parameter_invalid", "event_payload", "Invalid event_payload: must be %s or %s.", Snapshot, Thin)
	case t.RateLimit != nil && (*t.RateLimit < 0 || *t.RateLimit > maxRateLimit):
		return fault.Invalidf("parameter_invalid_integer", "rate_limit",
			"Invalid rate_limit: must be 1 to %d events a second, or 0 for no limit.", maxRateLimit)
	case t.MaxConcurrency != nil && (*t.MaxConcurrency < 0 || *t.MaxConcurrency > maxConcurrency):
		return fault.Invalidf("parameter_invalid_integer", "max_concurrency",
			"Invalid max_concurrency: must be 1 to %d requests at a time, or 0 for the default.", maxConcurrency)
	case len(t.RetrySchedule) > maxRetries:
		return fault.Invalidf("parameter_invalid", "retry_schedule", "A retry schedule can have at most %d waits.", maxRetries)
	}
	for i, seconds := range t.RetrySchedule {
		if seconds < 1 || seconds > int64(maxRetryWait/time.Second) {
			return fault.Invalidf("parameter_invalid_integer", fmt.Sprintf("retry_schedule[%d]", i),
				"Invalid retry_schedule: each wait must be 1 to %d seconds (seven days).", int64(maxRetryWait/time.Second))
		}
	}
	return nil
}

var releaseForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}\.[a-z]+$`)

// checkVersion accepts the API versions whose shapes we speak: ours, and older
// releases of the same named train, which by its promise differ in nothing an
// integration has to know. "" is the account's default.
func checkVersion(version string) error {
	if version == "" {
		return nil
	}
	_, train, _ := strings.Cut(wire.APIVersion, ".")
	if !releaseForm.MatchString(version) || !strings.HasSuffix(version, "."+train) || version > wire.APIVersion {
		return fault.Invalidf("parameter_invalid", "api_version",
			"Invalid api_version: webhooks are sent in the releases of the %s train up to %s. Leave api_version out to get the newest.", train, wire.APIVersion)
	}
	return nil
}
