// Package rest is the front of house: it turns an HTTP request into an
// authenticated, decoded Request for a door, and what the door returns into a
// Stripe-compatible answer.
//
// Order of work, from outside in: request id → access log and metrics → recover
// → route → authenticate → acting account → version → rate limit → parameters →
// idempotency → handler → expansions → JSON. Doors know nothing of HTTP statuses: they return wire
// objects or *fault.Error values; the one status table stands in errors.go.
//
// Around the handler, of requests whose key was recognised: a request log is shown
// each once it is answered (Config.Requests), and an audit log is asked before and
// told after what changes something (Config.Audit); see served.go.
//
// What a door may rely on:
//
//   - Read serves a GET.
//   - Write serves a POST or DELETE whose whole effect is one transaction: the claim
//     of the Idempotency-Key, the effect (in a savepoint) and the saved answer commit
//     together. Decided errors (kinds Invalid, Declined, Forbidden, NotFound and
//     Conflict, unless marked Unsaved) are saved too, their effect rolled back.
//     Without a key it is just a transaction.
//   - Steps serves operations with an outside call between two commits. The handler
//     claims and saves by itself, through idempotency.From(ctx).
//   - A route with Upload also takes multipart/form-data, after the key was
//     recognised; a file reaches the door as a field of type Upload.
//
// A request with the header "Sluice-Idempotency-Retry-Failures: true" asks that
// errors are never saved: a payout refused for balance_insufficient can be tried
// again later under the same key. Default is Stripe's rule.
package rest
