package oauth

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/id"
)

// What should not have happened.
const (
	codeReplayed    = "code_replayed"     // its own client presented a spent code again: the family was revoked
	codeProofFailed = "code_proof_failed" // wrong verifier or redirect URI: the code was spent
	refreshReused   = "refresh_reused"    // a used refresh token came again: the family was revoked
	foreignCode     = "foreign_code"      // another client presented the code; nothing changed
	foreignRefresh  = "foreign_refresh"   // another client presented the refresh token; nothing changed
)

type incidentRow struct {
	bun.BaseModel `bun:"table:oauth.incidents,alias:incident"`

	ID         string    `bun:"id,pk"`
	Kind       string    `bun:"kind"`
	Client     string    `bun:"client"`
	ByClient   string    `bun:"by_client"`
	Connection string    `bun:"connection"`
	Family     string    `bun:"family"`
	RequestID  string    `bun:"request_id"`
	CreatedAt  time.Time `bun:"created_at"`
}

// note records an incident where operators can find it, and in the log.
func (p *Provider) note(ctx context.Context, idb bun.IDB, row incidentRow) error {
	row.ID, row.RequestID, row.CreatedAt = id.New("oinc"), requestID(ctx), p.cfg.Clock.Now()
	if _, err := idb.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("note incident: %w", err)
	}
	p.cfg.Log.WarnContext(ctx, "oauth incident", "incident", row.ID, "kind", row.Kind, "request", row.RequestID,
		"client", row.Client, "by", row.ByClient, "connection", row.Connection)
	return nil
}
