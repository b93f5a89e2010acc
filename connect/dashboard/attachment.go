package dashboard

import (
	"net/http"
	"net/url"
)

// Deliver passes a file of the API on to the browser, under a name.
func (v *Visit) Deliver(w http.ResponseWriter, r *http.Request, path, name string) error {
	out := &attachment{w: w, name: name}
	_, err := v.API.Download(r.Context(), path, out)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler) // half a file must not look like a whole one
	}
	return err
}

// attachment names a download once its first bytes are there; until then an error is a page.
type attachment struct {
	w     http.ResponseWriter
	name  string
	begun bool
}

// Write sends a piece of the file.
func (a *attachment) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", "application/octet-stream")
		a.w.Header().Set("Content-Disposition", `attachment; filename="`+url.PathEscape(a.name)+`"`)
	}
	return a.w.Write(p)
}
