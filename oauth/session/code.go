package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// A code from a mail: six digits, ten minutes, five tries.
const (
	CodeLife  = 10 * time.Minute
	codeTries = 5
)

// newCode puts a code in the place of the holder's last one. One that is not real
// is a row without a hash: nothing typed can be right.
func (p *People) newCode(ctx context.Context, tx bun.Tx, at time.Time, holder string, real bool) (secret.Text, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return secret.Text{}, fmt.Errorf("draw a code: %w", err)
	}
	code := secret.New(fmt.Sprintf("%06d", n.Int64()))
	hash := p.codeHash(holder, code.Reveal())
	if !real {
		hash = nil
	}
	_, err = tx.NewRaw(`INSERT INTO oauth.email_codes (holder, hash, tries_left, sent_at, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (holder) DO UPDATE SET hash = excluded.hash, tries_left = excluded.tries_left, sent_at = excluded.sent_at, expires_at = excluded.expires_at`,
		holder, hash, codeTries, at, at.Add(CodeLife)).Exec(ctx)
	if err != nil {
		return secret.Text{}, fmt.Errorf("keep a code: %w", err)
	}
	return code, nil
}

// codeHash is keyed and names the holder: equal codes of two people look different.
func (p *People) codeHash(holder, code string) []byte {
	return p.keyed("email_code", secret.New(holder+"\x00"+code))
}

// useCode spends one of the holder's tries. verdict is what the person is told;
// the caller commits it: a rolled-back try would be a free one.
func (p *People) useCode(ctx context.Context, tx bun.Tx, at time.Time, holder, typed string) (verdict, err error) {
	var hash []byte
	err = tx.NewRaw(`UPDATE oauth.email_codes SET tries_left = tries_left - 1
		WHERE holder = ? AND tries_left > 0 AND expires_at > ? RETURNING hash`, holder, at).Scan(ctx, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Invalidf("code_expired", "code", "This code is no longer valid. Ask for a new one."), nil
	}
	if err != nil {
		return nil, fmt.Errorf("use a code: %w", err)
	}
	if len(hash) == 0 || subtle.ConstantTimeCompare(hash, p.codeHash(holder, digits(typed))) != 1 {
		return fault.Invalidf("code_wrong", "code", "This code is not right. Check the mail and try again."), nil
	}
	if _, err := tx.NewRaw("DELETE FROM oauth.email_codes WHERE holder = ?", holder).Exec(ctx); err != nil {
		return nil, fmt.Errorf("delete a code: %w", err)
	}
	return nil, nil
}

// digits keeps what people add to a code out of it: spaces and dashes.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func codeSentAt(ctx context.Context, idb bun.IDB, holder string) (at time.Time, err error) {
	err = idb.NewRaw("SELECT sent_at FROM oauth.email_codes WHERE holder = ?", holder).Scan(ctx, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at, err
}

// SendVerification mails a code to a user whose address is not proven yet (one
// that an operator made).
func (p *People) SendVerification(ctx context.Context, from From, v Visit) error {
	if v.User.Verified() {
		return nil
	}
	if err := p.allowMail(ctx, from, v.User.Email); err != nil {
		return err
	}
	var code secret.Text
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		code, err = p.newCode(ctx, tx, p.clock.Now(), v.User.ID, true)
		return err
	})
	if err != nil {
		return err
	}
	return p.postCode(mailTo{v.User.Email, v.User.Locale}, code, false)
}

// VerifyUser takes the code that SendVerification mailed.
func (p *People) VerifyUser(ctx context.Context, from From, v Visit, code string) error {
	if err := p.cfg.Throttle.Take(ctx, codeNetwork, from.network()); err != nil {
		return err
	}
	var verdict error
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		now := p.clock.Now()
		if verdict, err = p.useCode(ctx, tx, now, v.User.ID, code); err != nil || verdict != nil {
			return err
		}
		if err := setUser(ctx, tx, v.User.ID, "verify address", "email_verified_at = coalesce(email_verified_at, ?)", now); err != nil {
			return err
		}
		return p.record(ctx, tx, now, from, v.User.ID, "email_verified", "")
	})
	if err = errors.Join(err, verdict); err == nil {
		p.forgive(ctx, codeNetwork, from.network(), mailAddress, emailKey(v.User.Email))
	}
	return err
}
