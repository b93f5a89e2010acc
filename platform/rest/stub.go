package rest

import (
	"net/http"
	"sync"


	"github.com/sluicepay/sluice/platform/fault"
)

type node struct{}
type flights struct{ mu sync.Mutex }
type pathMethods struct{}

func decodeParams(*node, any) error { return nil }

// New makes a server without routes.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Mount adds routes.
func (s *Server) Mount(routes ...Route) {}

// ServeHTTP serves.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Read serves GETs.
func (s *Server) Read(h Handler) http.Handler { return nil }

// Write serves a POST or DELETE in one transaction.
func (s *Server) Write(h WriteHandler) http.Handler { return nil }

// Steps serves operations that talk to the outside.
func (s *Server) Steps(h Handler) http.Handler { return nil }

// Render makes the JSON body of a wire object.
func Render(v any) ([]byte, error) { return nil, nil }

// RenderFault makes the status and JSON body of an error.
func RenderFault(f *fault.Error) (int, []byte) { return 0, nil }
