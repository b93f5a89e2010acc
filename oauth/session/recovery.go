package session

import (
	"context"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

// Recovery codes open the second step once each when the phone is gone: ten of 80
// random bits, as keyed hashes. They exist while there is any second step.
const recoveryCodes = 10

// Crockford's letters: nothing that looks like something else.
var recoveryAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// firstStep gives recovery codes to a person who had no second step so far. Call
// it before the step is stored.
func (p *People) firstStep(ctx context.Context, tx bun.Tx, v Visit) error {
	row, err := lockUser(ctx, tx, v.User.ID)
	if err != nil {
		return err
	}
	steps, err := p.steps(ctx, tx, row.user())
	if err != nil || steps.Any() {
		return err
	}
	return p.newRecovery(ctx, tx, v)
}

// lastStep takes the recovery codes of a person who has no second step any more.
func (p *People) lastStep(ctx context.Context, tx bun.Tx, userID string) error {
	row, err := lockUser(ctx, tx, userID)
	if err != nil {
		return err
	}
	steps, err := p.steps(ctx, tx, row.user())
	if err != nil || steps.Any() {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM oauth.recovery_codes WHERE user_id = ?", userID).Exec(ctx); err != nil {
		return fmt.Errorf("delete recovery codes: %w", err)
	}
	return nil
}

// newRecovery replaces all codes. Until they are shown they lie sealed in the
// session that asked for them, since the page after a form is another request.
func (p *People) newRecovery(ctx context.Context, tx bun.Tx, v Visit) error {
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		raw := recoveryAlphabet.EncodeToString(random(10))
		codes[i] = raw[:4] + "-" + raw[4:8] + "-" + raw[8:12] + "-" + raw[12:]
		hashes[i] = p.recoveryHash(v.User.ID, codes[i])
	}
	sealed, err := p.cfg.Keyring.Seal(secret.New(strings.Join(codes, "\n")), shownPlace, v.Session.ID)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM oauth.recovery_codes WHERE user_id = ?", v.User.ID).Exec(ctx); err != nil {
		return fmt.Errorf("delete recovery codes: %w", err)
	}
	_, err = tx.NewRaw("INSERT INTO oauth.recovery_codes (user_id, hash) SELECT ?, unnest(?::bytea[])", v.User.ID, pgdialect.Array(hashes)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert recovery codes: %w", err)
	}
	_, err = tx.NewUpdate().Model((*sessionRow)(nil)).Set("shown_once = ?", sealed).Where("id = ?", v.Session.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep recovery codes for showing: %w", err)
	}
	return nil
}

const shownPlace = "oauth.sessions"

func (p *People) recoveryHash(userID, code string) []byte {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, code)
	return p.keyed("recovery", secret.New(userID+"\x00"+clean))
}

// useRecovery uses a code up. The index compares keyed hashes: how long that
// takes says nothing about the code.
func (p *People) useRecovery(ctx context.Context, tx bun.Tx, now time.Time, from From, userID, code string) (bool, error) {
	if _, err := lockUser(ctx, tx, userID); err != nil {
		return false, err
	}
	result, err := tx.NewRaw("UPDATE oauth.recovery_codes SET used_at = ? WHERE user_id = ? AND hash = ? AND used_at IS NULL",
		now, userID, p.recoveryHash(userID, code)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("use recovery code: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, p.record(ctx, tx, now, from, userID, "recovery_code_used", "")
}

// RenewRecovery makes new codes; the old ones are void.
func (p *People) RenewRecovery(ctx context.Context, from From, v Visit) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		row, err := lockUser(ctx, tx, v.User.ID)
		if err != nil {
			return err
		}
		steps, err := p.steps(ctx, tx, row.user())
		if err != nil || !steps.Any() {
			return err
		}
		if err := p.newRecovery(ctx, tx, v); err != nil {
			return err
		}
		return p.record(ctx, tx, p.clock.Now(), from, v.User.ID, "recovery_codes_renewed", "")
	})
}

// Shown are the recovery codes that this session has to show, while it is fresh.
func (p *People) Shown(ctx context.Context, v Visit) ([]string, error) {
	if !p.Fresh(v) {
		return nil, nil
	}
	var rows []sessionRow
	if err := p.pool.NewSelect().Model(&rows).Where("id = ? AND shown_once IS NOT NULL", v.Session.ID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("get recovery codes: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	plain, err := p.cfg.Keyring.Open(rows[0].ShownOnce, shownPlace, v.Session.ID)
	if err != nil {
		return nil, err
	}
	return strings.Split(plain.Reveal(), "\n"), nil
}

// ForgetShown is the person's "I have saved them": they are never shown again.
func (p *People) ForgetShown(ctx context.Context, v Visit) error {
	_, err := p.pool.NewUpdate().Model((*sessionRow)(nil)).Set("shown_once = NULL").Where("id = ?", v.Session.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget recovery codes: %w", err)
	}
	return nil
}
