package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ory/fosite"

	"github.com/sluicepay/sluice/platform/fault"
)

// Error is an error of the protocol as RFC 6749 shows it: a registered code and
// a sentence. Err is the cause for operators and is never sent.
type Error struct {
	Status      int
	Code        string
	Description string
	Challenge   string        // the scheme of WWW-Authenticate, with 401
	RetryAfter  time.Duration // with 429
	Err         error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Description, e.Err)
	}
	return e.Code + ": " + e.Description
}

func (e *Error) Unwrap() error { return e.Err }

func refuse(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Description: fmt.Sprintf(format, args...)}
}

func invalidRequest(format string, args ...any) *Error {
	return refuse("invalid_request", format, args...)
}

func invalidGrant(format string, args ...any) *Error {
	return refuse("invalid_grant", format, args...)
}

func invalidScope(format string, args ...any) *Error {
	return refuse("invalid_scope", format, args...)
}

// badClient is the one answer to every failed client authentication, so that it
// does not tell which part was wrong.
func badClient() *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "Client authentication failed.", Challenge: "Basic"}
}

// keyElsewhere answers a platform's key from an address it is not limited to. Who holds
// the key has proved it, so that the answer may say what is wrong.
func keyElsewhere(peer string) *Error {
	return &Error{
		Status: http.StatusForbidden, Code: "invalid_client",
		Description: "This API key may not be used from " + peer + ": it is limited to certain IP addresses.",
	}
}

// Refusal is the protocol's face of any error. What is not an Error is a failure
// of ours: it is logged, and its face tells nothing.
func (p *Provider) Refusal(ctx context.Context, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if ctx.Err() == nil {
		p.cfg.Log.ErrorContext(ctx, "oauth request failed", "request", requestID(ctx), "error", err)
	}
	if fault.Is(err, fault.Unavailable) {
		return &Error{
			Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Err: err, RetryAfter: time.Second,
			Description: "The service is not available right now. Please retry.",
		}
	}
	return &Error{
		Status: http.StatusInternalServerError, Code: "server_error", Err: err,
		Description: "An unknown error occurred. It has been recorded under the request id of this answer.",
	}
}

// registered are the codes that fosite may give and that clients may see. Its
// texts are not shown: they are long, and some quote the request.
var registered = map[string]string{
	"invalid_request":           "The request is malformed.",
	"invalid_client":            "Client authentication failed.",
	"invalid_grant":             "The grant is invalid, expired, revoked, or was issued to another client.",
	"invalid_scope":             "The scope is unknown or exceeds what was granted.",
	"unauthorized_client":       "This client may not use this grant type.",
	"unsupported_grant_type":    "Unsupported grant_type.",
	"unsupported_response_type": "Unsupported response_type: must be code.",
}

// fromFosite maps what fosite refused to our own errors; what it calls a failure
// of the server stays one.
func fromFosite(err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var theirs *fosite.RFC6749Error
	if !errors.As(err, &theirs) {
		return err
	}
	description, known := registered[theirs.ErrorField]
	if !known {
		return fmt.Errorf("fosite: %w", err)
	}
	refused := refuse(theirs.ErrorField, "%s", description)
	if theirs.ErrorField == "invalid_client" {
		return badClient()
	}
	refused.Err = err
	return refused
}
