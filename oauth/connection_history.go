package oauth

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// maxHistory bounds what a page shows of an account's past.
const maxHistory = 200

// History are the connections of an account that are or were active, the active
// ones first and of each kind the newest first. A consent whose code was never
// exchanged connected nobody and is left out.
func (s *Connections) History(ctx context.Context, idb bun.IDB, account string, livemode bool) ([]*Connection, error) {
	var rows []connectionRow
	err := withClient(idb.NewSelect().Model(&rows)).
		Where("connection.account = ? AND connection.livemode = ?", account, livemode).
		Where("connection.status <> ?", ConnectionPending).
		OrderExpr("connection.status, coalesce(connection.ended_at, connection.authorized_at) DESC, connection.id DESC").
		Limit(maxHistory).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list past connections: %w", err)
	}
	out := make([]*Connection, len(rows))
	for i, r := range rows {
		out[i] = r.connection()
	}
	return out, nil
}
