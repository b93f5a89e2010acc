package webhook

import (
	"net/http"
	"time"
)

// schedule is the wait after each failed attempt: 14 attempts over 90 hours, so
// that jitter at its shortest still leaves three days.
var schedule = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 16 * time.Hour, 22 * time.Hour, 25 * time.Hour,
}

// maxRetryAfter bounds how long a receiver may ask us to wait.
const maxRetryAfter = 24 * time.Hour

// jitterRange is how many different jitters there are; chance is 0 to jitterRange-1.
const jitterRange = 1000

// retryIn is the wait after failed attempt number n (from 1) of waits, or false when
// they are used up. The wait of the schedule is spread by ±20 % so that
// receivers that failed together are not tried together; a receiver's wish to
// wait longer (Retry-After) is followed. n is 0 where a delivery was made pending anew
// while somebody held it who then gave it back untried: that counts as the first.
func retryIn(waits []time.Duration, n int, retryAfter time.Duration, chance int64) (time.Duration, bool) {
	n = max(n, 1)
	if n > len(waits) {
		return 0, false
	}
	base := waits[n-1]
	wait := base - base/5 + base*2/5/jitterRange*time.Duration(chance)
	return max(wait, min(retryAfter, maxRetryAfter)), true
}

// waits is the endpoint's own schedule, or ours.
func (e Endpoint) waits() []time.Duration {
	if len(e.RetrySchedule) > 0 {
		return e.RetrySchedule
	}
	return schedule
}

// gone reports that the receiver wants nothing any more.
func (a Answer) gone() bool { return a.Status == http.StatusGone }

// overloaded reports that the receiver, or what stands before it, has too much to do.
func (a Answer) overloaded() bool {
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// rest is how long an endpoint that was overloaded n times in a row is left alone.
func rest(n int) time.Duration {
	return min(time.Second<<min(n-1, 6), time.Minute)
}
