// Package event is the log of everything that happened, written in the
// transaction of the money it tells about. The log is the outbox: the same row
// feeds GET /v1/events, Kafka, webhooks and payouts. It is shared out into lanes
// by account and cut into months by id; the README has the picture and what holds.
package event

import (
	"context"
	"encoding/json"
	"time"
)

// Event is one thing that happened to one object.
type Event struct {
	ID             string // evt_…
	Type           string // "charge.succeeded"
	Account        string // whose event it is: the platform account or a connected account
	Platform       string // the platform account that Account belongs to (itself for a platform)
	Livemode       bool
	ObjectID       string
	ObjectVersion  int64           // 1..n without gap per object, assigned under the object's row lock
	Object         json.RawMessage // the object as the API shows it, after the change
	Previous       json.RawMessage // previous_attributes of an *.updated event, or nil
	RequestID      string          // the request that caused it, or "" for automatic ones
	IdempotencyKey string
	CreatedAt      time.Time // business time
}

// Origin is the API request behind a change.
type Origin struct {
	RequestID      string
	IdempotencyKey string
}

type originKey struct{}

// WithOrigin marks ctx as working for a request.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf is the request ctx works for; zero for background work.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}
