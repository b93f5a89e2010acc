package oauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
)

type requestRow struct {
	bun.BaseModel `bun:"table:oauth.authorize_requests,alias:request"`

	ID         string            `bun:"id,pk"`
	Client     string            `bun:"client"`
	Livemode   bool              `bun:"livemode"`
	Express    bool              `bun:"express"`
	Status     string            `bun:"status"`
	Browser    []byte            `bun:"browser"`
	Parameters requestParameters `bun:"parameters,type:jsonb"`
	State      []byte            `bun:"state"`
	UserID     string            `bun:"user_id"`
	Account    string            `bun:"account"`
	Granted    string            `bun:"granted"`
	CreatedAt  time.Time         `bun:"created_at"`
	ExpiresAt  time.Time         `bun:"expires_at"`
}

// requestParameters are what the client asked for.
type requestParameters struct {
	RedirectURI  string            `json:"redirect_uri"`
	Scope        string            `json:"scope"`
	Challenge    string            `json:"challenge,omitempty"`
	Landing      string            `json:"landing,omitempty"`
	Prompt       string            `json:"prompt,omitempty"`
	AlwaysPrompt bool              `json:"always_prompt,omitempty"`
	Prefill      map[string]string `json:"prefill,omitempty"`
	Capabilities []string          `json:"capabilities,omitempty"`
}

func (r requestRow) request(client *Client) *AuthorizeRequest {
	q := r.Parameters
	return &AuthorizeRequest{
		ID: r.ID, Client: client, Express: r.Express, Status: RequestStatus(r.Status),
		RedirectURI: q.RedirectURI, Scope: tenant.Access(q.Scope), Landing: q.Landing, AlwaysPrompt: q.AlwaysPrompt, Prompt: q.Prompt,
		Prefill: q.Prefill, Capabilities: q.Capabilities,
		User: r.UserID, Account: r.Account, Granted: tenant.Access(r.Granted), CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		state: string(r.State), challenge: q.Challenge,
	}
}

func insertRequest(ctx context.Context, idb bun.IDB, r *AuthorizeRequest, browser []byte) error {
	row := requestRow{
		ID: r.ID, Client: r.Client.ID, Livemode: r.Client.Livemode, Express: r.Express, Status: string(r.Status), Browser: browser,
		Parameters: requestParameters{
			RedirectURI: r.RedirectURI, Scope: string(r.Scope), Challenge: r.challenge, Landing: r.Landing, Prompt: r.Prompt,
			AlwaysPrompt: r.AlwaysPrompt, Prefill: r.Prefill, Capabilities: r.Capabilities,
		},
		State: []byte(r.state), CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
	}
	if _, err := idb.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert authorization request: %w", err)
	}
	return nil
}

// findRequest is a stored request and the hash of its browser's secret, or nil.
func findRequest(ctx context.Context, idb bun.IDB, requestID string, lock bool) (*requestRow, error) {
	row := new(requestRow)
	q := idb.NewSelect().Model(row).Where("id = ?", requestID)
	if lock {
		q = q.For("UPDATE")
	}
	return found(row, q.Scan(ctx), "authorization request")
}

func updateRequest(ctx context.Context, tx bun.Tx, r *AuthorizeRequest) error {
	row := requestRow{ID: r.ID, Status: string(r.Status), UserID: r.User, Account: r.Account, Granted: string(r.Granted)}
	_, err := tx.NewUpdate().Model(&row).Column("status", "user_id", "account", "granted").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update authorization request: %w", err)
	}
	return nil
}

// sharedClient reads a client for an approval. The lock waits for somebody who
// disables it now, and makes the next one wait for us.
func sharedClient(ctx context.Context, tx bun.Tx, clientID string) (*Client, error) {
	var row clientRow
	err := tx.NewSelect().Model(&row).Where("id = ?", clientID).For("SHARE").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("client %s is gone", clientID)
	}
	if err != nil {
		return nil, fmt.Errorf("read client: %w", err)
	}
	return row.client(nil), nil
}
