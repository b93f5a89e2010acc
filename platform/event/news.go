package event

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// News is that something happened: enough to know who should look again.
type News struct {
	Type     string
	Account  string
	Platform string
	Livemode bool
}

// Ear hears of what happens from the moment it was made. It is for screens that look
// again when they hear something, not for effects: what nobody listened to is not
// told later, and of a crowd of events it tells as many as fit into one look.
type Ear struct {
	after [Lanes]Position
	told  map[string]bool // of the last look: events that were not settled may come again
}

// newsPerLane bounds one look. More events than that in a second are told by the
// looks that follow.
const newsPerLane = 200

// NewEar begins at the end of the log.
func NewEar(ctx context.Context, idb bun.IDB) (*Ear, error) {
	e := &Ear{}
	var ends []struct {
		Lane     int
		OrderXID int64 `bun:"order_xid"`
		Seq      int64
	}
	err := idb.NewRaw(`SELECT l.lane, e.order_xid, e.seq FROM generate_series(0, ?) AS l (lane)
		CROSS JOIN LATERAL (SELECT order_xid, seq FROM platform.events WHERE lane = l.lane ORDER BY order_xid DESC, seq DESC LIMIT 1) e`, Lanes-1).Scan(ctx, &ends)
	if err != nil {
		return nil, fmt.Errorf("find the end of the log: %w", err)
	}
	for _, end := range ends {
		e.after[end.Lane] = Position{end.OrderXID, end.Seq}
	}
	return e, nil
}

type newsRow struct {
	ID       string
	Type     string
	Account  string
	Platform string
	Livemode bool
	Lane     int
	OrderXID int64 `bun:"order_xid"`
	Seq      int64
	Settled  bool
}

// Hear is what happened since the last time. It goes on behind what can no longer be
// overtaken, and remembers what it told beyond.
func (e *Ear) Hear(ctx context.Context, idb bun.IDB) ([]News, error) {
	lanes, xids, seqs := make([]int64, Lanes), make([]int64, Lanes), make([]int64, Lanes)
	for lane, p := range e.after {
		lanes[lane], xids[lane], seqs[lane] = int64(lane), p.OrderXID, p.Seq
	}
	var rows []newsRow
	err := idb.NewRaw(news, pgdialect.Array(lanes), pgdialect.Array(xids), pgdialect.Array(seqs), newsPerLane).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look for news: %w", err)
	}
	told := map[string]bool{}
	var out []News
	open := [Lanes]bool{}
	for _, r := range rows {
		if open[r.Lane] = open[r.Lane] || !r.Settled; open[r.Lane] {
			told[r.ID] = true
		} else {
			e.after[r.Lane] = Position{r.OrderXID, r.Seq}
		}
		if !e.told[r.ID] {
			out = append(out, News{r.Type, r.Account, r.Platform, r.Livemode})
		}
	}
	e.told = told
	return out, nil
}

const news = `
SELECT e.id, e.type, e.account, e.platform, e.livemode, c.lane, e.order_xid, e.seq, e.order_xid < h.xmin AS settled
FROM unnest(?::smallint[], ?::bigint[], ?::bigint[]) AS c (lane, order_xid, seq)
CROSS JOIN (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) h
CROSS JOIN LATERAL (
	SELECT id, type, account, platform, livemode, order_xid, seq FROM platform.events
	WHERE lane = c.lane AND (order_xid, seq) > (c.order_xid, c.seq) ORDER BY order_xid, seq LIMIT ?
) e
ORDER BY c.lane, e.order_xid, e.seq`
