package onboarding

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

type linkRow struct {
	bun.BaseModel `bun:"table:connect.onboarding_links,alias:l"`

	Hash       []byte `bun:",pk"`
	Account    string
	Platform   string
	Livemode   bool
	Kind       Kind
	Eventually bool
	Future     bool
	RefreshURL string `bun:"refresh_url"`
	ReturnURL  string `bun:"return_url"`
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     bun.NullTime
}

func (r linkRow) shown() Link {
	return Link{
		Account: r.Account, Platform: r.Platform, Livemode: r.Livemode, Kind: r.Kind, Eventually: r.Eventually, Future: r.Future,
		RefreshURL: r.RefreshURL, ReturnURL: r.ReturnURL, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
	}
}

type visitRow struct {
	bun.BaseModel `bun:"table:connect.onboarding_visits,alias:v"`

	Hash       []byte `bun:",pk"`
	Link       []byte
	Account    string
	Platform   string
	Livemode   bool
	Kind       Kind
	Eventually bool
	Future     bool
	RefreshURL string   `bun:"refresh_url"`
	ReturnURL  string   `bun:"return_url"`
	Asked      []string `bun:",array"`
	StartedAt  time.Time
	EndsAt     time.Time
}

func (r visitRow) visit() Visit {
	return Visit{
		Link: Link{
			Account: r.Account, Platform: r.Platform, Livemode: r.Livemode, Kind: r.Kind, Eventually: r.Eventually, Future: r.Future,
			RefreshURL: r.RefreshURL, ReturnURL: r.ReturnURL,
		},
		Asked: r.Asked, StartedAt: r.StartedAt, EndsAt: r.EndsAt, hash: r.Hash, link: r.Link,
	}
}

func insertLink(ctx context.Context, tx bun.Tx, hash []byte, l Link) error {
	row := linkRow{
		Hash: hash, Account: l.Account, Platform: l.Platform, Livemode: l.Livemode, Kind: l.Kind, Eventually: l.Eventually, Future: l.Future,
		RefreshURL: l.RefreshURL, ReturnURL: l.ReturnURL, CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert onboarding link: %w", err)
	}
	return nil
}

// useLink marks a good link as used. The condition is in the UPDATE: of two that run
// at a time the second waits for the first one's row and then finds it used.
func useLink(ctx context.Context, tx bun.Tx, hash []byte, now time.Time) (Link, bool, error) {
	var row linkRow
	err := tx.NewUpdate().Model(&row).Set("used_at = ?", now).
		Where("hash = ? AND used_at IS NULL AND expires_at > ?", hash, now).Returning("*").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, false, nil
	}
	if err != nil {
		return Link{}, false, fmt.Errorf("use onboarding link: %w", err)
	}
	return row.shown(), true, nil
}

func findLink(ctx context.Context, pool *bun.DB, hash []byte) (Link, bool, error) {
	var row linkRow
	err := pool.NewSelect().Model(&row).Where("hash = ?", hash).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, false, nil
	}
	if err != nil {
		return Link{}, false, fmt.Errorf("find onboarding link: %w", err)
	}
	return row.shown(), true, nil
}

func insertVisit(ctx context.Context, tx bun.Tx, v Visit) error {
	row := visitRow{
		Hash: v.hash, Link: v.link, Account: v.Account, Platform: v.Platform, Livemode: v.Livemode, Kind: v.Kind, Eventually: v.Eventually,
		Future: v.Future, RefreshURL: v.RefreshURL, ReturnURL: v.ReturnURL, Asked: []string{}, StartedAt: v.StartedAt, EndsAt: v.EndsAt,
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert onboarding visit: %w", err)
	}
	return nil
}

func findVisit(ctx context.Context, pool *bun.DB, hash []byte, now time.Time) (Visit, bool, error) {
	var row visitRow
	err := pool.NewSelect().Model(&row).Where("hash = ? AND ends_at > ?", hash, now).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Visit{}, false, nil
	}
	if err != nil {
		return Visit{}, false, fmt.Errorf("find onboarding visit: %w", err)
	}
	return row.visit(), true, nil
}

func saveAsked(ctx context.Context, idb bun.IDB, hash []byte, asked []string) error {
	_, err := idb.NewUpdate().Model((*visitRow)(nil)).Set("asked = ?", pgdialect.Array(asked)).Where("hash = ?", hash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save onboarding visit: %w", err)
	}
	return nil
}

func deleteVisit(ctx context.Context, pool *bun.DB, hash []byte) error {
	if _, err := pool.NewDelete().Model((*visitRow)(nil)).Where("hash = ?", hash).Exec(ctx); err != nil {
		return fmt.Errorf("end onboarding visit: %w", err)
	}
	return nil
}

func forgetBefore(ctx context.Context, pool *bun.DB, now time.Time) error {
	if _, err := pool.NewDelete().Model((*linkRow)(nil)).Where("expires_at < ?", now.Add(-keptAfter)).Exec(ctx); err != nil {
		return fmt.Errorf("forget onboarding links: %w", err)
	}
	if _, err := pool.NewDelete().Model((*visitRow)(nil)).Where("ends_at < ?", now).Exec(ctx); err != nil {
		return fmt.Errorf("forget onboarding visits: %w", err)
	}
	return nil
}
