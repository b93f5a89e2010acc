package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// RequestLog is shown every request whose key was recognised, once it is answered.
type RequestLog interface {
	// Note is called on the request's way: it takes what it is given and does its work
	// elsewhere. Nothing in s changes any more.
	Note(s Served)
}

// Served is one answered request, by reference: as it came in, nothing redacted.
type Served struct {
	ID             string
	At             time.Time
	Took           time.Duration
	Scope          tenant.Scope
	Account        string // whose key it is, or whose program presents an access token
	Key            string // id of the key or token, never the key itself
	Person         string // usr_… of whoever asked through a dashboard, or ""
	Method         string
	Path           string // without the query
	Route          string // the path's template
	Version        string
	IP             string
	IdempotencyKey string
	Status         int
	Replayed       bool
	Fault          *fault.Error // of an error that was not saved
	Answer         []byte       // of a write, and of a saved error
	Params         Params
	Size           int // of query and body in bytes
}

// Params are the parameters of a request as they were parsed.
type Params struct{ root *node }

// Tree is what the parameters say: nil, string, []any, map[string]any or Upload.
func (p Params) Tree() any {
	if p.root == nil {
		return nil
	}
	return p.root.plain()
}

// AuditLog remembers who changed what. It is asked for requests of routes that
// Watches names, before anything is done and once more when it is answered.
type AuditLog interface {
	// Watches reports whether calls of a route are remembered when a program makes
	// them; what people do through a dashboard always is.
	Watches(route Route) bool
	// Begin remembers what is about to be tried. Whatever it fails with is the answer,
	// and nothing is done: no act goes unrecorded.
	Begin(ctx context.Context, s Served) (act string, err error)
	// Elsewhere remembers that a key was used from an address it is not limited to. It
	// does not fail: the request is refused in any case.
	Elsewhere(ctx context.Context, s Served)
	// End adds how it ended.
	End(ctx context.Context, act string, s Served)
}

// served is what the logs of requests are shown of r.
func (n *note) served(r *Request) Served {
	s := Served{
		ID: n.id, At: n.start, Scope: r.Scope, Account: r.Principal.Account, Key: r.Principal.KeyID,
		Method: r.Method, Path: r.URL.Path, Route: n.route, Version: r.Version, IP: PeerIP(r.Request),
		Status: n.status, Replayed: n.replay, Fault: n.fault, Answer: n.answer,
		Params: Params{r.params}, Size: len(r.URL.RawQuery) + n.size,
	}
	if r.Principal.Member {
		s.Person = r.Principal.KeyID
	}
	if r.Principal.Token {
		s.Account = r.Principal.Platform
	}
	if r.Scope.Account == "" { // refused before it was clear for whom
		s.Scope = tenant.Scope{Platform: r.Principal.Platform, Account: r.Principal.Account, Livemode: r.Principal.Livemode}
		if s.Scope.Platform == "" {
			s.Scope.Platform = s.Scope.Account
		}
	}
	if keys := r.Header["Idempotency-Key"]; len(keys) > 0 {
		s.IdempotencyKey = keys[0]
	}
	return s
}

// sizeOf is the size of a body as announced, or the largest there can be.
func sizeOf(r *http.Request) int {
	if r.ContentLength < 0 {
		return maxBody
	}
	return int(min(r.ContentLength, maxBody))
}

// audited serves an admitted request whose route or person is watched.
func (s *Server) audited(w http.ResponseWriter, r *Request, n *note, serve func()) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if s.cfg.Audit == nil || reads || !r.Principal.Member && !r.route.watched {
		serve()
		return
	}
	act, err := s.cfg.Audit.Begin(r.Context(), n.served(r))
	if err != nil {
		sendFault(w, r.Request, err)
		return
	}
	serve()
	// The caller may have hung up; what happened is remembered all the same.
	s.cfg.Audit.End(context.WithoutCancel(r.Context()), act, n.served(r))
}
