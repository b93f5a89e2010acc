package oauth

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
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

// Incident is an authorisation of a client that failed, or worse.
type Incident struct {
	ID         string // oinc_…
	Kind       string
	Client     string // whose credential it was
	ByClient   string // who presented it
	Connection string
	RequestID  string
	CreatedAt  time.Time
}

// reasons say incidents in words, and what became of them.
var reasons = map[string]string{
	codeReplayed:    "A code that was used before was presented again. All tokens that came of it were revoked.",
	codeProofFailed: "The code verifier or the redirect URI did not match. The code was used up.",
	refreshReused:   "A refresh token that was used before was presented again. All tokens of its family were revoked.",
	foreignCode:     "Another client presented a code of this client. Nothing changed.",
	foreignRefresh:  "Another client presented a refresh token of this client. Nothing changed.",
}

// Reason says the incident in words.
func (i Incident) Reason() string { return reasons[i.Kind] }

// Incidents is a page of what happened to a client of the owner, newest first. Fails with NotFound.
func (s *Clients) Incidents(ctx context.Context, idb bun.IDB, owner Owner, clientID string, p page.Params) (page.Of[Incident], error) {
	if _, err := getClient(ctx, idb, owner, clientID, ""); err != nil {
		return page.Of[Incident]{}, err
	}
	rows, err := page.Fetch[incidentRow](ctx, idb, p, "oauth_incident", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("incident.client = ?", clientID)
	}, nil)
	if err != nil {
		return page.Of[Incident]{}, err
	}
	out := page.Of[Incident]{Items: make([]Incident, len(rows.Items)), HasMore: rows.HasMore}
	for i, r := range rows.Items {
		out.Items[i] = Incident{
			ID: r.ID, Kind: r.Kind, Client: r.Client, ByClient: r.ByClient, Connection: r.Connection, RequestID: r.RequestID, CreatedAt: r.CreatedAt.UTC(),
		}
	}
	return out, nil
}
