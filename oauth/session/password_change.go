package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// ResetLife is how long a link to choose a new password works.
const ResetLife = 30 * time.Minute

// ForgotPassword mails a link, if somebody has the address. What it does and how
// long it takes does not tell whether somebody has: without a user it keeps a link
// that nobody was sent.
func (p *People) ForgotPassword(ctx context.Context, from From, email string) error {
	email, err := cleanEmail(email)
	if err != nil {
		return err
	}
	if err := p.allowMail(ctx, from, email); err != nil {
		return err
	}
	link := token()
	var row userRow
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		now := p.clock.Now()
		found := false
		if row, found, err = findUser(ctx, tx, email); err != nil {
			return err
		}
		if found && !row.DisabledAt.IsZero() {
			row = userRow{} // as if there were none
		}
		_, err = tx.NewRaw("INSERT INTO oauth.password_resets (hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)",
			p.keyed("reset", link), sql.NullString{String: row.ID, Valid: row.ID != ""}, now, now.Add(ResetLife)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("keep reset link: %w", err)
		}
		return p.record(ctx, tx, now, from, row.ID, "password_reset_asked", "")
	})
	if err != nil || row.ID == "" {
		return err
	}
	return p.post(mailTo{row.Email, row.Locale}, "reset", map[string]string{"link": p.cfg.BaseURL + "/reset-password/" + link.Reveal()})
}

// Reset is whose password a link can set; false when the link is used, too old or none.
func (p *People) Reset(ctx context.Context, link secret.Text) (User, bool, error) {
	var userID string
	err := p.pool.NewRaw("SELECT user_id FROM oauth.password_resets WHERE hash = ? AND expires_at > ? AND user_id IS NOT NULL",
		p.keyed("reset", link), p.clock.Now()).Scan(ctx, &userID)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, false, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("find reset link: %w", err)
	}
	row, found, err := userByID(ctx, p.pool, userID)
	return row.user(), found && row.DisabledAt.IsZero(), err
}

// ResetPassword uses a link up: the new password counts, every session of the
// person ends, and the person is told by mail. The second step stays: a stolen
// mailbox alone opens nothing.
func (p *People) ResetPassword(ctx context.Context, from From, link, password secret.Text) error {
	user, found, err := p.Reset(ctx, link)
	if err != nil {
		return err
	}
	if !found {
		return errLink()
	}
	if err := checkPassword(password, user.Email, "password"); err != nil {
		return err
	}
	hash, err := p.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		if _, err := lockUser(ctx, tx, user.ID); err != nil {
			return err
		}
		// The delete is the use: of two at once one finds the row, the other waits and finds none.
		var userID string
		err := tx.NewRaw("DELETE FROM oauth.password_resets WHERE hash = ? AND expires_at > ? AND user_id = ? RETURNING user_id",
			p.keyed("reset", link), now, user.ID).Scan(ctx, &userID)
		if errors.Is(err, sql.ErrNoRows) {
			return errLink()
		}
		if err != nil {
			return fmt.Errorf("use reset link: %w", err)
		}
		err = setUser(ctx, tx, user.ID, "verify address", "email_verified_at = coalesce(email_verified_at, ?)", now) // the link came by mail
		if err != nil {
			return err
		}
		return p.setPassword(ctx, tx, now, from, user.ID, "", hash, "password_reset")
	})
	if err != nil {
		return err
	}
	p.warn(ctx, "throttle not forgiven", p.cfg.Throttle.Forgive(ctx, perAccount, emailKey(user.Email)))
	p.notify(ctx, user, "password_changed", map[string]string{"link": p.cfg.BaseURL + "/forgot-password"})
	return nil
}

func errLink() error {
	return fault.Invalidf("link_expired", "", "This link has been used or is too old.")
}

// setPassword stores a new hash and ends what the old password had opened.
func (p *People) setPassword(ctx context.Context, tx bun.Tx, now time.Time, from From, userID, keep, hash, kind string) error {
	if _, err := lockUser(ctx, tx, userID); err != nil {
		return err
	}
	_, err := tx.NewUpdate().Model((*userRow)(nil)).Set("password_hash = ?", hash).Set("password_changed_at = ?", now).Where("id = ?", userID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store password: %w", err)
	}
	if err := endAll(ctx, tx, userID, keep); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM oauth.password_resets WHERE user_id = ?", userID).Exec(ctx); err != nil {
		return fmt.Errorf("end reset links: %w", err)
	}
	return p.record(ctx, tx, now, from, userID, kind, "")
}

// ChangePassword replaces the password of who is signed in; all other sessions end.
func (p *People) ChangePassword(ctx context.Context, from From, v Visit, current, next secret.Text) error {
	if err := errors.Join(missing(current.IsZero(), "current_password"), checkPassword(next, v.User.Email, "password")); err != nil {
		return err
	}
	if err := p.checkPasswordOf(ctx, from, v, current, "current_password", "password_change_failed"); err != nil {
		return err
	}
	hash, err := p.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		if err := p.setPassword(ctx, tx, now, from, v.User.ID, v.Session.ID, hash, "password_changed"); err != nil {
			return err
		}
		return p.freshen(ctx, tx, now, v.Session.ID, ByPassword)
	})
	if err == nil {
		p.notify(ctx, v.User, "password_changed", map[string]string{"link": p.cfg.BaseURL + "/forgot-password"})
	}
	return err
}

// checkPasswordOf asks the signed-in person's password, counted like a sign-in.
func (p *People) checkPasswordOf(ctx context.Context, from From, v Visit, password secret.Text, param, failedKind string) error {
	if len(password.Reveal()) > 4*MaxPassword {
		return fault.Invalidf("password_wrong", param, "The password is not right.")
	}
	if err := p.cfg.Throttle.Take(ctx, perAccount, emailKey(v.User.Email)); err != nil {
		return err
	}
	row, _, err := userByID(ctx, p.pool, v.User.ID)
	if err != nil {
		return err
	}
	right, _, err := p.hasher.matches(ctx, row.PasswordHash, password)
	if err != nil {
		return err
	}
	if !right {
		if err := p.record(ctx, p.pool, p.clock.Now(), from, v.User.ID, failedKind, ""); err != nil {
			return err
		}
		return fault.Invalidf("password_wrong", param, "The password is not right.")
	}
	p.warn(ctx, "throttle not forgiven", p.cfg.Throttle.Forgive(ctx, perAccount, emailKey(v.User.Email)))
	return nil
}
