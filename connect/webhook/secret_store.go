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

// deleteSecrets destroys all secrets of an endpoint.
func deleteSecrets(ctx context.Context, tx bun.Tx, endpointID string) error {
	if _, err := tx.NewDelete().Model((*secretRow)(nil)).Where("endpoint = ?", endpointID).Exec(ctx); err != nil {
		return fmt.Errorf("delete webhook secrets: %w", err)
	}
	return nil
}
