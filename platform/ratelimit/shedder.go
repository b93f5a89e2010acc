package ratelimit

import "sync/atomic"

// Worth is how much a request matters when not all can be served.
type Worth int

// What requests are worth. Reports give way first, charges last.
const (
	Ordinary Worth = iota // reads, and writes that move no money
	Report                // long reads: reports, exports, audits, search
	Charge                // takes, gives back or moves money
)

// shares of the capacity that each worth may fill, in percent: what is above a
// share is kept for those that are worth more.
var shares = map[Worth]int64{Report: 40, Ordinary: 80, Charge: 100}

// sandboxShare is how much of a worth's share test mode may fill, in percent.
const sandboxShare = 90

// Shedder counts what a server has in hand and refuses what is too much. Nil refuses
// nothing.
type Shedder struct {
	capacity int64
	inHand   atomic.Int64
	shed     [Charge + 1]atomic.Int64
}

// NewShedder has at most capacity requests in hand; 0 makes no bound.
func NewShedder(capacity int) *Shedder {
	if capacity <= 0 {
		return nil
	}
	return &Shedder{capacity: int64(capacity)}
}

// Enter counts a request as in hand; false if it has to be refused. Who entered leaves.
func (s *Shedder) Enter(worth Worth) bool {
	if s == nil {
		return true
	}
	if s.inHand.Add(1) > max(1, s.capacity*shares[worth]/100) {
		s.inHand.Add(-1)
		s.shed[worth].Add(1)
		return false
	}
	return true
}

// Keeps reports whether a request that has entered may go on now that its mode is
// known. It leaves either way.
func (s *Shedder) Keeps(worth Worth, livemode bool) bool {
	if s == nil || livemode || s.inHand.Load() <= max(1, s.capacity*shares[worth]*sandboxShare/10_000) {
		return true
	}
	s.shed[worth].Add(1)
	return false
}

// Leave ends what Enter began.
func (s *Shedder) Leave() {
	if s != nil {
		s.inHand.Add(-1)
	}
}

// InHand is how many requests are being served.
func (s *Shedder) InHand() int64 {
	if s == nil {
		return 0
	}
	return s.inHand.Load()
}

// Shed is how many requests of a worth were refused so far.
func (s *Shedder) Shed(worth Worth) int64 {
	if s == nil {
		return 0
	}
	return s.shed[worth].Load()
}
