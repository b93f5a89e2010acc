package rest

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/secret"
)

func (c Config) withDefaults() Config {
	if c.Store == nil {
		c.Store = idempotency.NewStore()
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Pepper.IsZero() {
		c.Pepper = secret.RandomPepper()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// statusClientGone stands in log and metrics for a caller who hung up.
const statusClientGone = 499

// note collects what the access log tells about one request.
type note struct {
	id      string
	start   time.Time
	route   string // path template
	account string
	fault   *fault.Error
	answer  []byte // of a write, and of a saved error
	size    int    // of the body, as announced
	status  int
	replay  bool
	request *Request // once it is admitted, or refused although its key is good
}

type noteKey struct{}

func noteOf(ctx context.Context) *note {
	n, _ := ctx.Value(noteKey{}).(*note)
	return n
}

// RequestID is the id of the request ctx works for, "" outside requests.
func RequestID(ctx context.Context) string {
	if n := noteOf(ctx); n != nil {
		return n.id
	}
	return ""
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	note *note
}

func (w *statusWriter) WriteHeader(status int) {
	if w.note.status == 0 {
		w.note.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.note.status == 0 {
		w.note.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Hijack hands the connection to a protocol other than HTTP. The access log's line
// comes when that has ended, and tells how long it took.
func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.note.status = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observed gives every request its id, and every answer its line in the log.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := &note{id: id.New("req"), start: time.Now()}
		w.Header().Set("Request-Id", n.id)
		next.ServeHTTP(&statusWriter{w, n}, r.WithContext(context.WithValue(r.Context(), noteKey{}, n)))
		took := time.Since(n.start)
		if n.status >= http.StatusInternalServerError && r.Context().Err() != nil {
			n.status = statusClientGone
		}
		if s.cfg.Observe != nil {
			s.cfg.Observe(r.Method, n.route, n.status, took)
		}
		if s.cfg.Requests != nil && n.request != nil {
			served := n.served(n.request)
			served.Took = took
			s.cfg.Requests.Note(served)
		}
		s.logAccess(r, n, took)
	})
}

// logAccess writes one line per answer. Of an internal error it tells the cause; of
// others only the public code, since causes may quote what the caller sent.
func (s *Server) logAccess(r *http.Request, n *note, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request", n.id),
		slog.String("method", r.Method),
		slog.String("route", n.route),
		slog.Int("status", n.status),
		slog.Duration("took", took),
	}
	if n.account != "" {
		attrs = append(attrs, slog.String("account", n.account))
	}
	if n.replay {
		attrs = append(attrs, slog.Bool("replayed", true))
	}
	if n.fault != nil {
		attrs = append(attrs, slog.String("code", n.fault.Code))
		if n.status >= http.StatusInternalServerError && n.fault.Err != nil && r.Context().Err() == nil {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", n.fault.Err.Error()))
		}
	}
	s.cfg.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// recovered turns a panic into a 500 that tells nothing, and logs where it was. The
// panic's value stays out of the log too: it may quote anything.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			n := noteOf(r.Context())
			s.cfg.Log.ErrorContext(r.Context(), "panic", "request", n.id, "stack", string(debug.Stack()))
			if n.status == 0 && !s.answersPerson(w, r, http.StatusInternalServerError) {
				w.Header().Set("Stripe-Should-Retry", "false") // it would panic again
				sendFault(w, r, &fault.Error{Kind: fault.Internal})
			}
		}()
		next.ServeHTTP(w, r)
	})
}
