// Package idempotency remembers the first answer given for an Idempotency-Key,
// in the transaction of the effect, so that a repeated request is answered
// without a second effect, also after kill -9.
//
// A key belongs to (account acted for, mode) and is shared by all endpoints of
// that account. A request claims its key in its first transaction; a key that
// is claimed without an answer is in progress, and whoever owns the operation
// (the request itself, or a sweeper that finds the claim by its object) saves
// the answer later. Answers are kept for Retention.
package idempotency

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Retention is how long an answer is remembered at least; Sweep forgets older ones.
const Retention = 30 * 24 * time.Hour

// MaxKey is the longest key accepted, in bytes.
const MaxKey = 255

// Claim is one request's wish to own its key.
type Claim struct {
	Key         string
	Hash        [16]byte // of (account, mode, key); what is stored
	Fingerprint [16]byte // of method, path and canonical parameters
	RequestID   string
	Scope       tenant.Scope
	// Object is the object that the claim belongs to, e.g. ch_…, set by the owner before
	// ClaimMany so that a sweeper can finish the claim after a crash.
	Object string
	// RetryFailures is the caller's wish that errors are not remembered: owners
	// Release the claim instead of saving an error.
	RetryFailures bool
	// Expands says that Render will read other rows than the object's (expand[]):
	// owners write everything before they call it.
	Expands bool
	// Render makes the answer that will be sent and saved out of a wire object or an
	// error, expansions included. idb is where expansions read. Internal and
	// unavailable errors come back as error: they are not answers to save.
	Render func(ctx context.Context, idb bun.IDB, object any, err error) (Response, error)

	decided atomic.Bool // ClaimMany has said whose the key is
}

// Decided reports whether a ClaimMany has decided about the claim. It may be asked
// while one still does, by a caller who stopped waiting.
func (c *Claim) Decided() bool { return c.decided.Load() }

// HashKey is the stored form of a key: 16 bytes of SHA-256 over account, mode and key.
func HashKey(scope tenant.Scope, key string) [16]byte {
	b := make([]byte, 0, 320)
	b = append(b, scope.Account...)
	b = append(b, 0)
	b = append(b, scope.Mode()...)
	b = append(b, 0)
	b = append(b, key...)
	return Sum(b)
}

// Sum is the first half of SHA-256.
func Sum(b []byte) [16]byte {
	full := sha256.Sum256(b)
	return [16]byte(full[:16])
}

type claimKey struct{}

// With gives ctx the claim of its request.
func With(ctx context.Context, c *Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, c)
}

// From is the claim of the request ctx works for; nil when it has no key.
func From(ctx context.Context) *Claim {
	c, _ := ctx.Value(claimKey{}).(*Claim)
	return c
}

// Response is an answer as it was sent.
type Response struct {
	Status    int
	Body      []byte
	RequestID string // the request that was answered first

	text []byte // Body without the white space; nil when that is still to be found out
}

// Answer is the response that shows a wire object, rendered as all answers are. It is
// rendered once without white space, which is how it is kept, and spread from there.
func Answer(status int, object any) (Response, error) {
	text, err := wire.Compact(make([]byte, 0, typicalAnswer), object)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: status, Body: spread(text), text: text}, nil
}

// typicalAnswer is more than most answers take without white space.
const typicalAnswer = 2048

// State is what became of a claim.
type State int

const (
	// Fresh means the key is ours now: execute.
	Fresh State = iota
	// Replay means the key has an answer: send Outcome.Response again.
	Replay
	// InProgress means another request owns the key and has no answer yet.
	InProgress
	// Mismatch means the key was used with other parameters.
	Mismatch
)

// Outcome is the decision on one claim. A handler that meets Replay returns the
// Outcome itself; rest sends the saved answer and marks it as replayed.
type Outcome struct {
	State    State
	Response Response // of a Replay
	Key      string
}

// Err is the fault of an outcome that must not be executed: Conflict for InProgress,
// IdempotencyMismatch for Mismatch; nil for Fresh and Replay.
func (o Outcome) Err() error {
	switch o.State {
	case InProgress:
		return InUse(o.Key)
	case Mismatch:
		return &fault.Error{
			Kind:    fault.IdempotencyMismatch,
			Unsaved: true,
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. " +
				"Try using a key other than '" + o.Key + "' if you meant to execute a different request.",
		}
	case Fresh, Replay:
	}
	return nil
}

// InUse is the error for a key whose first request still runs.
func InUse(key string) *fault.Error {
	return &fault.Error{
		Kind:    fault.Conflict,
		Code:    "idempotency_key_in_use",
		Unsaved: true,
		Message: "There is currently another in-progress request using this Idempotent Key " +
			"(that probably means you submitted twice, and the other request is still going through): " + key +
			". Please try again later.",
	}
}
