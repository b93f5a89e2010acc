package webhook

import (
	"sync"
	"time"
)

// hearers are the platforms known to hear of an account, as of knownFor ago at most.
// A no is never remembered: it may end at any moment, and what is kept back stays so.
type hearers struct {
	mu    sync.Mutex
	known map[hearerKey]time.Time // when that was asked
}

type hearerKey struct {
	platform, account string
	livemode          bool
}

func (h *hearers) know(key hearerKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, known := h.known[key]
	return known && time.Since(at) < knownFor
}

func (h *hearers) note(key hearerKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[key] = time.Now()
}

// sweep forgets what is not to be used any more.
func (h *hearers) sweep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, at := range h.known {
		if time.Since(at) >= knownFor {
			delete(h.known, key)
		}
	}
}
