package session

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/secret"
)

// Step-up: who is signed in proves once more to be there, and for FreshFor may do
// what is delicate. Signing in is such a proof itself. StepUpPasskey stands with
// the other passkey ceremonies.

// StepUpPassword takes the password.
func (p *People) StepUpPassword(ctx context.Context, from From, v Visit, password secret.Text) error {
	if err := missing(password.IsZero(), "password"); err != nil {
		return err
	}
	if err := p.checkPasswordOf(ctx, from, v, password, "password", "step_up_failed"); err != nil {
		return err
	}
	return p.stepUp(ctx, p.pool, p.clock.Now(), from, v, ByPassword)
}

// StepUpTOTP takes a code of the authenticator app.
func (p *People) StepUpTOTP(ctx context.Context, from From, v Visit, code string) error {
	return p.prove(ctx, from, v.User.ID, "step_up_failed", func(ctx context.Context, tx bun.Tx, now time.Time) (bool, error) {
		right, err := p.useTOTP(ctx, tx, now, v.User.ID, code)
		if err != nil || !right {
			return false, err
		}
		return true, p.stepUp(ctx, tx, now, from, v, ByTOTP)
	})
}

// stepUp marks the session fresh.
func (p *People) stepUp(ctx context.Context, idb bun.IDB, now time.Time, from From, v Visit, proof Proof) error {
	if err := p.freshen(ctx, idb, now, v.Session.ID, proof); err != nil {
		return err
	}
	return p.record(ctx, idb, now, from, v.User.ID, "stepped_up", string(proof))
}
