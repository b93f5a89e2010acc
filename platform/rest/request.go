package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/gorilla/mux"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

// KeyKind is the sort of a credential.
type KeyKind string

// The sorts of API keys.
const (
	Secret      KeyKind = "secret"      // sk_…: everything
	Publishable KeyKind = "publishable" // pk_…: only routes that say so
	Restricted  KeyKind = "restricted"  // rk_…: what its scopes say
)

// Principal is who presents a credential.
type Principal struct {
	KeyID    string
	Account  string // the account the key belongs to
	Platform string // the platform behind an OAuth access token of Account; "" when Account is itself a platform
	Livemode bool
	Token    bool // an OAuth access token, which is a program of Platform's
	Kind     KeyKind
	Scopes   []string // "charges:read", "charges:write" (which includes read); nil means all
	// Networks are where the credential is good from; nil means everywhere.
	Networks []netip.Prefix
	// Member is one of Account's own people, whose id stands as KeyID: for that account it
	// does not matter what the platform behind it may do.
	Member bool
}

// Authenticator knows credentials. It answers a bad one with a fault of kind
// Unauthenticated; an empty message gets the usual text.
type Authenticator interface {
	Authenticate(ctx context.Context, secret string) (Principal, error)
}

// AccountResolver tells what a platform may do with an account it is connected to.
type AccountResolver interface {
	Reach(ctx context.Context, platform, account string, livemode bool) (tenant.Access, error)
}

// Request is what a door sees: authenticated and parsed.
type Request struct {
	*http.Request
	Scope     tenant.Scope // on whose behalf: platform, account acted for, mode
	Principal Principal
	Version   string   // the API version asked for, or ours
	ID        string   // req_…
	Expand    []string // paths of expand[]

	route    *Route
	params   *node              // query and body, without expand[] and key
	claim    *idempotency.Claim // nil without a key
	leave    func()             // gives back its place among its key's requests; nil if it has none
	executed bool               // by the time of the answer the effect is beyond recall
}

// Path is the value of a {name} in the route's path.
func (r *Request) Path(name string) string { return mux.Vars(r.Request)[name] }

// Decode fills the struct that into points to from query and body, strictly: see
// decode.go for types and tags. Its errors are Invalid faults that name the
// parameter in request spelling and are not saved for the idempotency key.
func (r *Request) Decode(into any) error { return decodeParams(r.params, into) }

// Handler is a door: it returns a wire object or a fault. It may also return an
// idempotency.Outcome (a replay) or an idempotency.Response (already rendered).
type Handler func(ctx context.Context, r *Request) (any, error)

// WriteHandler is a door whose whole effect is tx.
type WriteHandler = func(ctx context.Context, tx bun.Tx, r *Request) (any, error)

// Ignored accepts a parameter of Stripe's API that has no meaning here.
type Ignored struct{}

// ParamDecoder is a parameter type that reads itself. v is a string, a
// []any, a map[string]any of these, an Upload, or nil for JSON null; numbers and
// booleans come as their text. name is the parameter in request spelling.
type ParamDecoder interface {
	DecodeParam(name string, v any) error
}

// Loader fetches one object for an expansion, as its wire object; NotFound keeps the id.
type Loader func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error)

// Elsewhere is what a Loader returns for an object that lives on another account
// than the one asked for. References inside it are followed from there.
type Elsewhere struct {
	Account string
	Object  any
}

// Loaders finds the loader of an id by the id's prefix: "ch" for ch_…, and that of a
// wire.Lazy by its kind.
type Loaders map[string]Loader

type requestKey struct{}

// requestOf is the request that ctx works for.
func requestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// Unsaved marks an error as not decided: it is not remembered for the idempotency
// key. Doors use it for checks of their own that precede any effect.
func Unsaved(err error) error {
	f := fault.As(err)
	if f == nil || f.Unsaved {
		return err
	}
	marked := *f
	marked.Unsaved = true
	return &marked
}

// Kept marks a refusal that is itself worth keeping: what a WriteHandler wrote
// before it, such as a record of the attempt, is committed with the answer. Only
// faults that are decided can be kept; others stay as they are.
func Kept(err error) error {
	if f := fault.As(err); f == nil || !faceOf(f).decided {
		return err
	}
	return &keptError{err}
}

type keptError struct{ error }

func (e *keptError) Unwrap() error { return e.error }

func isKept(err error) bool {
	var kept *keptError
	return errors.As(err, &kept)
}
