package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Lanes is how many ways the log is shared out by account. An account's events
// are all in one lane and keep their order there; between lanes there is none.
const Lanes = 16

// Position is a place in the publishing order of a lane; the zero value is before everything.
type Position struct {
	OrderXID int64
	Seq      int64
}

// Before reports whether p comes earlier than q.
func (p Position) Before(q Position) bool {
	return p.OrderXID < q.OrderXID || p.OrderXID == q.OrderXID && p.Seq < q.Seq
}

// Positions are a place in each lane.
type Positions [Lanes]Position

// Before reports whether p comes earlier than q in some lane.
func (p Positions) Before(q Positions) bool {
	for lane := range p {
		if p[lane].Before(q[lane]) {
			return true
		}
	}
	return false
}

// Head is the last committed place of each lane as this transaction or connection sees it.
func Head(ctx context.Context, idb bun.IDB) (Positions, error) {
	p, err := positions(ctx, idb, `
SELECT l.lane, e.order_xid, e.seq FROM platform.relay_lanes l CROSS JOIN LATERAL (
	SELECT order_xid, seq FROM platform.events WHERE lane = l.lane ORDER BY order_xid DESC, seq DESC LIMIT 1
) e`)
	if err != nil {
		return p, fmt.Errorf("read the log's head: %w", err)
	}
	return p, nil
}

// Published is how far the relays have got.
func Published(ctx context.Context, idb bun.IDB) (Positions, error) {
	p, err := positions(ctx, idb, `SELECT lane, order_xid, seq FROM platform.relay_lanes`)
	if err != nil {
		return p, fmt.Errorf("read the relays' cursors: %w", err)
	}
	return p, nil
}

func positions(ctx context.Context, idb bun.IDB, query string) (p Positions, err error) {
	var rows []struct {
		Lane     int
		OrderXID int64 `bun:"order_xid"`
		Seq      int64
	}
	if err := idb.NewRaw(query).Scan(ctx, &rows); err != nil {
		return p, err
	}
	for _, r := range rows {
		p[r.Lane] = Position{r.OrderXID, r.Seq}
	}
	return p, nil
}
