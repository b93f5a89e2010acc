package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Protocol requests are read here and nowhere else. fosite takes the first of
// repeated parameters (F9), reads multipart bodies, and merges query and body;
// RFC 6749 (3.1, 3.2) forbids the first, and nobody needs the others.

const (
	maxForm  = 64 << 10 // bytes of a body
	maxQuery = 16 << 10 // bytes of an authorization request
	maxState = 2 << 10  // bytes of state
)

// readForm is the body of a protocol request: POST, form-encoded, bounded,
// without parameters in the URL, where they would be logged.
func readForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, invalidRequest("This endpoint takes POST requests only.")
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("Parameters must be sent in the body, not in the URL.")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("The content type must be application/x-www-form-urlencoded.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxForm))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, invalidRequest("The request body is too large.")
	}
	if err != nil {
		return nil, invalidRequest("The request body could not be read.")
	}
	return strictForm(string(body))
}

// strictForm parses a form in which every name stands once, except lists (name[]).
func strictForm(encoded string) (url.Values, error) {
	form, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, invalidRequest("The parameters are not well-formed.")
	}
	for name, values := range form {
		if len(values) > 1 && !strings.HasSuffix(name, "[]") {
			return form, &repeatedError{name}
		}
	}
	return form, nil
}

// repeatedError is a parameter that stands there twice.
type repeatedError struct{ name string }

func (e *repeatedError) Error() string { return "repeated parameter" }

func (e *repeatedError) Unwrap() error {
	return invalidRequest("The parameter %s must not be repeated.", shown(e.name))
}

// shown is a name from a request as an error may quote it.
func shown(name string) string {
	if len(name) > 40 {
		name = name[:40]
	}
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '[' || c == ']' {
			return c
		}
		return '?'
	}, name)
}

// fine reports whether text may go to the database: valid UTF-8 without NUL.
func fine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
