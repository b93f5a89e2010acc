package oauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Why a code is spent.
const (
	spentExchanged = "exchange"
	spentFailed    = "failure" // its own client could not prove that it began the flow
	spentRevoked   = "revocation"
)

const (
	kindAccess  = "access"
	kindRefresh = "refresh"
)

type codeRow struct {
	bun.BaseModel `bun:"table:oauth.codes,alias:code"`

	Hash        []byte    `bun:"hash,pk"`
	Family      string    `bun:"family"`
	Client      string    `bun:"client"`
	Connection  string    `bun:"connection"`
	Scope       string    `bun:"scope"`
	RedirectURI string    `bun:"redirect_uri"`
	Challenge   string    `bun:"challenge"`
	CreatedAt   time.Time `bun:"created_at"`
	ExpiresAt   time.Time `bun:"expires_at"`
	SpentAt     time.Time `bun:"spent_at,nullzero"`
	SpentFor    string    `bun:"spent_for,nullzero"`
	KeepUntil   time.Time `bun:"keep_until"`
}

type tokenRow struct {
	bun.BaseModel `bun:"table:oauth.tokens,alias:token"`

	Hash         []byte    `bun:"hash,pk"`
	Kind         string    `bun:"kind"`
	Family       string    `bun:"family"`
	Client       string    `bun:"client"`
	Connection   string    `bun:"connection,nullzero"`
	Platform     string    `bun:"platform"`
	Account      string    `bun:"account"`
	Livemode     bool      `bun:"livemode"`
	Scope        string    `bun:"scope"`
	CreatedAt    time.Time `bun:"created_at"`
	ExpiresAt    time.Time `bun:"expires_at"`
	RevokedAt    time.Time `bun:"revoked_at,nullzero"`
	RotatedAt    time.Time `bun:"rotated_at,nullzero"`
	RotatedSalt  []byte    `bun:"rotated_salt,nullzero"`
	RotatedScope string    `bun:"rotated_scope,nullzero"`
	KeepUntil    time.Time `bun:"keep_until"`
}

// live reports whether a token of either kind may be used at this time.
func (t *tokenRow) live(at time.Time) bool {
	return t.RevokedAt.IsZero() && t.RotatedAt.IsZero() && at.Before(t.ExpiresAt)
}

// findCode reads a code; lock adds a row lock. nil means that there is none.
func findCode(ctx context.Context, idb bun.IDB, hashes [][]byte, lock bool) (*codeRow, error) {
	row := new(codeRow)
	q := idb.NewSelect().Model(row).Where("hash IN (?)", bun.List(hashes))
	if lock {
		q = q.For("UPDATE")
	}
	return found(row, q.Scan(ctx), "code")
}

func findToken(ctx context.Context, idb bun.IDB, hashes [][]byte, kind string, lock bool) (*tokenRow, error) {
	row := new(tokenRow)
	q := idb.NewSelect().Model(row).Where("hash IN (?) AND kind = ?", bun.List(hashes), kind)
	if lock {
		q = q.For("UPDATE")
	}
	return found(row, q.Scan(ctx), "token")
}

func found[T any](row *T, err error, noun string) (*T, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", noun, err)
	}
	return row, nil
}

func insertCode(ctx context.Context, tx bun.Tx, row *codeRow) error {
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert code: %w", err)
	}
	return nil
}

func insertToken(ctx context.Context, tx bun.Tx, row *tokenRow) error {
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert token: %w", err)
	}
	return nil
}

// errSpent means that somebody else used the code or token first.
var errSpent = errors.New("oauth: already used")

// spendCode uses a code up. The condition is the guarantee that it happens once,
// whatever was read before (fosite reads before it opens a transaction, F2).
// Fails with errSpent.
func spendCode(ctx context.Context, tx bun.Tx, hash []byte, at time.Time, why string) error {
	return once(tx.NewUpdate().Model((*codeRow)(nil)).Set("spent_at = ?, spent_for = ?", at, why).
		Where("hash = ? AND spent_at IS NULL", hash).Exec(ctx))
}

// rotateRefresh uses a refresh token up, once (F3). Its row stays until keepUntil,
// so that using it again is recognized. Fails with errSpent.
func rotateRefresh(ctx context.Context, tx bun.Tx, hash []byte, at time.Time, salt []byte, scope string, keepUntil time.Time) error {
	return once(tx.NewUpdate().Model((*tokenRow)(nil)).
		Set("rotated_at = ?, rotated_salt = ?, rotated_scope = ?, keep_until = LEAST(expires_at, ?::timestamptz)", at, salt, scope, keepUntil).
		Where("hash = ? AND kind = ?", hash, kindRefresh).
		Where("rotated_at IS NULL AND revoked_at IS NULL").Exec(ctx))
}

func once(res sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("use up: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("use up: %w", err)
	}
	if n != 1 {
		return errSpent
	}
	return nil
}

// revokeFamily ends all tokens of one kind ("" both) that came from one consent.
func revokeFamily(ctx context.Context, tx bun.Tx, family, kind string, at time.Time) (revoked int64, err error) {
	q := tx.NewUpdate().Model((*tokenRow)(nil)).Set("revoked_at = ?", at).Where("family = ? AND revoked_at IS NULL", family)
	if kind != "" {
		q = q.Where("kind = ?", kind)
	}
	res, err := q.Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("revoke tokens: %w", err)
	}
	return res.RowsAffected()
}

// codeKept is how long a spent code is recognized when it is presented again.
const codeKept = 24 * time.Hour

// rotatedKept is how long a used refresh token is recognized as used. After it,
// the token is merely unknown: it is refused, and nothing else happens.
const rotatedKept = 30 * 24 * time.Hour
