package rest

import (
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ratelimit"
)

// enter takes a place for a request among those in hand, before anything is known of
// it but its route; leave gives it back.
func (s *Server) enter(route *Route) (leave func(), err error) {
	if !s.shedder.Enter(route.Worth) {
		return nil, overloaded()
	}
	return s.shedder.Leave, nil
}

// limit refuses a request whose key asks too fast, or whose mode gives way to the other.
func (s *Server) limit(r *Request) error {
	if !s.shedder.Keeps(r.route.Worth, r.Principal.Livemode) {
		return overloaded()
	}
	if !s.rates.Allow(r.Principal.KeyID, time.Now()) {
		return &fault.Error{
			Kind: fault.RateLimited, Code: "rate_limit", Unsaved: true,
			Message: "Too many requests for this API key. Please slow down.",
		}
	}
	if !s.perKey.Enter(r.Principal.KeyID) {
		return &fault.Error{
			Kind: fault.RateLimited, Code: crowded, Unsaved: true,
			Message: "Too many concurrent requests for this API key. Please wait for some of them to end.",
		}
	}
	r.leave = func() { s.perKey.Leave(r.Principal.KeyID) }
	return nil
}

// crowded is the code of a key's request beyond its number at a time.
const crowded = "concurrency_limit"

func overloaded() *fault.Error {
	return &fault.Error{Kind: fault.Unavailable, Code: "overloaded", Unsaved: true, Message: "The server is too busy. Nothing was done; please try again."}
}

// InHand is how many requests are being served now.
func (s *Server) InHand() int64 { return s.shedder.InHand() }

// Shed is how many requests of a worth were refused so far because the server was busy.
func (s *Server) Shed(worth ratelimit.Worth) int64 { return s.shedder.Shed(worth) }
