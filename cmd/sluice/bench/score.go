package bench

import (
	"sync"
	"time"
)

// score knows of every event who wants it, when it was committed and when it came.
type score struct {
	mu      sync.Mutex
	sent    map[string]*sent
	open    int // deliveries expected and not there
	came    int // deliveries since begin
	lastOne time.Time
	twice   int
	forged  int
}

// sent is one event under way.
type sent struct {
	committed time.Time
	arrived   map[int]time.Time // by endpoint; zero = not yet
}

// patience is how long nothing may arrive before the rest is lost.
const patience = 90 * time.Second

func newScore() *score { return &score{sent: map[string]*sent{}} }

// begin forgets the profile before.
func (s *score) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent, s.open, s.came, s.twice, s.forged, s.lastOne = map[string]*sent{}, 0, 0, 0, 0, time.Now()
}

// expect must be told before the event is committed: it may arrive before commit has returned.
func (s *score) expect(eventID string, endpoints []int) {
	e := &sent{arrived: make(map[int]time.Time, len(endpoints))}
	for _, endpoint := range endpoints {
		e.arrived[endpoint] = time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[eventID] = e
	s.open += len(endpoints)
}

func (s *score) committed(eventID string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.sent[eventID]; e != nil {
		e.committed = at
	}
}

// arrive notes a delivery whose signature holds. What this profile has not sent is a straggler of the one before.
func (s *score) arrive(endpoint int, eventID string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sent[eventID]
	if e == nil {
		return
	}
	if before, wanted := e.arrived[endpoint]; !wanted || !before.IsZero() {
		s.twice++
		return
	}
	e.arrived[endpoint] = at
	s.open--
	s.came++
	s.lastOne = at
}

func (s *score) forgery() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forged++
}

func (s *score) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *score) arrivals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.came
}

// settle waits until everything has arrived, or nothing has for the length of patience.
func (s *score) settle() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		s.mu.Lock()
		done := s.open == 0 || time.Since(s.lastOne) > patience
		s.mu.Unlock()
		if done {
			return
		}
	}
}

// end tells what has become of the profile's events; took is from commit to delivery.
func (s *score) end() (events int, took []time.Duration, lost, twice, forged int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.sent {
		for _, at := range e.arrived {
			if !at.IsZero() {
				took = append(took, max(at.Sub(e.committed), 0))
			}
		}
	}
	return len(s.sent), took, s.open, s.twice, s.forged
}
