package rest

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ratelimit"
)

// pathMethods remembers what is mounted under one path template, for 405 and OPTIONS:
// the router knows neither.
type pathMethods struct {
	matches *regexp.Regexp
	methods []string
}

// New makes a server without routes.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg.withDefaults(), router: mux.NewRouter(), plain: map[string]http.Handler{}, bodyTime: bodyTime, uploads: make(chan struct{}, maxUploads),
		rates: ratelimit.NewRates(cfg.Limits.Rate), perKey: ratelimit.NewFlights(cfg.Limits.Concurrent), shedder: ratelimit.NewShedder(cfg.Limits.InHand),
	}
	// Clean paths are the client's business: the router's redirect would turn a POST into a GET.
	s.router.SkipClean(true)
	s.router.NotFoundHandler = http.HandlerFunc(s.noSuchRoute)
	s.router.MethodNotAllowedHandler = http.HandlerFunc(s.noSuchRoute)
	s.handler = behindProxies(s.cfg.Proxies, s.observed(s.recovered(http.HandlerFunc(s.find))))
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Mount adds routes. Order matters: of two paths that match, the first one serves, so
// /v1/accounts/search stands before /v1/accounts/{id}, and hot routes stand first.
// It panics on a route that is not Public and names no resource: nothing is open by
// omission. It panics on uploads without a secret key, too.
func (s *Server) Mount(routes ...Route) {
	for i := range routes {
		route := &routes[i]
		route.watched = s.cfg.Audit != nil && s.cfg.Audit.Watches(*route)
		if !route.Public && route.Resource == "" {
			panic("rest: route " + route.Method + " " + route.Path + " has no resource")
		}
		if route.Upload > 0 && (route.Public || route.Publishable) {
			// A publishable key may stand in the body: files would be read for somebody unknown.
			panic("rest: route " + route.Method + " " + route.Path + " takes uploads from anybody")
		}
		methods := []string{route.Method}
		if route.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		handler := s.routed(route)
		for _, method := range methods {
			if !strings.Contains(route.Path, "{") && !s.mounted(method, route.Path) {
				s.plain[method+route.Path] = handler
			}
		}
		mounted := s.router.Handle(route.Path, handler).Methods(methods...)
		s.remember(mounted, methods)
	}
}

// find serves a request by its route. The router tries one route after the other, some
// hundred expressions for those at the end; a path without variables is looked up.
func (s *Server) find(w http.ResponseWriter, r *http.Request) {
	if len(r.Method)+len(r.URL.Path) <= longestPlain {
		var b [longestPlain]byte
		if handler := s.plain[string(append(append(b[:0], r.Method...), r.URL.Path...))]; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
	}
	s.router.ServeHTTP(w, r)
}

// longestPlain is more than method and path of any route without variables take.
const longestPlain = 128

// mounted reports whether a route already serves the path.
func (s *Server) mounted(method, path string) bool {
	return slices.ContainsFunc(s.methods, func(p pathMethods) bool {
		return p.matches.MatchString(path) && slices.Contains(p.methods, method)
	})
}

func (s *Server) remember(route *mux.Route, methods []string) {
	pattern, err := route.GetPathRegexp()
	if err != nil {
		panic("rest: " + err.Error())
	}
	for i := range s.methods {
		if s.methods[i].matches.String() == pattern {
			s.methods[i].methods = append(s.methods[i].methods, methods...)
			return
		}
	}
	s.methods = append(s.methods, pathMethods{regexp.MustCompile(pattern), methods})
}

// noSuchRoute answers 404, 405 and OPTIONS in the shape of all other errors.
func (s *Server) noSuchRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, p := range s.methods {
		if p.matches.MatchString(r.URL.Path) {
			allowed = append(allowed, p.methods...)
		}
	}
	if len(allowed) == 0 {
		if s.answersPerson(w, r, http.StatusNotFound) {
			return
		}
		sendFault(w, r, unknownURL(r))
		return
	}
	allowed = append(allowed, http.MethodOptions)
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if s.answersPerson(w, r, http.StatusMethodNotAllowed) {
		return
	}
	_, body := RenderFault(unknownURL(r))
	send(w, http.StatusMethodNotAllowed, body)
}

// answersPerson shows the error page to a browser that navigates; false if the
// caller is a program, which reads JSON.
func (s *Server) answersPerson(w http.ResponseWriter, r *http.Request, status int) bool {
	if s.cfg.ErrorPage == nil || strings.HasPrefix(r.URL.Path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	s.cfg.ErrorPage(w, r, status)
	return true
}

func unknownURL(r *http.Request) *fault.Error {
	return &fault.Error{
		Kind:    fault.NotFound,
		Message: "Unrecognized request URL (" + printable(r.Method) + ": " + printable(r.URL.Path) + ").",
	}
}

// routed is the way of every request that has a route: who, for whom, which version, what.
func (s *Server) routed(route *Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note := noteOf(r.Context())
		note.route = route.Path
		if !fine(r.URL.Path) { // ids in it go to the database, which cannot carry NUL
			sendFault(w, r, unknownURL(r))
			return
		}
		if route.Public {
			route.Handler.ServeHTTP(w, r)
			return
		}
		leave, err := s.enter(route)
		if err != nil {
			sendFault(w, r, err)
			return
		}
		defer leave()
		if route.Upload > 0 {
			leave, err := s.enterUpload()
			if err != nil {
				sendFault(w, r, err)
				return
			}
			defer leave()
		}
		request, err := s.admit(w, r, route)
		if request != nil && request.leave != nil {
			defer request.leave()
		}
		if err != nil {
			sendFault(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), requestKey{}, request)
		request.Request = r.WithContext(ctx)
		s.audited(w, request, note, func() { route.Handler.ServeHTTP(w, request.Request) })
	})
}
