package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

type secretRow struct {
	bun.BaseModel `bun:"table:connect.webhook_secrets,alias:s"`

	ID           string    `bun:"id,pk"`
	Endpoint     string    `bun:"endpoint"`
	SealedSecret string    `bun:"sealed_secret"`
	CreatedAt    time.Time `bun:"created_at"`
	ExpiresAt    time.Time `bun:"expires_at,nullzero"` // zero for the current one
}

func insertSecret(ctx context.Context, tx bun.Tx, row secretRow) error {
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook secret: %w", err)
	}
	return nil
}

// liveSecretIDs are the ids of the secrets that sign at a time, the current one first,
// then the newest. The dispatcher's lease asks for the same.
func liveSecretIDs(ctx context.Context, idb bun.IDB, endpointID string, at time.Time) ([]string, error) {
	var ids []string
	err := idb.NewSelect().Model((*secretRow)(nil)).Column("id").
		Where("endpoint = ? AND (expires_at IS NULL OR expires_at > ?)", endpointID, at).
		OrderExpr("expires_at IS NULL DESC, created_at DESC, id DESC").Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("list webhook secrets: %w", err)
	}
	return ids, nil
}

// currentSecretIDs are the ids of the secrets without an end, by endpoint.
func currentSecretIDs(ctx context.Context, idb bun.IDB, endpointIDs []string) (map[string]string, error) {
	current := make(map[string]string, len(endpointIDs))
	if len(endpointIDs) == 0 {
		return current, nil
	}
	var rows []secretRow
	err := idb.NewSelect().Model(&rows).Column("id", "endpoint").
		Where("endpoint IN (?) AND expires_at IS NULL", bun.List(endpointIDs)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list current webhook secrets: %w", err)
	}
	for _, row := range rows {
		current[row.Endpoint] = row.ID
	}
	return current, nil
}

// expireSecret gives the current secret an end.
func expireSecret(ctx context.Context, tx bun.Tx, endpointID string, at time.Time) error {
	_, err := tx.NewUpdate().Model((*secretRow)(nil)).Set("expires_at = ?", at).
		Where("endpoint = ? AND expires_at IS NULL", endpointID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("expire webhook secret: %w", err)
	}
	return nil
}

// deleteSecretsBut destroys all secrets of an endpoint but those to keep.
func deleteSecretsBut(ctx context.Context, tx bun.Tx, endpointID string, keep []string) error {
	_, err := tx.NewDelete().Model((*secretRow)(nil)).Where("endpoint = ? AND id NOT IN (?)", endpointID, bun.List(keep)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete old webhook secrets: %w", err)
	}
	return nil
}

// deleteExpired destroys secrets whose end has come, at most limit of them.
func deleteExpired(ctx context.Context, idb bun.IDB, at time.Time, limit int64) (int64, error) {
	old := idb.NewSelect().Model((*secretRow)(nil)).Column("id").Where("expires_at <= ?", at).Limit(limit)
	res, err := idb.NewDelete().Model((*secretRow)(nil)).Where("id IN (?)", old).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("delete expired webhook secrets: %w", err)
	}
	n, err := res.RowsAffected()
	return n, err
}

// deleteSecrets destroys all secrets of an endpoint.
func deleteSecrets(ctx context.Context, tx bun.Tx, endpointID string) error {
	if _, err := tx.NewDelete().Model((*secretRow)(nil)).Where("endpoint = ?", endpointID).Exec(ctx); err != nil {
		return fmt.Errorf("delete webhook secrets: %w", err)
	}
	return nil
}
