package session

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// Codes of an authenticator app (RFC 6238): SHA-1, 30 s, six digits, which is what
// every app understands. One step before and after is accepted for clocks that
// differ; a step that was used, and all before it, never again.
const (
	totpPeriod = 30
	totpSkew   = 1
	totpIssuer = "Sluice"
)

// TOTPKey is what a person puts into the app.
type TOTPKey struct {
	URI    secret.Text // otpauth://…, for the QR code
	Secret secret.Text // the same to type in
}

// StartTOTP prepares an authenticator app; ConfirmTOTP switches it on. Starting
// again replaces a secret that was never confirmed.
func (p *People) StartTOTP(ctx context.Context, v Visit) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	plain := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(20))
	sealed, err := p.cfg.Keyring.Seal(secret.New(plain), totpPlace, v.User.ID)
	if err != nil {
		return err
	}
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		row, err := lockUser(ctx, tx, v.User.ID)
		if err != nil {
			return err
		}
		if row.TOTPSealed != "" {
			return errTOTPOn()
		}
		return setUser(ctx, tx, v.User.ID, "start totp", "totp_pending = ?", sealed)
	})
}

const totpPlace = "oauth.users"

func errTOTPOn() error {
	return &fault.Error{Kind: fault.Conflict, Code: "totp_on", Message: "An authenticator app is already set up."}
}

// PendingTOTP is the key that waits to be confirmed.
func (p *People) PendingTOTP(ctx context.Context, v Visit) (TOTPKey, bool, error) {
	row, found, err := userByID(ctx, p.pool, v.User.ID)
	if err != nil || !found || row.TOTPPending == "" || row.TOTPSealed != "" || !p.Fresh(v) {
		return TOTPKey{}, false, err
	}
	plain, err := p.cfg.Keyring.Open(row.TOTPPending, totpPlace, row.ID)
	if err != nil {
		return TOTPKey{}, false, err
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: totpIssuer, AccountName: row.Email, Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
		Secret: decodeBase32(plain.Reveal()), Rand: rand.Reader,
	})
	if err != nil {
		return TOTPKey{}, false, fmt.Errorf("spell totp key: %w", err)
	}
	return TOTPKey{URI: secret.New(key.URL()), Secret: plain}, true, nil
}

func decodeBase32(s string) []byte {
	b, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	return b
}

// ConfirmTOTP switches the app on with its first code. Whoever had no second step
// before gets recovery codes, to be shown once (Shown).
func (p *People) ConfirmTOTP(ctx context.Context, from From, v Visit, code string) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	err := p.prove(ctx, from, v.User.ID, "step_up_failed", func(ctx context.Context, tx bun.Tx, now time.Time) (bool, error) {
		row, err := lockUser(ctx, tx, v.User.ID)
		if err != nil {
			return false, err
		}
		if row.TOTPSealed != "" || row.TOTPPending == "" {
			return false, errTOTPOn()
		}
		step, right, err := p.matchTOTP(row.TOTPPending, row.ID, digits(code), now)
		if err != nil || !right {
			return false, err
		}
		if err := p.firstStep(ctx, tx, v); err != nil {
			return false, err
		}
		_, err = tx.NewUpdate().Model((*userRow)(nil)).Set("totp_sealed = totp_pending").Set("totp_pending = NULL").
			Set("totp_step = ?", step).Where("id = ?", row.ID).Exec(ctx)
		if err != nil {
			return false, fmt.Errorf("switch totp on: %w", err)
		}
		return true, p.record(ctx, tx, now, from, row.ID, "totp_on", "")
	})
	if err == nil {
		p.notify(ctx, v.User, "totp_on", map[string]string{"link": p.cfg.BaseURL + "/security"})
	}
	return err
}

// StopTOTP switches the app off.
func (p *People) StopTOTP(ctx context.Context, from From, v Visit) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	changed := false
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		row, err := lockUser(ctx, tx, v.User.ID)
		if changed = row.TOTPSealed != ""; err != nil || !changed {
			return err
		}
		if err := setUser(ctx, tx, row.ID, "switch totp off", "totp_sealed = NULL, totp_pending = NULL"); err != nil {
			return err
		}
		if err := p.lastStep(ctx, tx, row.ID); err != nil {
			return err
		}
		return p.record(ctx, tx, p.clock.Now(), from, row.ID, "totp_off", "")
	})
	if err == nil && changed {
		p.notify(ctx, v.User, "totp_off", map[string]string{"link": p.cfg.BaseURL + "/security"})
	}
	return err
}

// useTOTP checks a code and uses its step up, under the user's lock: of two equal
// codes at once one is a replay.
func (p *People) useTOTP(ctx context.Context, tx bun.Tx, now time.Time, userID, code string) (bool, error) {
	row, err := lockUser(ctx, tx, userID)
	if err != nil || row.TOTPSealed == "" {
		return false, err
	}
	step, right, err := p.matchTOTP(row.TOTPSealed, userID, digits(code), now)
	if err != nil || !right || step <= row.TOTPStep {
		return false, err
	}
	return true, setUser(ctx, tx, userID, "use totp step", "totp_step = ?", step)
}

// matchTOTP is the newest step whose code this is. It looks at every step whatever
// it has found: hotp compares in constant time, and so does the whole.
func (p *People) matchTOTP(sealed, userID, code string, now time.Time) (step int64, right bool, err error) {
	plain, err := p.cfg.Keyring.Open(sealed, totpPlace, userID)
	if err != nil {
		return 0, false, fmt.Errorf("open totp secret: %w", err)
	}
	current := now.Unix() / totpPeriod
	opts := hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	for s := current - totpSkew; s <= current+totpSkew; s++ {
		ok, err := hotp.ValidateCustom(code, uint64(s), strings.ToUpper(plain.Reveal()), opts)
		if err != nil && err != otp.ErrValidateInputInvalidLength {
			return 0, false, fmt.Errorf("check totp code: %w", err)
		}
		if ok {
			step, right = s, true
		}
	}
	return step, right, nil
}
