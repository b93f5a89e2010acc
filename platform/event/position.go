package event

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Position is a place in the publishing order of the log; the zero value is before everything.
type Position struct {
	OrderXID int64
	Seq      int64
}

// Before reports whether p comes earlier than q.
func (p Position) Before(q Position) bool {
	return p.OrderXID < q.OrderXID || p.OrderXID == q.OrderXID && p.Seq < q.Seq
}

// Head is the last committed place of the log as this transaction or connection sees it.
func Head(ctx context.Context, idb bun.IDB) (Position, error) {
	var p Position
	err := idb.NewRaw(`SELECT order_xid, seq FROM platform.events ORDER BY order_xid DESC, seq DESC LIMIT 1`).
		Scan(ctx, &p.OrderXID, &p.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Position{}, fmt.Errorf("read the log's head: %w", err)
	}
	return p, nil
}

// Published is how far the relay has got.
func Published(ctx context.Context, idb bun.IDB) (Position, error) {
	var p Position
	err := idb.NewRaw(`SELECT order_xid, seq FROM platform.relay_cursor`).Scan(ctx, &p.OrderXID, &p.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Position{}, fmt.Errorf("read the relay's cursor: %w", err)
	}
	return p, nil
}
