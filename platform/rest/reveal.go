package rest

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/idempotency"
)

// RevealHandler is a door whose answer shows a secret that is shown only once.
// shown is that answer, kept the same without the secret.
type RevealHandler = func(ctx context.Context, tx bun.Tx, r *Request) (shown, kept any, err error)

// Reveal serves a POST like Write does, except that the answer remembered for
// the idempotency key has no secret in it: the database must not hold one in
// plain. A repeated request is answered with the object, not with its secret.
// Errors are not remembered.
func (s *Server) Reveal(h RevealHandler) http.Handler {
	return s.Steps(func(ctx context.Context, r *Request) (any, error) {
		var answer any
		err := db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
			var err error
			answer, err = s.reveal(ctx, tx, r, h)
			return err
		})
		return answer, err
	})
}

func (s *Server) reveal(ctx context.Context, tx bun.Tx, r *Request, h RevealHandler) (any, error) {
	claim, store := idempotency.From(ctx), s.cfg.Store
	if claim == nil {
		shown, _, err := h(ctx, tx, r)
		return shown, err
	}
	at := s.cfg.Clock.Now()
	outcomes, err := store.ClaimMany(ctx, tx, at, []*idempotency.Claim{claim})
	if err != nil {
		return nil, err
	}
	if err := outcomes[0].Err(); err != nil {
		return nil, err
	}
	if outcomes[0].State == idempotency.Replay {
		return outcomes[0], nil
	}
	shown, kept, err := h(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	answer, err := claim.Render(ctx, tx, kept, nil)
	if err != nil {
		return nil, err
	}
	return shown, store.SaveMany(ctx, tx, at, [][16]byte{claim.Hash}, []idempotency.Response{answer})
}
