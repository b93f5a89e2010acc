package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
)

type userRow struct {
	bun.BaseModel `bun:"table:oauth.users,alias:u"`

	ID                string    `bun:"id,pk"`
	Email             string    `bun:"email"`
	EmailKey          string    `bun:"email_key"`
	Name              string    `bun:"name"`
	Locale            string    `bun:"locale"`
	PasswordHash      string    `bun:"password_hash"`
	PasswordChangedAt time.Time `bun:"password_changed_at"`
	EmailVerifiedAt   time.Time `bun:"email_verified_at,nullzero"`
	DisabledAt        time.Time `bun:"disabled_at,nullzero"`
	TOTPSealed        string    `bun:"totp_sealed,nullzero"`
	TOTPPending       string    `bun:"totp_pending,nullzero"`
	TOTPStep          int64     `bun:"totp_step"`
	CreatedAt         time.Time `bun:"created_at"`
}

func (r userRow) user() User {
	return User{
		ID: r.ID, Email: r.Email, Name: r.Name, Locale: r.Locale, CreatedAt: r.CreatedAt.UTC(), PasswordAt: r.PasswordChangedAt.UTC(),
		EmailVerifiedAt: utc(r.EmailVerifiedAt), DisabledAt: utc(r.DisabledAt), TOTP: r.TOTPSealed != "",
	}
}

// utc keeps zero times zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// errEmailTaken is a user that another one's address forbids. It never reaches a page.
var errEmailTaken = errors.New("the address belongs to a user")

// insertUser finds out about a taken address without an error of the database,
// which would end the transaction.
func insertUser(ctx context.Context, tx bun.Tx, row userRow) error {
	result, err := tx.NewInsert().Model(&row).On("CONFLICT ON CONSTRAINT users_email_key DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert user: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errEmailTaken)
	}
	return nil
}

func findUser(ctx context.Context, idb bun.IDB, email string) (userRow, bool, error) {
	return oneUser(ctx, idb.NewSelect().Where("email_key = ?", emailKey(email)))
}

func userByID(ctx context.Context, idb bun.IDB, userID string) (userRow, bool, error) {
	return oneUser(ctx, idb.NewSelect().Where("id = ?", userID))
}

// lockUser locks the row: what a person's second steps and passwords are is
// decided by one transaction at a time.
func lockUser(ctx context.Context, tx bun.Tx, userID string) (userRow, error) {
	row, found, err := oneUser(ctx, tx.NewSelect().Where("id = ?", userID).For("UPDATE"))
	if err == nil && !found {
		err = fault.NoSuch("user", userID)
	}
	return row, err
}

func oneUser(ctx context.Context, q *bun.SelectQuery) (row userRow, found bool, err error) {
	err = q.Model(&row).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return userRow{}, false, nil
	}
	if err != nil {
		return userRow{}, false, fmt.Errorf("get user: %w", err)
	}
	return row, true, nil
}

// setUser changes columns of one user.
func setUser(ctx context.Context, idb bun.IDB, userID, what, set string, args ...any) error {
	if _, err := idb.NewUpdate().Model((*userRow)(nil)).Set(set, args...).Where("id = ?", userID).Exec(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
