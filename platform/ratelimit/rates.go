package ratelimit

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// remembered bounds the keys that Rates and their buckets take memory for. A key that
// is forgotten begins with a full bucket.
const remembered = 10_000

// Rates are token buckets, one for each key. Nil and the zero value allow everything.
type Rates struct {
	mu        sync.Mutex
	perSecond int64
	burst     int64
	buckets   *lru.Cache[string, *bucket]
}

// bucket counts in nanoseconds of waiting: a request costs second/perSecond of them.
type bucket struct {
	full time.Time // when the bucket will be full again
}

// NewRates allows perSecond requests a second of each key, and as many at once as come
// in two seconds. 0 allows everything.
func NewRates(perSecond int) *Rates {
	if perSecond <= 0 {
		return nil
	}
	buckets, err := lru.New[string, *bucket](remembered)
	if err != nil {
		panic("ratelimit: " + err.Error()) // only a size below one fails
	}
	return &Rates{perSecond: int64(perSecond), burst: 2 * int64(perSecond), buckets: buckets}
}

// Allow takes a token of the key's bucket, if there is one now.
func (r *Rates) Allow(key string, now time.Time) bool {
	if r == nil || r.perSecond == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b, known := r.buckets.Get(key)
	if !known {
		b = &bucket{full: now}
		r.buckets.Add(key, b)
	}
	cost := time.Second / time.Duration(r.perSecond)
	full := b.full
	if full.Before(now) {
		full = now
	}
	if full.Add(cost).Sub(now) > cost*time.Duration(r.burst) {
		return false
	}
	b.full = full.Add(cost)
	return true
}

// Flights bound the requests of one key at a time. Nil allows everything.
type Flights struct {
	mu    sync.Mutex
	limit int
	now   map[string]int
}

// NewFlights allows limit requests of each key at a time; 0 allows everything.
func NewFlights(limit int) *Flights {
	if limit <= 0 {
		return nil
	}
	return &Flights{limit: limit, now: map[string]int{}}
}

// Enter counts a request of the key; false if it has too many under way. Who entered
// leaves.
func (f *Flights) Enter(key string) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[key] >= f.limit {
		return false
	}
	f.now[key]++
	return true
}

// Leave ends what Enter began.
func (f *Flights) Leave(key string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[key]--; f.now[key] == 0 {
		delete(f.now, key)
	}
}
