package openapi

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Wrap serves as h does and fails t on the first answer that does not fit the file.
func Wrap(t testing.TB, h http.Handler) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tee := &teeWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(tee, r)
		if r.Method == http.MethodHead || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			return
		}
		if err := Validate(r.Method, r.URL.Path, tee.status, tee.body.Bytes()); err != nil {
			once.Do(func() { t.Errorf("answer does not fit the OpenAPI file: %v\n%s", err, tee.body.String()) })
		}
	})
}

type teeWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *teeWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *teeWriter) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *teeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
