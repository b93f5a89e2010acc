// Package ratelimit is a token bucket per key inside one process. It protects a
// node from a caller in a loop; with n nodes a caller gets n buckets. It needs no
// store, so there is none that could be down.
package ratelimit

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// remembered bounds the buckets. A key that was forgotten starts with a full bucket.
const remembered = 10_000

// Buckets limits how often each key may call.
type Buckets struct {
	perSecond rate.Limit
	burst     int
	buckets   *lru.Cache[string, *rate.Limiter]
}

// New allows every key perSecond calls on average, burst at once. Both must be positive.
func New(perSecond float64, burst int) *Buckets {
	buckets, err := lru.New[string, *rate.Limiter](remembered)
	if err != nil {
		panic("ratelimit: " + err.Error()) // only for a size below one
	}
	return &Buckets{perSecond: rate.Limit(perSecond), burst: burst, buckets: buckets}
}

// Allow takes a token of key and reports whether there was one.
func (b *Buckets) Allow(key string) bool {
	bucket, ok := b.buckets.Get(key)
	if !ok {
		fresh := rate.NewLimiter(b.perSecond, b.burst)
		if known, raced, _ := b.buckets.PeekOrAdd(key, fresh); raced {
			fresh = known
		}
		bucket = fresh
	}
	return bucket.Allow()
}
