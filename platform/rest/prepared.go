package rest

import (
	"context"
	"net/http"
)

// Prepared is Write with a first part outside the transaction: prepare decodes and
// checks what needs other connections, and returns the effect. What prepare
// refuses is not saved for the idempotency key: nothing was executed.
func (s *Server) Prepared(prepare func(ctx context.Context, r *Request) (WriteHandler, error)) http.Handler {
	return s.serve(func(ctx context.Context, r *Request) (any, error) {
		return s.once(ctx, r, func(ctx context.Context) (any, error) {
			effect, err := prepare(ctx, r)
			if err != nil {
				return nil, Unsaved(err)
			}
			if r.claim == nil {
				return s.plainWrite(ctx, r, effect)
			}
			return s.claimedWrite(ctx, r, effect)
		})
	})
}
