// Package wire holds the public nouns as JSON: what the API shows, without
// behaviour. Shapes follow the Stripe OpenAPI file (API 2026-08-26.dahlia);
// every response in the tests is validated against it.
package wire

import (
	"bytes"
	"encoding/json"
	"time"
)

// Ref is an expandable reference: an id, the whole object once expanded, or null.
type Ref struct {
	ID     string
	Object any
}

// To is a reference to id; "" is null.
func To(id string) Ref { return Ref{ID: id} }

// MarshalJSON writes the object if expanded, else the id, else null.
func (r Ref) MarshalJSON() ([]byte, error) {
	switch {
	case r.Object != nil:
		return marshal(r.Object)
	case r.ID != "":
		return json.Marshal(r.ID)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads an id or null; an expanded object keeps only its id.
func (r *Ref) UnmarshalJSON(b []byte) error {
	*r = Ref{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if len(b) > 0 && b[0] == '{' {
		var object struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(b, &object)
		r.ID = object.ID
		return err
	}
	return json.Unmarshal(b, &r.ID)
}

// marshal is json.Marshal without HTML escapes, so that an object reads the same alone and expanded.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Lazy is a part of an object that is shown only when expand[] names it.
type Lazy struct {
	Kind   string // which part: "charge.refunds"
	ID     string // of which object
	Object any    // once expanded
}

// IsZero keeps the part out of the JSON (omitzero) until it is expanded.
func (l Lazy) IsZero() bool { return l.Object == nil }

// MarshalJSON writes the part.
func (l Lazy) MarshalJSON() ([]byte, error) { return marshal(l.Object) }

// UnmarshalJSON keeps the part as it is.
func (l *Lazy) UnmarshalJSON(b []byte) error {
	l.Object = json.RawMessage(bytes.Clone(b))
	return nil
}

// List is one page, newest first.
type List[T any] struct {
	Object  string `json:"object"` // always "list"
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

// ListOf is a page under its URL; nil data shows as [].
func ListOf[T any](url string, hasMore bool, data []T) List[T] {
	if data == nil {
		data = []T{}
	}
	return List[T]{Object: "list", URL: url, HasMore: hasMore, Data: data}
}

// Deleted is what remains of a deleted object.
type Deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// Unix is a time as the API shows it, in seconds.
func Unix(t time.Time) int64 { return t.Unix() }

// Nullable is null for the zero value: nullable strings, integers and times of the API.
func Nullable[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// NullableUnix is null for the zero time.
func NullableUnix(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}
