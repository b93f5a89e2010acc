package rest

import (
	"context"
	"net/http"
	"sync"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/secret"
)

// Read serves GETs.
func (s *Server) Read(h Handler) http.Handler {
	return s.serve(func(ctx context.Context, r *Request) (any, error) {
		object, err := h(ctx, r)
		if err != nil {
			return nil, err
		}
		return s.expanded(ctx, s.cfg.Pool, r, object)
	})
}

// Write serves a POST or DELETE whose whole effect is one transaction, see the package comment.
func (s *Server) Write(h WriteHandler) http.Handler {
	return s.Prepared(func(context.Context, *Request) (WriteHandler, error) { return h, nil })
}

// Steps serves operations that talk to the outside between two commits. A repeated
// request is answered here; a fresh one claims through idempotency.From(ctx) in its
// begin transaction, saves what Claim.Render gives in its settle transaction, and
// returns that Response, so that the first answer and its replays are equal bytes.
func (s *Server) Steps(h Handler) http.Handler {
	return s.serve(func(ctx context.Context, r *Request) (any, error) {
		r.executed = true
		return s.once(ctx, r, func(ctx context.Context) (any, error) { return s.step(ctx, r, h) })
	})
}

// Claims serves what Steps serves, for operations of which every success has claimed
// the key in its first transaction: that claim finds what was answered before, so
// the key is looked up only for a request that was refused earlier than that.
func (s *Server) Claims(h Handler) http.Handler {
	return s.serve(func(ctx context.Context, r *Request) (any, error) {
		r.executed = true
		if r.claim == nil {
			return s.step(ctx, r, h)
		}
		if !s.flights.enter(r.claim.Hash) {
			return nil, idempotency.InUse(r.claim.Key)
		}
		defer s.flights.leave(r.claim.Hash)
		object, err := s.step(ctx, r, h)
		if err == nil || r.claim.Decided() {
			return object, err
		}
		found, failed := s.cfg.Store.Find(ctx, s.cfg.Pool, r.claim)
		if failed != nil {
			return nil, failed
		}
		if found.State != idempotency.Fresh {
			return found, nil
		}
		return nil, err
	})
}

func (s *Server) step(ctx context.Context, r *Request, h Handler) (any, error) {
	object, err := h(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.expanded(ctx, s.cfg.Pool, r, object)
}

// serve runs a door and sends what it returns.
func (s *Server) serve(run Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := requestOf(hr.Context())
		if r == nil {
			panic("rest: handler served on a public route")
		}
		object, err := s.prepared(w, r, run)
		if err != nil {
			sendFault(w, hr, err)
			return
		}
		switch object := object.(type) {
		case idempotency.Outcome:
			if err := object.Err(); err != nil {
				sendFault(w, hr, err)
				return
			}
			n := noteOf(hr.Context())
			n.replay, n.answer = true, object.Response.Body
			sendSaved(w, object.Response, true)
		case idempotency.Response:
			noteOf(hr.Context()).answer = object.Body
			sendSaved(w, object, false)
		default:
			body, err := Render(object)
			if err != nil {
				sendFault(w, hr, err)
				return
			}
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				noteOf(hr.Context()).answer = body
			}
			send(w, http.StatusOK, body)
		}
	})
}

// prepared runs a door with its context: claim and origin.
func (s *Server) prepared(w http.ResponseWriter, r *Request, run Handler) (any, error) {
	key, err := s.prepareClaim(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	if r.claim != nil {
		w.Header().Set("Idempotency-Key", key)
		ctx = idempotency.With(ctx, r.claim)
	}
	return run(event.WithOrigin(ctx, event.Origin{RequestID: r.ID, IdempotencyKey: key}), r)
}

// prepareClaim builds the claim of a writing request that has an Idempotency-Key.
func (s *Server) prepareClaim(r *Request) (key string, err error) {
	if r.Method != http.MethodPost && r.Method != http.MethodDelete {
		return "", nil
	}
	key = r.Header.Get("Idempotency-Key")
	switch {
	case key == "":
		return "", nil
	case len(key) > idempotency.MaxKey:
		return "", badRequest("Idempotency keys can be at most 255 characters long.")
	case !fine(key):
		return "", badRequest("Idempotency keys must be valid UTF-8 text.")
	}
	r.claim = &idempotency.Claim{
		Key:           key,
		Hash:          idempotency.HashKey(r.Scope, key),
		Fingerprint:   s.fingerprint(r),
		RequestID:     r.ID,
		Scope:         r.Scope,
		RetryFailures: r.Header.Get("Sluice-Idempotency-Retry-Failures") == "true",
		Expands:       len(r.Expand) > 0,
		Render: func(ctx context.Context, idb bun.IDB, object any, err error) (idempotency.Response, error) {
			return s.response(ctx, idb, r, object, err)
		},
	}
	return key, nil
}

// fingerprint is what must be equal for a request to count as the same one. It is
// keyed: parameters may be a card number, which a plain hash would give away.
func (s *Server) fingerprint(r *Request) [16]byte {
	b := make([]byte, 0, 1024)
	b = appendText(b, r.Method)
	b = appendText(b, r.URL.Path)
	for _, path := range r.Expand {
		b = appendText(b, path)
	}
	b = r.params.canonical(b)
	full := s.cfg.Pepper.Sum(secret.New(string(b)))
	return [16]byte(full[:16])
}

// flights are the keys that this process works on at this moment. They answer most
// doubled requests without the database.
type flights struct {
	mu   sync.Mutex
	keys map[[16]byte]struct{}
}

func (f *flights) enter(hash [16]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, busy := f.keys[hash]; busy {
		return false
	}
	if f.keys == nil {
		f.keys = map[[16]byte]struct{}{}
	}
	f.keys[hash] = struct{}{}
	return true
}

func (f *flights) leave(hash [16]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, hash)
}

// once runs a claimed request unless its key is in flight or already answered.
func (s *Server) once(ctx context.Context, r *Request, run func(context.Context) (any, error)) (any, error) {
	if r.claim == nil {
		return run(ctx)
	}
	if !s.flights.enter(r.claim.Hash) {
		return nil, idempotency.InUse(r.claim.Key)
	}
	defer s.flights.leave(r.claim.Hash)
	found, err := s.cfg.Store.Find(ctx, s.cfg.Pool, r.claim)
	if err != nil {
		return nil, err
	}
	if found.State != idempotency.Fresh {
		return found, nil
	}
	return run(ctx)
}

// plainWrite is a write without a key.
func (s *Server) plainWrite(ctx context.Context, r *Request, h WriteHandler) (object any, err error) {
	var refused error
	err = db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		refused = nil
		if object, err = h(ctx, tx, r); err != nil {
			if isKept(err) {
				refused = err
				return nil
			}
			return err
		}
		object, err = s.expanded(ctx, tx, r, object)
		return err
	})
	if err == nil && refused != nil {
		return nil, refused
	}
	return object, err
}

// claimedWrite claims, works, saves and commits. A crash before the commit leaves
// nothing: the key is free again.
func (s *Server) claimedWrite(ctx context.Context, r *Request, h WriteHandler) (answer any, err error) {
	err = db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		at := s.cfg.Clock.Now()
		outcomes, err := s.cfg.Store.ClaimMany(ctx, tx, at, []*idempotency.Claim{r.claim})
		if err != nil {
			return err
		}
		if outcomes[0].State != idempotency.Fresh {
			answer = outcomes[0]
			return nil
		}
		response, err := s.effect(ctx, tx, r, h)
		if err != nil {
			return err
		}
		answer = response
		return s.cfg.Store.SaveMany(ctx, tx, at, [][16]byte{r.claim.Hash}, []idempotency.Response{response})
	})
	return answer, err
}

// effect runs the door in a savepoint, so that a decided error takes back what the
// door did but not the claim, unless it is Kept. Errors that are no answer come back as error.
func (s *Server) effect(ctx context.Context, tx bun.Tx, r *Request, h WriteHandler) (idempotency.Response, error) {
	savepoint, err := tx.BeginTx(ctx, nil)
	if err != nil {
		return idempotency.Response{}, err
	}
	object, failure := h(ctx, savepoint, r)
	response, err := s.response(ctx, savepoint, r, object, failure)
	if err != nil {
		return response, err // the whole transaction goes
	}
	if failure != nil && !isKept(failure) {
		return response, savepoint.Rollback()
	}
	return response, savepoint.Commit()
}

// response is the answer to send and save for what a door returned. An error that is
// not decided comes back as it is.
func (s *Server) response(ctx context.Context, idb bun.IDB, r *Request, object any, failure error) (idempotency.Response, error) {
	response := idempotency.Response{Status: http.StatusOK, RequestID: r.ID}
	if failure != nil {
		f := faultOf(failure)
		if !faceOf(f).decided || r.claim != nil && r.claim.RetryFailures && !isKept(failure) {
			return response, failure
		}
		response.Status, response.Body = RenderFault(f)
		return response, nil
	}
	object, err := s.expanded(ctx, idb, r, object)
	if err != nil {
		return response, err
	}
	response, err = idempotency.Answer(http.StatusOK, object)
	response.RequestID = r.ID
	return response, err
}

// expanded is a wire object with the expansions asked for. Once an operation was
// executed beyond recall (Steps), a path that cannot be expanded stays an id: an
// error would deny what has happened. Route.Returns catches such paths before.
func (s *Server) expanded(ctx context.Context, idb bun.IDB, r *Request, object any) (any, error) {
	switch object.(type) {
	case idempotency.Outcome, idempotency.Response:
		return object, nil
	}
	e := &expander{idb: idb, scope: r.Scope, up: r.Principal.Account == r.Scope.Platform, loaders: s.cfg.Loaders}
	shown, err := e.expand(ctx, object, r.Expand)
	if r.executed && fault.Is(err, fault.Invalid) {
		return object, nil
	}
	return shown, err
}
