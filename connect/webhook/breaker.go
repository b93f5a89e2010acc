package webhook

import "time"

// The breaker of an endpoint stands in its health row, one for all processes.
// Closed, it lets everything through. tripsAfter failures in a row open it: then
// nothing is sent and no attempt is used up. When its time is over it is half open:
// one delivery is sent to see; success closes it, failure opens it for longer.
const (
	tripsAfter   = 10
	shortestOpen = 30 * time.Second
	longestOpen  = 15 * time.Minute
)

// turn is what an attempt made of its endpoint's breaker.
type turn int

const (
	unturned turn = iota
	opened
	closed
)
