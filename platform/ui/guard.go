package ui

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// GuardOption widens what a guarded handler takes.
type GuardOption func(*guard)

// AcceptFiles takes multipart/form-data, too, up to so many bytes in all.
func AcceptFiles(bytes int64) GuardOption {
	return func(g *guard) { g.files, g.maxBody = true, bytes }
}

type guard struct {
	kit     *Kit
	next    http.Handler
	maxBody int64
	files   bool
	cross   *http.CrossOriginProtection
}

const (
	maxForm       = 64 << 10
	formType      = "application/x-www-form-urlencoded"
	filesInMemory = 1 << 20 // larger uploads go to disk until the request ends
)

// Guard stands before every handler of hosted pages. Behind it a request is GET,
// HEAD or a POST from our own pages, its form is parsed (r.PostForm, and r.MultipartForm
// for files), and every name in it has one value, unless the name ends in "[]".
//
// There are no hidden tokens: session cookies are SameSite=Lax, and the browser itself
// says where a POST comes from (Sec-Fetch-Site, or Origin).
func (k *Kit) Guard(h http.Handler, options ...GuardOption) http.Handler {
	g := &guard{kit: k, next: h, maxBody: maxForm, cross: http.NewCrossOriginProtection()}
	for _, o := range options {
		o(g)
	}
	return g
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.kit.pageHeaders(w)
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		g.kit.ErrorPage(w, r, http.StatusMethodNotAllowed, "ui.error.method", "")
		return
	}
	if err := g.cross.Check(r); err != nil {
		g.kit.ErrorPage(w, r, http.StatusForbidden, "ui.error.cross_origin", "")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, g.maxBody)
	defer func() {
		// net/http would do so for the request that it made; this one is a copy, from
		// whoever routed it here, and its files would stay for ever.
		if r.MultipartForm != nil {
			_ = r.MultipartForm.RemoveAll()
		}
	}()
	if err := g.admit(r); err != nil {
		key := "ui.error.bad_request"
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			key = "ui.error.too_large"
		}
		g.kit.ErrorPage(w, r, http.StatusBadRequest, key, "")
		return
	}
	g.next.ServeHTTP(w, r)
}

var errMalformed = errors.New("malformed request")

// admit parses the request and refuses one that two readers could read differently.
func (g *guard) admit(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errMalformed
	}
	if r.Method == http.MethodPost {
		if err := g.parse(r); err != nil {
			return err
		}
	} else if r.ContentLength != 0 {
		return errMalformed // a body on GET means nothing here
	}
	for name, values := range query {
		if _, twice := r.PostForm[name]; twice || !sound(name, values) {
			return errMalformed
		}
	}
	for name, values := range r.PostForm {
		if !sound(name, values) {
			return errMalformed
		}
	}
	if r.MultipartForm != nil {
		for name, uploads := range r.MultipartForm.File {
			_, twice := r.PostForm[name]
			if twice || len(uploads) > 1 && !strings.HasSuffix(name, "[]") {
				return errMalformed
			}
		}
	}
	return nil
}

func (g *guard) parse(r *http.Request) error {
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && contentType == formType:
		return r.ParseForm()
	case err == nil && contentType == "multipart/form-data" && g.files:
		return r.ParseMultipartForm(min(g.maxBody, filesInMemory))
	case err != nil && r.ContentLength == 0 && r.Header.Get("Content-Type") == "":
		return r.ParseForm() // a form without fields
	}
	return errMalformed
}

// sound values are text that PostgreSQL can hold, and one to a name.
func sound(name string, values []string) bool {
	if len(values) > 1 && !strings.HasSuffix(name, "[]") {
		return false
	}
	for _, v := range append(values, name) {
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return false
		}
	}
	return true
}
