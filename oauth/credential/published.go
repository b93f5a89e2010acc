package credential

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/secret"
)

// Published keeps publishable keys that are shown more than once: an account's
// OAuth answers carry its key each time. Such a key is public anyway, but the
// database does not hold it in plain: it is sealed beside the usual hash.
type Published struct {
	service *Service
	ring    *secret.Keyring
}

// NewPublished makes keys with service and seals them with ring.
func NewPublished(service *Service, ring *secret.Keyring) *Published {
	return &Published{service: service, ring: ring}
}

const publishedTable = "oauth.published_keys"

type publishedRow struct {
	bun.BaseModel `bun:"table:oauth.published_keys,alias:published"`

	Account  string `bun:"account,pk"`
	Livemode bool   `bun:"livemode,pk"`
	KeyID    string `bun:"key_id"`
	Sealed   string `bun:"sealed"`
}

// PublishableKey finds or makes the publishable key of a connected account in one
// mode. A key that was revoked is replaced; one that cannot be opened any more
// (its master secret is gone) is replaced too, and keeps working.
func (p *Published) PublishableKey(ctx context.Context, tx bun.Tx, at time.Time, platform, account string, livemode bool) (string, error) {
	plain, err := p.find(ctx, tx, at, account, livemode)
	if err != nil || plain != "" {
		return plain, err
	}
	// Two exchanges for one account must not make two keys. There may be no row to
	// lock yet; the lock is the last one taken and ends with the transaction.
	_, err = tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", fmt.Sprintf("%s %s %v", publishedTable, account, livemode))
	if err != nil {
		return "", fmt.Errorf("lock publishable key: %w", err)
	}
	if plain, err = p.find(ctx, tx, at, account, livemode); err != nil || plain != "" {
		return plain, err
	}
	return p.make(ctx, tx, at, platform, account, livemode)
}

// find is the key in plain, or "" if there is none that works.
func (p *Published) find(ctx context.Context, tx bun.Tx, at time.Time, account string, livemode bool) (string, error) {
	var row publishedRow
	err := tx.NewSelect().Model(&row).Where("published.account = ? AND published.livemode = ?", account, livemode).
		Where("EXISTS (SELECT FROM oauth.api_keys AS k WHERE k.id = published.key_id AND (k.revoked_at IS NULL OR k.revoked_at > ?) AND (k.expires_at IS NULL OR k.expires_at > ?))", at, at).
		Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find publishable key: %w", err)
	}
	plain, err := p.ring.Open(row.Sealed, publishedTable, row.KeyID)
	if errors.Is(err, secret.ErrSealed) {
		return "", nil
	}
	return plain.Reveal(), err
}

func (p *Published) make(ctx context.Context, tx bun.Tx, at time.Time, platform, account string, livemode bool) (string, error) {
	want := NewKey{Kind: Publishable, Name: "Shown to the platform"}
	key, plain, err := p.service.Create(ctx, tx, at, Owner{Account: account, Livemode: livemode, Platform: platform}, want)
	if err != nil {
		return "", err
	}
	sealed, err := p.ring.Seal(plain, publishedTable, key.ID)
	if err != nil {
		return "", err
	}
	row := publishedRow{Account: account, Livemode: livemode, KeyID: key.ID, Sealed: sealed}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (account, livemode) DO UPDATE").
		Set("key_id = EXCLUDED.key_id").Set("sealed = EXCLUDED.sealed").Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("keep publishable key: %w", err)
	}
	return plain.Reveal(), nil
}
