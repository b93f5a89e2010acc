package rest

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"net/http"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
)

// face is how a kind of fault looks from outside. Official SDKs choose their
// error class by status (Node) or by type (Go), so both are part of the contract.
type face struct {
	status  int
	typ     string
	retry   string // Stripe-Should-Retry, "" leaves it to the SDK
	decided bool   // an answer to keep for the idempotency key
}

// faces is the one status table of the API.
var faces = map[fault.Kind]face{
	fault.Internal:            {http.StatusInternalServerError, "api_error", "", false},
	fault.Invalid:             {http.StatusBadRequest, "invalid_request_error", "", true},
	fault.Unauthenticated:     {http.StatusUnauthorized, "invalid_request_error", "", false},
	fault.Declined:            {http.StatusPaymentRequired, "card_error", "", true},
	fault.Forbidden:           {http.StatusForbidden, "invalid_request_error", "", true},
	fault.NotFound:            {http.StatusNotFound, "invalid_request_error", "", true},
	fault.Conflict:            {http.StatusConflict, "invalid_request_error", "true", true},
	fault.IdempotencyMismatch: {http.StatusBadRequest, "idempotency_error", "", false},
	fault.TooLarge:            {http.StatusRequestEntityTooLarge, "invalid_request_error", "", false},
	fault.RateLimited:         {http.StatusTooManyRequests, "invalid_request_error", "", false},
	fault.Unavailable:         {http.StatusServiceUnavailable, "api_error", "true", false},
}

// faceOf is the table's line for a fault, with the exceptions by code.
func faceOf(f *fault.Error) face {
	shown, ok := faces[f.Kind]
	if !ok {
		shown = faces[fault.Internal]
	}
	switch f.Code {
	case "idempotency_key_in_use":
		shown.typ = "idempotency_error"
	case "lock_timeout":
		shown.retry = "true" // two requests touched one object; the second one will pass
	}
	if f.Unsaved {
		shown.decided = false
	}
	return shown
}

const internalMessage = "An unknown error occurred. It has been recorded under the request id of this answer."

// faultOf is the public face of any error. What is not a fault becomes Internal or,
// when the database could not be reached or gave up waiting, Unavailable or
// lock_timeout. A commit without an answer is not Unavailable: that would promise
// that a request without a key can be repeated.
func faultOf(err error) *fault.Error {
	if f := fault.As(err); f != nil {
		if f.Kind != fault.Internal {
			return f
		}
		return &fault.Error{Kind: fault.Internal, Message: internalMessage, Err: err}
	}
	switch {
	case lockTimeout(err):
		return &fault.Error{
			Kind: fault.RateLimited, Code: "lock_timeout", Err: err, Unsaved: true,
			Message: "This object cannot be accessed right now because another API request is currently accessing it. Please retry.",
		}
	case errors.Is(err, db.ErrUnknown):
		return &fault.Error{
			Kind: fault.Internal, Err: err,
			Message: "The outcome of this request is not known yet. Retry with the same Idempotency-Key to learn it.",
		}
	case unreachable(err):
		return &fault.Error{
			Kind: fault.Unavailable, Err: err,
			Message: "The service is not available right now. Please retry with the same Idempotency-Key.",
		}
	}
	return &fault.Error{Kind: fault.Internal, Message: internalMessage, Err: err}
}

func lockTimeout(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// unreachable recognizes a database that is down, starting, stopping or full.
func unreachable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "57P01", "57P02", "57P03", "53300":
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, context.DeadlineExceeded)
}

// errorBody is the body of every error, fields in Stripe's order.
type errorBody struct {
	Error map[string]any `json:"error"`
}

// RenderFault makes the status and JSON body of an error, for those who save answers
// outside a request.
func RenderFault(f *fault.Error) (status int, body []byte) {
	shown := faceOf(f)
	members := make(map[string]any, 6+len(f.Fields))
	for name, value := range f.Fields {
		members[name] = value
	}
	for name, value := range map[string]string{
		"type": shown.typ, "code": f.Code, "decline_code": f.Decline, "message": f.Message, "param": f.Param,
	} {
		if value != "" {
			members[name] = value
		}
	}
	body, err := Render(errorBody{Error: members})
	if err != nil {
		return shown.status, []byte("{\n  \"error\": {\n    \"type\": \"api_error\"\n  }\n}\n")
	}
	return shown.status, body
}
