package oauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type clientRow struct {
	bun.BaseModel `bun:"table:oauth.clients,alias:client"`

	ID           string    `bun:"id,pk"`
	Platform     string    `bun:"platform"`
	Livemode     bool      `bun:"livemode"`
	Name         string    `bun:"name"`
	Public       bool      `bun:"public"`
	RedirectURIs []string  `bun:"redirect_uris,array"`
	Scopes       []string  `bun:"scopes,array"`
	RequirePAR   bool      `bun:"require_par"`
	CreatedAt    time.Time `bun:"created_at"`
	DisabledAt   time.Time `bun:"disabled_at,nullzero"`
}

type secretRow struct {
	bun.BaseModel `bun:"table:oauth.client_secrets,alias:secret"`

	ID        string    `bun:"id,pk"`
	Client    string    `bun:"client"`
	Hash      []byte    `bun:"hash"`
	Prefix    string    `bun:"prefix"`
	Last4     string    `bun:"last4"`
	CreatedAt time.Time `bun:"created_at"`
}

func (r clientRow) client(secrets []secretRow) *Client {
	c := &Client{
		ID: r.ID, Platform: r.Platform, Livemode: r.Livemode, Name: r.Name, Public: r.Public,
		RedirectURIs: r.RedirectURIs, RequirePAR: r.RequirePAR, CreatedAt: r.CreatedAt.UTC(), DisabledAt: utc(r.DisabledAt),
	}
	for _, s := range r.Scopes {
		c.Scopes = append(c.Scopes, tenant.Access(s))
	}
	for _, s := range secrets {
		if s.Client == r.ID && len(s.Hash) == 32 {
			c.Secrets = append(c.Secrets, ClientSecret{
				ID: s.ID, Prefix: s.Prefix, Last4: s.Last4, CreatedAt: s.CreatedAt.UTC(), hash: [32]byte(s.Hash),
			})
		}
	}
	return c
}

func rowOfClient(c *Client) *clientRow {
	r := &clientRow{
		ID: c.ID, Platform: c.Platform, Livemode: c.Livemode, Name: c.Name, Public: c.Public,
		RedirectURIs: c.RedirectURIs, RequirePAR: c.RequirePAR, CreatedAt: c.CreatedAt, DisabledAt: c.DisabledAt,
	}
	for _, s := range c.Scopes {
		r.Scopes = append(r.Scopes, string(s))
	}
	return r
}

// utc keeps zero times zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func insertClient(ctx context.Context, tx bun.Tx, c *Client) error {
	if _, err := tx.NewInsert().Model(rowOfClient(c)).Exec(ctx); err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	return nil
}

func updateClient(ctx context.Context, tx bun.Tx, c *Client) error {
	_, err := tx.NewUpdate().Model(rowOfClient(c)).
		Column("name", "redirect_uris", "scopes", "require_par").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	return nil
}

func markDisabled(ctx context.Context, tx bun.Tx, clientID string, at time.Time) error {
	q := tx.NewUpdate().Model((*clientRow)(nil)).Where("id = ?", clientID)
	if at.IsZero() {
		q = q.Set("disabled_at = NULL")
	} else {
		q = q.Set("disabled_at = ?", at)
	}
	if _, err := q.Exec(ctx); err != nil {
		return fmt.Errorf("mark client disabled: %w", err)
	}
	return nil
}

func insertSecret(ctx context.Context, tx bun.Tx, clientID string, s ClientSecret) error {
	row := secretRow{ID: s.ID, Client: clientID, Hash: s.hash[:], Prefix: s.Prefix, Last4: s.Last4, CreatedAt: s.CreatedAt}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert client secret: %w", err)
	}
	return nil
}

func deleteSecret(ctx context.Context, tx bun.Tx, clientID, secretID string) error {
	res, err := tx.NewDelete().Model((*secretRow)(nil)).Where("id = ? AND client = ?", secretID, clientID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete client secret: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.NoSuch("oauth_client_secret", secretID)
	}
	return nil
}

// findClient is the client with its secrets, or nil. It costs the same two
// look-ups whether the client exists or not.
func findClient(ctx context.Context, idb bun.IDB, clientID string) (*Client, error) {
	var secrets []secretRow
	if err := idb.NewSelect().Model(&secrets).Where("client = ?", clientID).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("find client secrets: %w", err)
	}
	var row clientRow
	err := idb.NewSelect().Model(&row).Where("id = ?", clientID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find client: %w", err)
	}
	return row.client(secrets), nil
}

// getClient is a client of the owner. Fails with NotFound. lock is "" or a row lock.
func getClient(ctx context.Context, idb bun.IDB, owner Owner, clientID, lock string) (*Client, error) {
	var row clientRow
	q := idb.NewSelect().Model(&row).Where("id = ?", clientID).
		Where("platform = ? AND livemode = ?", owner.Platform, owner.Livemode)
	if lock != "" {
		q = q.For(lock)
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("oauth_client", clientID)
	}
	if err != nil {
		return nil, fmt.Errorf("get client: %w", err)
	}
	secrets, err := secretsOf(ctx, idb, []string{clientID})
	if err != nil {
		return nil, err
	}
	return row.client(secrets), nil
}

func secretsOf(ctx context.Context, idb bun.IDB, clientIDs []string) ([]secretRow, error) {
	var secrets []secretRow
	if len(clientIDs) == 0 {
		return nil, nil
	}
	if err := idb.NewSelect().Model(&secrets).Where("client = ANY(?)", pgdialect.Array(clientIDs)).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("get client secrets: %w", err)
	}
	return secrets, nil
}

func listClients(ctx context.Context, idb bun.IDB, owner Owner, p page.Params) (page.Of[*Client], error) {
	of := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("platform = ? AND livemode = ?", owner.Platform, owner.Livemode)
	}
	rows, err := page.Fetch[clientRow](ctx, idb, p, "oauth_client", of, nil)
	if err != nil {
		return page.Of[*Client]{}, fmt.Errorf("list clients: %w", err)
	}
	ids := make([]string, len(rows.Items))
	for i, r := range rows.Items {
		ids[i] = r.ID
	}
	secrets, err := secretsOf(ctx, idb, ids)
	if err != nil {
		return page.Of[*Client]{}, err
	}
	out := page.Of[*Client]{Items: make([]*Client, len(rows.Items)), HasMore: rows.HasMore}
	for i, r := range rows.Items {
		out.Items[i] = r.client(secrets)
	}
	return out, nil
}
