// Package fault is the one error type that callers outside a room may see.
//
// A fault says what kind of failure happened, which public code and parameter
// it names, and a sentence for the user. The status table that turns a Kind
// into an HTTP status and a Stripe-compatible error type stands in
// platform/rest; nobody else decides about statuses.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what the caller can do about a failure.
type Kind int

const (
	// Internal is our own failure; the caller may retry with the same key.
	Internal Kind = iota
	// Invalid is a request that can never succeed as it stands.
	Invalid
	// Unauthenticated means no or a bad credential.
	Unauthenticated
	// Declined is a refusal by the card issuer or the processor: a decision, not a failure.
	Declined
	// Forbidden means the credential is good but does not reach this far.
	Forbidden
	// NotFound also covers objects of other accounts and of the other mode.
	NotFound
	// Conflict means somebody else is changing the same thing now; retry is safe.
	Conflict
	// IdempotencyMismatch is a key used again with other parameters.
	IdempotencyMismatch
	// TooLarge is a request body over the limit.
	TooLarge
	// RateLimited asks the caller to slow down.
	RateLimited
	// Unavailable means we cannot take the request now; nothing was done.
	Unavailable
)

// Error is a failure with a public face. Message is written for the API user
// and never contains secrets; Err is the cause for operators and is never sent.
type Error struct {
	Kind    Kind
	Code    string // public code, e.g. "balance_insufficient"
	Param   string // the parameter at fault, in request spelling: "transfer_data[destination]"
	Message string
	Decline string         // decline_code of a Declined error
	Fields  map[string]any // objects shown beside the error: "charge" id, "payment_intent" object
	// Unsaved keeps the answer from being remembered for the request's idempotency
	// key, so that the same key can be used again once the cause is mended. Errors of
	// parameter decoding carry it: nothing was executed yet.
	Unsaved bool
	Err     error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Invalidf is an Invalid error that names a code and a parameter (either may be empty).
func Invalidf(code, param, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Missing is the error for an absent required parameter.
func Missing(param string) *Error {
	return Invalidf("parameter_missing", param, "Missing required param: %s.", param)
}

// NoSuch is the error for an object that is not there for this caller; noun as in "charge".
func NoSuch(noun, id string) *Error {
	return &Error{Kind: NotFound, Code: "resource_missing", Param: "id", Message: fmt.Sprintf("No such %s: '%s'", noun, id)}
}

// As returns the fault inside err, or nil.
func As(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Is reports whether err carries a fault of this kind.
func Is(err error, kind Kind) bool {
	f := As(err)
	return f != nil && f.Kind == kind
}
