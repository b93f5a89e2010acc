package oauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

type connectionRow struct {
	bun.BaseModel `bun:"table:oauth.connections,alias:connection"`

	ID           string    `bun:"id,pk"`
	Client       string    `bun:"client"`
	Platform     string    `bun:"platform"`
	Account      string    `bun:"account"`
	Livemode     bool      `bun:"livemode"`
	Status       string    `bun:"status"`
	Scope        string    `bun:"scope"`
	ApprovedBy   string    `bun:"approved_by"`
	Version      int64     `bun:"version"`
	CreatedAt    time.Time `bun:"created_at"`
	AuthorizedAt time.Time `bun:"authorized_at,nullzero"`
	EndedAt      time.Time `bun:"ended_at,nullzero"`
	EndedBy      string    `bun:"ended_by,nullzero"`
	LastUsedAt   time.Time `bun:"last_used_at,nullzero"`

	ClientName       string    `bun:"client_name,scanonly"`
	ClientPublic     bool      `bun:"client_public,scanonly"`
	ClientDisabledAt time.Time `bun:"client_disabled_at,scanonly,nullzero"`
}

func (r connectionRow) connection() *Connection {
	return &Connection{
		ID: r.ID, Client: r.Client, ClientName: r.ClientName, ClientPublic: r.ClientPublic, Platform: r.Platform, Account: r.Account,
		Livemode: r.Livemode, Status: ConnectionStatus(r.Status), Scope: tenant.Access(r.Scope), ApprovedBy: r.ApprovedBy,
		CreatedAt: r.CreatedAt.UTC(), AuthorizedAt: utc(r.AuthorizedAt), EndedAt: utc(r.EndedAt), EndedBy: r.EndedBy,
		LastUsedAt: utc(r.LastUsedAt), version: r.Version, clientDisabled: !r.ClientDisabledAt.IsZero(),
	}
}

// withClient reads connections with what is shown of their clients.
func withClient(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("connection.*").
		ColumnExpr("c.name AS client_name, c.public AS client_public, c.disabled_at AS client_disabled_at").
		Join("JOIN oauth.clients AS c ON c.id = connection.client")
}

// insertConnection makes the row of a first consent; a later one finds it there.
func insertConnection(ctx context.Context, tx bun.Tx, c *Connection) error {
	row := connectionRow{
		ID: c.ID, Client: c.Client, Platform: c.Platform, Account: c.Account, Livemode: c.Livemode,
		Status: string(ConnectionPending), ApprovedBy: c.ApprovedBy, CreatedAt: c.CreatedAt,
	}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT (client, account) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("insert connection: %w", err)
	}
	return nil
}

// lockConnectionsSQL takes every connection of one account, always in the same
// order: what the platform may do with the account follows from all of them, so
// two that end at once must see each other. The clients are read, not locked.
const lockConnectionsSQL = `
SELECT connection.* FROM oauth.connections AS connection
WHERE connection.account = ? AND connection.livemode = ? AND connection.platform = ?
ORDER BY connection.id FOR NO KEY UPDATE`

// lockConnections locks all connections of an account. What is read of the
// clients is read after the locks are held.
func lockConnections(ctx context.Context, tx bun.Tx, platform, account string, livemode bool) ([]*Connection, error) {
	var rows []connectionRow
	if err := tx.NewRaw(lockConnectionsSQL, account, livemode, platform).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("lock connections: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	rows = nil
	err := withClient(tx.NewSelect().Model(&rows)).Where("connection.id = ANY(?)", pgdialect.Array(ids)).Order("connection.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read locked connections: %w", err)
	}
	out := make([]*Connection, len(rows))
	for i, r := range rows {
		out[i] = r.connection()
	}
	return out, nil
}

// pick is one of the locked connections.
func pick(locked []*Connection, connectionID string) (*Connection, error) {
	i := slices.IndexFunc(locked, func(c *Connection) bool { return c.ID == connectionID })
	if i < 0 {
		return nil, fmt.Errorf("connection %s is not among those of its account", connectionID)
	}
	return locked[i], nil
}

func updateConnection(ctx context.Context, tx bun.Tx, c *Connection) error {
	row := connectionRow{
		ID: c.ID, Status: string(c.Status), Scope: string(c.Scope), ApprovedBy: c.ApprovedBy, Version: c.version,
		AuthorizedAt: c.AuthorizedAt, EndedAt: c.EndedAt, EndedBy: c.EndedBy,
	}
	_, err := tx.NewUpdate().Model(&row).
		Column("status", "scope", "approved_by", "version", "authorized_at", "ended_at", "ended_by").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update connection: %w", err)
	}
	return nil
}

func findConnection(ctx context.Context, idb bun.IDB, where string, args ...any) (*Connection, error) {
	var row connectionRow
	err := withClient(idb.NewSelect().Model(&row)).Where(where, args...).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find connection: %w", err)
	}
	return row.connection(), nil
}

func connectionsOf(ctx context.Context, idb bun.IDB, account string, livemode bool) ([]*Connection, error) {
	var rows []connectionRow
	err := withClient(idb.NewSelect().Model(&rows)).
		Where("connection.account = ? AND connection.livemode = ?", account, livemode).
		Where("connection.status = ?", ConnectionActive).Order("connection.id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	out := make([]*Connection, len(rows))
	for i, r := range rows {
		out[i] = r.connection()
	}
	return out, nil
}

// reach is an account that a client has a connection to, in whatever state.
type reach struct {
	Platform string `bun:"platform"`
	Account  string `bun:"account"`
	Livemode bool   `bun:"livemode"`
}

// reachesOf are in the order of accounts, so that two walks over them do not
// wait for each other.
func reachesOf(ctx context.Context, idb bun.IDB, clientID string) ([]reach, error) {
	var out []reach
	err := idb.NewSelect().Table("oauth.connections").Column("platform", "account", "livemode").
		Where("client = ?", clientID).OrderExpr("account, livemode").Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("list accounts of client: %w", err)
	}
	return out, nil
}

// revokeConnection ends all that was issued through a connection.
func revokeConnection(ctx context.Context, tx bun.Tx, connectionID string, at time.Time) error {
	_, err := tx.NewUpdate().Table("oauth.codes").
		Set("spent_at = ?, spent_for = ?", at, spentRevoked).Where("connection = ? AND spent_at IS NULL", connectionID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("revoke codes: %w", err)
	}
	_, err = tx.NewUpdate().Table("oauth.tokens").
		Set("revoked_at = ?", at).Where("connection = ? AND revoked_at IS NULL", connectionID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	return nil
}

// markConnectionsUsedSQL never moves a time back, and leaves out connections that
// somebody is changing: the next use notes itself again.
const markConnectionsUsedSQL = `
UPDATE oauth.connections AS c SET last_used_at = u.at
FROM unnest(?::text[], ?::timestamptz[]) AS u (id, at)
WHERE c.id = u.id AND (c.last_used_at IS NULL OR c.last_used_at < u.at)
	AND c.id IN (SELECT id FROM oauth.connections WHERE id = ANY(?) FOR NO KEY UPDATE SKIP LOCKED)`

func markConnectionsUsed(ctx context.Context, idb bun.IDB, used map[string]time.Time) error {
	ids, times := make([]string, 0, len(used)), make([]time.Time, 0, len(used))
	for connectionID, at := range used {
		ids, times = append(ids, connectionID), append(times, at)
	}
	_, err := idb.NewRaw(markConnectionsUsedSQL, pgdialect.Array(ids), pgdialect.Array(times), pgdialect.Array(ids)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark connections used: %w", err)
	}
	return nil
}

func noConnection(connectionID string) error { return fault.NoSuch("connection", connectionID) }
