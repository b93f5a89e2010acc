package rest

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gorilla/mux"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/secret"
)

// RouteObserver hears of every answer, for metrics. route is the path template,
// or "" for unknown URLs.
type RouteObserver func(method, route string, status int, took time.Duration)

// Limits bounds what the server takes (see package ratelimit). A zero makes no bound.
type Limits struct {
	Rate       int // requests of one key a second
	Concurrent int // requests of one key at a time
	InHand     int // requests at a time
}

// Config is what the server stands on. Pool, Authenticator and Accounts are needed by authenticated routes.
type Config struct {
	Pool          *bun.DB
	Store         *idempotency.Store // nil: idempotency.NewStore()
	Authenticator Authenticator
	Accounts      AccountResolver
	Loaders       Loaders
	// Pepper keys the fingerprints of requests: they stay for weeks, and some are of
	// card numbers. The zero value draws one for this process; replays over a restart
	// or on another node need a lasting one.
	Pepper secret.Pepper
	// Clock dates idempotency claims; nil is the machine's clock. Not the sandbox's:
	// advancing test time must not make keys expire.
	Clock    clock.Clock
	Log      *slog.Logger  // nil: slog.Default()
	Observe  RouteObserver // nil: nobody listens
	Limits   Limits
	Requests RequestLog // nil: nobody keeps requests
	Audit    AuditLog   // nil: nobody keeps who changed what
	// Proxies are trusted to say in X-Forwarded-For for whom they ask.
	Proxies []netip.Prefix
	// ErrorPage answers people: a browser that asks for a page which is not there, or
	// whose request failed unexpectedly, gets it instead of JSON. nil: JSON for everybody.
	ErrorPage func(w http.ResponseWriter, r *http.Request, status int)
}

// Server is the HTTP face of the API.
type Server struct {
	cfg      Config
	router   *mux.Router
	plain    map[string]http.Handler // by method and path: routes without variables, see find
	handler  http.Handler
	methods  []pathMethods
	flights  flights
	bodyTime time.Duration // what a body without files has to arrive
	uploads  chan struct{} // a token for each request with files that is being served
	rates    *ratelimit.Rates
	perKey   *ratelimit.Flights
	shedder  *ratelimit.Shedder
}

// Route is one operation.
type Route struct {
	Method   string // GET also serves HEAD
	Path     string // full path with {name} variables, "/v1/charges/{id}"
	Resource string // scope name, "charges"; needed unless Public
	Handler  http.Handler
	// Worth is what the operation is worth when not all requests can be served.
	Worth ratelimit.Worth
	// Publishable opens the operation to publishable keys.
	Publishable bool
	// Public operations have no authentication, version or idempotency.
	Public bool
	// Upload is the largest multipart/form-data body that is accepted, in bytes; 0
	// accepts none. Other bodies keep to the limit of all requests.
	Upload int64
	// Returns is an empty value of the wire object the operation returns. With it,
	// wrong expand[] paths are refused before anything is executed; Write and Steps
	// routes should have it.
	Returns any

	watched bool // by the audit log
}
