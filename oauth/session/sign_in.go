package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// errRefused is the only answer to a sign-in that fails, whatever the reason: no
// such address, wrong password, disabled.
func errRefused() error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "sign_in_refused", Message: "The e-mail address or the password is not right."}
}

// SignIn checks a password. The session that it opens is Half if the person has a
// second step: then SecondStep follows. old is the browser's present cookie; its
// session ends.
func (p *People) SignIn(ctx context.Context, from From, old secret.Text, email string, password secret.Text) (Entry, error) {
	if strings.TrimSpace(email) == "" || password.IsZero() {
		return Entry{}, errors.Join(missing(strings.TrimSpace(email) == "", "email"), missing(password.IsZero(), "password"))
	}
	if len(email) > 1024 || len(password.Reveal()) > 4*MaxPassword {
		return Entry{}, errRefused()
	}
	if err := p.cfg.Throttle.Take(ctx, perNetwork, from.network()); err != nil {
		return Entry{}, err
	}
	if err := p.cfg.Throttle.Take(ctx, perAccount, emailKey(email)); err != nil {
		return Entry{}, err
	}
	row, _, err := findUser(ctx, p.pool, email) // an unknown one goes the same way, with an empty row
	if err != nil {
		return Entry{}, err
	}
	right, stale, err := p.hasher.matches(ctx, row.PasswordHash, password)
	if err != nil {
		return Entry{}, err
	}
	if !right || !row.DisabledAt.IsZero() {
		kind := "sign_in_failed"
		if right {
			kind = "sign_in_refused"
		}
		if err := p.record(ctx, p.pool, p.clock.Now(), from, row.ID, kind, ""); err != nil {
			return Entry{}, err
		}
		return Entry{}, errRefused()
	}
	p.forgive(ctx, perNetwork, from.network(), perAccount, emailKey(email))
	rehashed := ""
	if stale {
		if rehashed, err = p.hasher.hash(ctx, password); err != nil {
			return Entry{}, err
		}
	}
	return p.enter(ctx, from, old, row, rehashed)
}

func missing(is bool, param string) error {
	if !is {
		return nil
	}
	return fault.Invalidf(param+"_missing", param, "Enter your %s.", param)
}

// enter opens the session after a right password.
func (p *People) enter(ctx context.Context, from From, old secret.Text, row userRow, rehashed string) (entry Entry, err error) {
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		if rehashed != "" {
			// Only over the hash we have read: a password changed meanwhile stays changed.
			_, err := tx.NewUpdate().Model((*userRow)(nil)).Set("password_hash = ?", rehashed).
				Where("id = ? AND password_hash = ?", row.ID, row.PasswordHash).Exec(ctx)
			if err != nil {
				return fmt.Errorf("store new hash: %w", err)
			}
		}
		steps, err := p.steps(ctx, tx, row.user())
		if err != nil {
			return err
		}
		if entry, err = p.open(ctx, tx, now, from, old, row.user(), steps.Any(), ByPassword); err != nil || steps.Any() {
			return err
		}
		return p.record(ctx, tx, now, from, row.ID, "signed_in", string(ByPassword))
	})
	return entry, err
}

// Steps are the second steps that a person can take.
type Steps struct {
	TOTP     bool
	Passkeys int
	Recovery int // unused recovery codes
}

// Any reports whether a password alone does not suffice. A passkey counts like an
// authenticator app: whoever adds one is protected even if the password leaks.
func (s Steps) Any() bool { return s.TOTP || s.Passkeys > 0 }

// Steps are what the person has set up.
func (p *People) Steps(ctx context.Context, u User) (Steps, error) { return p.steps(ctx, p.pool, u) }

func (p *People) steps(ctx context.Context, idb bun.IDB, u User) (Steps, error) {
	s := Steps{TOTP: u.TOTP}
	err := idb.NewRaw(`SELECT (SELECT count(*) FROM oauth.passkeys WHERE user_id = ?0),
		(SELECT count(*) FROM oauth.recovery_codes WHERE user_id = ?0 AND used_at IS NULL)`, u.ID).Scan(ctx, &s.Passkeys, &s.Recovery)
	if err != nil {
		return s, fmt.Errorf("ask for second steps: %w", err)
	}
	return s, nil
}

// prove checks something that can be guessed, once: the throttle counts before,
// and a failure is recorded.
func (p *People) prove(ctx context.Context, from From, userID, failedKind string, check func(ctx context.Context, tx bun.Tx, now time.Time) (bool, error)) error {
	if err := p.cfg.Throttle.Take(ctx, secondStep, userID); err != nil {
		return err
	}
	right := false
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		now := p.clock.Now()
		if right, err = check(ctx, tx, now); err != nil || right {
			return err
		}
		return p.record(ctx, tx, now, from, userID, failedKind, "")
	})
	if err != nil {
		return err
	}
	if !right {
		return fault.Invalidf("code_wrong", "code", "This code is not right.")
	}
	p.warn(ctx, "throttle not forgiven", p.cfg.Throttle.Forgive(ctx, secondStep, userID))
	return nil
}

// SecondStepTOTP ends a half sign-in with the code of an authenticator app.
func (p *People) SecondStepTOTP(ctx context.Context, from From, half Visit, cookie secret.Text, code string) (entry Entry, err error) {
	err = p.prove(ctx, from, half.User.ID, "second_step_failed", func(ctx context.Context, tx bun.Tx, now time.Time) (bool, error) {
		right, err := p.useTOTP(ctx, tx, now, half.User.ID, code)
		if err != nil || !right {
			return false, err
		}
		entry, err = p.finish(ctx, tx, now, from, half, cookie, ByTOTP)
		return true, err
	})
	return entry, err
}

// SecondStepRecovery ends a half sign-in with a recovery code, which is used up.
func (p *People) SecondStepRecovery(ctx context.Context, from From, half Visit, cookie secret.Text, code string) (entry Entry, err error) {
	err = p.prove(ctx, from, half.User.ID, "second_step_failed", func(ctx context.Context, tx bun.Tx, now time.Time) (bool, error) {
		right, err := p.useRecovery(ctx, tx, now, from, half.User.ID, code)
		if err != nil || !right {
			return false, err
		}
		entry, err = p.finish(ctx, tx, now, from, half, cookie, ByRecovery)
		return true, err
	})
	if err == nil {
		p.notify(ctx, half.User, "recovery_code_used", map[string]string{"link": p.cfg.BaseURL + "/security"})
	}
	return entry, err
}

// finish turns a half session into a full one with a new cookie. The half one must
// still be there: two tabs cannot finish it twice, and a disabled person not at all.
func (p *People) finish(ctx context.Context, tx bun.Tx, now time.Time, from From, half Visit, cookie secret.Text, proof Proof) (Entry, error) {
	row, err := lockUser(ctx, tx, half.User.ID)
	if err != nil {
		return Entry{}, err
	}
	result, err := tx.NewDelete().Model((*sessionRow)(nil)).
		Where("id = ? AND stage = 'half' AND expires_at > ?", half.Session.ID, now).Exec(ctx)
	if err != nil {
		return Entry{}, fmt.Errorf("end half session: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 || !row.DisabledAt.IsZero() {
		return Entry{}, errors.Join(err, errRefused())
	}
	entry, err := p.open(ctx, tx, now, from, cookie, row.user(), false, proof)
	if err != nil {
		return Entry{}, err
	}
	return entry, p.record(ctx, tx, now, from, row.ID, "signed_in", string(proof))
}

// Disable keeps a person out: the sessions end with the transaction, on every
// node, since every page asks the database.
func (p *People) Disable(ctx context.Context, tx bun.Tx, at time.Time, userID string) error {
	row, err := lockUser(ctx, tx, userID)
	if err != nil || !row.DisabledAt.IsZero() {
		return err
	}
	if err := setUser(ctx, tx, userID, "disable user", "disabled_at = ?", at); err != nil {
		return err
	}
	if err := endAll(ctx, tx, userID, ""); err != nil {
		return err
	}
	return p.record(ctx, tx, at, From{}, userID, "disabled", "")
}

// Enable lets a disabled person in again.
func (p *People) Enable(ctx context.Context, tx bun.Tx, at time.Time, userID string) error {
	row, err := lockUser(ctx, tx, userID)
	if err != nil || row.DisabledAt.IsZero() {
		return err
	}
	if err := setUser(ctx, tx, userID, "enable user", "disabled_at = NULL"); err != nil {
		return err
	}
	return p.record(ctx, tx, at, From{}, userID, "enabled", "")
}

// Get is one user. Fails with NotFound.
func (p *People) Get(ctx context.Context, idb bun.IDB, userID string) (User, error) {
	row, found, err := userByID(ctx, idb, userID)
	if err == nil && !found {
		err = fault.NoSuch("user", userID)
	}
	return row.user(), err
}

// Find is the user with this address, if there is one. For operators: no page may show it.
func (p *People) Find(ctx context.Context, idb bun.IDB, email string) (User, bool, error) {
	row, found, err := findUser(ctx, idb, email)
	return row.user(), found, err
}
