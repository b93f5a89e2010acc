package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/event"
)

// Leases run on the database's clock, so that the machines' clocks do not
// matter. A relay says every second that it lives (platform.relays) and renews
// its lanes with the same statement, so that both end together when it dies.
// Every relay takes lanes that nobody holds until it has its share, the lanes
// divided by the relays that live, rounded up; and gives up what it has beyond
// that, without waiting for anybody. Shares rounded up never leave a lane out.
//
// These writes do not wait for the disk. After a crash of the database a lost
// one costs a lane some repeated events, which is what a lost cursor costs.
const async = `async AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting)`

// renew says that we live, and returns the lanes that are ours. ahead is true
// when a cursor names a transaction that this cluster has not reached: the
// database was restored by dump into another cluster, whose transaction numbers
// start anew, and no new event would ever come after the cursor.
const renew = `
WITH ` + async + `, me AS (
	INSERT INTO platform.relays (name, alive_until)
	SELECT ?0, clock_timestamp() + ?1 * interval '1 millisecond' FROM async
	ON CONFLICT ON CONSTRAINT relays_pkey DO UPDATE SET alive_until = EXCLUDED.alive_until
), dead AS (
	DELETE FROM platform.relays WHERE name <> ?0 AND alive_until < clock_timestamp() - interval '1 minute'
), mine AS (
	UPDATE platform.relay_lanes SET leased_until = clock_timestamp() + ?1 * interval '1 millisecond'
	WHERE holder = ?0 RETURNING lane, order_xid, seq
)
SELECT m.lane, m.order_xid, m.seq,
	(SELECT count(*) FROM platform.relays WHERE name <> ?0 AND alive_until >= clock_timestamp()) AS others,
	EXISTS (SELECT FROM platform.relay_lanes WHERE order_xid > pg_current_xact_id()::text::bigint) AS ahead,
	clock_timestamp() AS now
FROM (VALUES (true)) one LEFT JOIN mine m ON true`

// take leases lanes that nobody holds. SKIP LOCKED: another relay is at the ones it locks.
const take = `
WITH ` + async + `, free AS (
	SELECT lane FROM platform.relay_lanes, async
	WHERE leased_until < clock_timestamp() AND lane <> ALL (?2::smallint[])
	ORDER BY lane LIMIT ?3 FOR UPDATE OF relay_lanes SKIP LOCKED
)
UPDATE platform.relay_lanes l SET holder = ?0, leased_until = clock_timestamp() + ?1 * interval '1 millisecond'
FROM free WHERE l.lane = free.lane
RETURNING l.lane, l.order_xid, l.seq`

// move saves cursors after the acknowledgements, only of lanes that are ours,
// and never backwards.
const move = `
WITH ` + async + `
UPDATE platform.relay_lanes l SET order_xid = c.order_xid, seq = c.seq
FROM async, unnest(?1::smallint[], ?2::bigint[], ?3::bigint[]) AS c (lane, order_xid, seq)
WHERE l.lane = c.lane AND l.holder = ?0 AND (l.order_xid, l.seq) < (c.order_xid, c.seq)
RETURNING l.lane`

// giveUp lets others take the lanes at once; leaving forgets the relay as well.
const (
	giveUp  = `UPDATE platform.relay_lanes SET holder = '', leased_until = clock_timestamp() WHERE holder = ?0 AND lane = ANY (?1::smallint[])`
	leaving = `WITH lanes AS (UPDATE platform.relay_lanes SET holder = '', leased_until = clock_timestamp() WHERE holder = ?0) DELETE FROM platform.relays WHERE name = ?0`
)

// errForeignCursor is a cursor from another database cluster.
var errForeignCursor = errors.New("relay: the cursor comes from another database cluster; after a restore by dump, renumber the log as the handbook says")

var errLaneLost = errors.New("another relay has taken lanes of ours")

type leased struct {
	Lane     *int
	OrderXID int64 `bun:"order_xid"`
	Seq      int64
	Others   int
	Ahead    bool
	Now      time.Time
}

// beat renews the leases and brings our part to our share.
func (r *Relay) beat(ctx context.Context) error {
	at := time.Now()
	var mine []leased
	if err := r.pool.NewRaw(renew, r.name, r.cfg.Lease.Milliseconds()).Scan(ctx, &mine); err != nil {
		return fmt.Errorf("renew the relay's leases: %w", err)
	}
	all := mine[0]
	if all.Ahead {
		r.keepOnly(nil)
		return errForeignCursor
	}
	if all.Lane == nil {
		mine = nil
	}
	share := (event.Lanes + all.Others) / (all.Others + 1)
	r.keepOnly(mine)
	r.hold(mine)
	r.leasedAt, r.months.now = at, all.Now
	for _, l := range r.lanes {
		l.leaving = false
	}
	if all.Others != r.others {
		r.others, r.restless = all.Others, at.Add(3*time.Second)
	}
	r.due.beat = at.Add(r.pace(len(r.lanes) < share && at.Before(r.restless)))
	if len(r.lanes) > share {
		return r.shed(ctx, len(r.lanes)-share)
	}
	return r.gain(ctx, share-len(r.lanes))
}

// pace is the time to the next beat. After another relay has come or gone, one
// that waits for lanes asks more often: nobody publishes them meanwhile.
func (r *Relay) pace(waiting bool) time.Duration {
	pace := min(time.Second, r.cfg.Lease/4)
	if waiting {
		return min(pace, 100*time.Millisecond)
	}
	return pace
}

// keepOnly drops the lanes that are not among ours any more.
func (r *Relay) keepOnly(mine []leased) {
	still := map[int]bool{}
	for _, m := range mine {
		still[*m.Lane] = true
	}
	for number := range r.lanes {
		if !still[number] {
			r.drop(number)
		}
	}
	r.stats.lanes.Store(int64(len(r.lanes)))
}

func (r *Relay) drop(number int) {
	if r.lanes[number].busy {
		r.lost[number] = true
	}
	delete(r.lanes, number)
	r.stats.lanes.Store(int64(len(r.lanes)))
	r.tellOldest()
}

// hold begins lanes at the database's cursor, also those whose taking got no answer.
func (r *Relay) hold(lanes []leased) {
	for _, l := range lanes {
		if r.lanes[*l.Lane] != nil || r.lost[*l.Lane] {
			continue
		}
		at := event.Position{OrderXID: l.OrderXID, Seq: l.Seq}
		r.lanes[*l.Lane] = &lane{Cursor: event.Cursor{Lane: *l.Lane, Position: at}, saved: at}
	}
	r.stats.lanes.Store(int64(len(r.lanes)))
}

func (r *Relay) gain(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	out := make([]int, 0, event.Lanes) // ours, and those that a worker still has from before
	for number := range r.lanes {
		out = append(out, number)
	}
	for number := range r.lost {
		out = append(out, number)
	}
	var taken []leased
	err := r.pool.NewRaw(take, r.name, r.cfg.Lease.Milliseconds(), pgdialect.Array(out), n).Scan(ctx, &taken)
	if err != nil {
		return fmt.Errorf("take lanes: %w", err)
	}
	if len(taken) > 0 {
		r.hold(taken)
		r.cfg.Log.Info("relay: took lanes", "took", len(taken), "holds", len(r.lanes))
	}
	return nil
}

// shed gives up lanes beyond our share. One that a worker has gets no more work
// and goes at the next beat.
func (r *Relay) shed(ctx context.Context, n int) error {
	if err := r.saveMoved(ctx); err != nil {
		return err
	}
	var gone []int
	for number := event.Lanes - 1; number >= 0; number-- {
		l := r.lanes[number]
		if l == nil || n == 0 {
			continue
		}
		n--
		if l.leaving = true; !l.busy {
			gone = append(gone, number)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if _, err := r.pool.NewRaw(giveUp, r.name, pgdialect.Array(gone)).Exec(ctx); err != nil {
		return fmt.Errorf("give up lanes: %w", err)
	}
	for _, number := range gone {
		r.drop(number)
	}
	r.cfg.Log.Info("relay: gave up lanes", "gave", len(gone), "holds", len(r.lanes))
	return nil
}

// save moves the cursors when it is time to.
func (r *Relay) save(ctx context.Context, now time.Time) error {
	if now.Before(r.due.save) {
		return nil
	}
	return r.saveMoved(ctx)
}

func (r *Relay) saveMoved(ctx context.Context) error {
	var lanes []int
	var xids, seqs []int64
	for number, l := range r.lanes {
		if l.moved() {
			lanes, xids, seqs = append(lanes, number), append(xids, l.OrderXID), append(seqs, l.Seq)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	var saved []int
	err := r.pool.NewRaw(move, r.name, pgdialect.Array(lanes), pgdialect.Array(xids), pgdialect.Array(seqs)).Scan(ctx, &saved)
	if err != nil {
		return fmt.Errorf("save the relay's cursors: %w", err)
	}
	r.due.save = time.Now().Add(saveEvery)
	for _, number := range saved {
		r.lanes[number].saved = r.lanes[number].Position
	}
	if len(saved) == len(lanes) {
		return nil
	}
	for _, number := range lanes {
		if r.lanes[number].moved() {
			r.drop(number)
		}
	}
	return errLaneLost
}

// leave saves what was acknowledged and lets the others start at once. Without
// it, they wait for the leases to run out.
func (r *Relay) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := r.saveMoved(ctx)
	if _, left := r.pool.NewRaw(leaving, r.name).Exec(ctx); left != nil || err != nil {
		r.cfg.Log.Warn("relay: lanes not given back in order, their leases will run out", "error", errors.Join(err, left))
	}
	clear(r.lanes)
	clear(r.lost)
	r.leasedAt, r.due.beat = time.Time{}, time.Time{}
	r.stats.lanes.Store(0)
	r.stats.oldest.Store(0)
	r.stats.horizonSince.Store(0)
}
