// Package wire holds the public nouns as JSON: what the API shows, without
// behaviour. Shapes follow the Stripe OpenAPI file (API 2026-08-26.dahlia);
// every response in the tests is validated against it.
package wire

import "encoding/json"

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
		return json.Marshal(r.Object)
	case r.ID != "":
		return json.Marshal(r.ID)
	}
	return []byte("null"), nil
}

// List is one page, newest first.
type List[T any] struct {
	Object  string `json:"object"` // always "list"
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

// Deleted is what remains of a deleted object.
type Deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}
