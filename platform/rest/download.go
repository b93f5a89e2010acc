package rest

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// Attachment is an answer that is a file and not JSON.
type Attachment struct {
	Name  string // as it is saved
	Type  string // media type
	Size  int64  // in bytes; 0 if it is not known before
	Write func(w io.Writer) error
}

// Download serves a GET that answers with a file. Faults found before the file
// begins are answered like all others; one in the middle of it cuts the answer off,
// so that half a file never looks like a whole one.
func (s *Server) Download(h func(ctx context.Context, r *Request) (Attachment, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := requestOf(hr.Context())
		if r == nil {
			panic("rest: handler served on a public route")
		}
		a, err := h(hr.Context(), r)
		if err != nil {
			sendFault(w, hr, err)
			return
		}
		header := w.Header()
		header.Set("Content-Type", a.Type)
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
		header.Set("Cache-Control", "no-cache, no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		if a.Size > 0 {
			header.Set("Content-Length", strconv.FormatInt(a.Size, 10))
		}
		if hr.Method == http.MethodHead {
			return
		}
		if err := a.Write(w); err != nil {
			s.cfg.Log.ErrorContext(hr.Context(), "a file could not be sent whole", "request", r.ID, "error", err)
			panic(http.ErrAbortHandler)
		}
	})
}
