package session

import (
	"context"
	"fmt"
)

// perSweep bounds one statement of Sweep.
const perSweep = 5000

// sweeps are what is of no use after its end. An invitation's row goes too: the
// security events keep that there was one.
var sweeps = []string{
	"DELETE FROM oauth.sessions WHERE id IN (SELECT id FROM oauth.sessions WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
	"DELETE FROM oauth.sign_ups WHERE id IN (SELECT id FROM oauth.sign_ups WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
	"DELETE FROM oauth.email_codes WHERE holder IN (SELECT holder FROM oauth.email_codes WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
	"DELETE FROM oauth.password_resets WHERE hash IN (SELECT hash FROM oauth.password_resets WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
	"DELETE FROM oauth.passkey_ceremonies WHERE hash IN (SELECT hash FROM oauth.passkey_ceremonies WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
	"DELETE FROM oauth.invitations WHERE id IN (SELECT id FROM oauth.invitations WHERE expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
}

// Sweep deletes what has ended. Nothing relies on it: everything that reads looks
// at the end itself.
func (p *People) Sweep(ctx context.Context) error {
	for _, statement := range sweeps {
		if err := sweep(ctx, func() (int, error) { return p.delete(ctx, statement) }); err != nil {
			return err
		}
	}
	return sweep(ctx, func() (int, error) { return p.cfg.Throttle.Sweep(ctx, perSweep) })
}

func sweep(ctx context.Context, some func() (int, error)) error {
	for ctx.Err() == nil {
		if n, err := some(); err != nil || n < perSweep {
			return err
		}
	}
	return ctx.Err()
}

func (p *People) delete(ctx context.Context, statement string) (int, error) {
	result, err := p.pool.NewRaw(statement, p.clock.Now(), perSweep).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}
