package webhook

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

const (
	maxDescription = 5000
	maxPatterns    = 500
	// maxEndpoints bounds an account's endpoints of one mode, because every event is matched with all of them.
	maxEndpoints = 100
)

// Endpoint is a URL that an account wants events posted to.
type Endpoint struct {
	ID            string // we_…
	Account       string // who registered it
	Livemode      bool
	Connect       bool // events of connected accounts instead of the account's own; never changes
	URL           string
	EnabledEvents []string // "*", "charge.succeeded" or "charge.*"
	APIVersion    string   // "" is the account's default
	Description   string
	Metadata      map[string]string
	Disabled      bool
	CreatedAt     time.Time

	Payload        Payload         // snapshot or thin
	Ordered        bool            // one object's events one after the other
	Paused         bool            // deliveries wait, untried
	RateLimit      int             // events a second; 0 is none
	MaxConcurrency int             // requests at a time; 0 is the dispatcher's default
	RetrySchedule  []time.Duration // the wait after each failed try; nil is ours
	DisabledAt     time.Time       // zero unless disabled
	DisabledReason string          // "gone", "failing", or "" by its owner
	EventVersion   int64           // of its own webhook_endpoint.* events
	Listener       string          // the device that pulls through a socket; "" is posted to
}

// Payload is what an endpoint's events carry.
type Payload string

// The payloads.
const (
	Snapshot Payload = "snapshot" // the object as it was after the change
	Thin     Payload = "thin"     // the object's id and where to get it
)

// Status is "enabled" or "disabled".
func (e Endpoint) Status() string {
	if e.Disabled {
		return "disabled"
	}
	return "enabled"
}

// Wants reports whether the endpoint asked for events of this type.
func (e Endpoint) Wants(eventType string) bool {
	for _, pattern := range e.EnabledEvents {
		if matches(pattern, eventType) {
			return true
		}
	}
	return false
}

// matches knows exact types, "*" for all, and "charge.*" for "charge.refunded"
// and "charge.dispute.created".
func matches(pattern, eventType string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(eventType, prefix)
	}
	return pattern == eventType
}

// patternsOf are all the patterns that a type matches.
func patternsOf(eventType string) []string {
	patterns := []string{"*", eventType}
	for i, c := range eventType {
		if c == '.' {
			patterns = append(patterns, eventType[:i+1]+"*")
		}
	}
	return patterns
}

var patternForm = regexp.MustCompile(`^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$`)

func checkPatterns(patterns []string) error {
	if len(patterns) == 0 {
		return fault.Missing("enabled_events")
	}
	if len(patterns) > maxPatterns {
		return fault.Invalidf("parameter_invalid", "enabled_events", "An endpoint can name at most %d event types.", maxPatterns)
	}
	for i, pattern := range patterns {
		if !patternForm.MatchString(pattern) {
			return fault.Invalidf("parameter_invalid", fmt.Sprintf("enabled_events[%d]", i),
				"Invalid enabled_events: must be event types such as charge.succeeded, families such as charge.*, or *.")
		}
	}
	return nil
}

func checkDescription(text string) error {
	if len(text) > maxDescription {
		return fault.Invalidf("parameter_invalid", "description", "Invalid description: must be at most %d characters.", maxDescription)
	}
	return nil
}
