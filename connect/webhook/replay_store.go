package webhook

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

type replayRow struct {
	bun.BaseModel `bun:"table:connect.webhook_replays,alias:replay"`

	ID           string    `bun:"id,pk"`
	Endpoint     string    `bun:"endpoint"`
	Account      string    `bun:"account"`
	Livemode     bool      `bun:"livemode"`
	CreatedFrom  time.Time `bun:"created_gte,nullzero"`
	CreatedUntil time.Time `bun:"created_lte,nullzero"`
	Types        []string  `bun:"types,array"`
	Statuses     []string  `bun:"statuses,array"`
	RateLimit    int       `bun:"rate_limit,nullzero"`
	Status       string    `bun:"status"`
	Total        int64     `bun:"total"`
	Replayed     int64     `bun:"replayed"`
	UpToSeq      int64     `bun:"up_to_seq"`
	AtSeq        int64     `bun:"at_seq"`
	CreatedAt    time.Time `bun:"created_at"`
	EndedAt      time.Time `bun:"ended_at,nullzero"`
}

func (r replayRow) replay() Replay {
	replay := Replay{
		ID: r.ID, Endpoint: r.Endpoint, Account: r.Account, Livemode: r.Livemode,
		ReplayOf:  ReplayOf{CreatedFrom: r.CreatedFrom, CreatedUntil: r.CreatedUntil, Types: r.Types},
		RateLimit: r.RateLimit, Status: ReplayStatus(r.Status), Total: r.Total, Replayed: r.Replayed,
		CreatedAt: r.CreatedAt.UTC(), EndedAt: r.EndedAt,
	}
	for _, status := range r.Statuses {
		replay.Statuses = append(replay.Statuses, Status(status))
	}
	return replay
}

func (of ReplayOf) statuses() []string {
	out := make([]string, len(of.Statuses))
	for i, status := range of.Statuses {
		out[i] = string(status)
	}
	return out
}

// narrow is the condition of belonging to a replay; delivery and payload are the aliases.
// What has no payload any more cannot be sent.
func (of ReplayOf) narrow(q *bun.SelectQuery, endpointID string) *bun.SelectQuery {
	q = q.Join("JOIN connect.webhook_payloads AS payload ON payload.event = delivery.event").
		Where("delivery.endpoint = ? AND delivery.status IN (?) AND octet_length(payload.body) > 0", endpointID, bun.List(of.statuses()))
	if len(of.Types) > 0 {
		q = q.Where(ofTypes, pgdialect.Array(of.Types))
	}
	if !of.CreatedFrom.IsZero() {
		q = q.Where("delivery.created_at >= ?", of.CreatedFrom)
	}
	if !of.CreatedUntil.IsZero() {
		q = q.Where("delivery.created_at <= ?", of.CreatedUntil)
	}
	return q
}

// countReplay is how many deliveries would belong to a replay now, and the last of them.
func countReplay(ctx context.Context, idb bun.IDB, endpointID string, of ReplayOf) (total, upTo int64, err error) {
	q := idb.NewSelect().TableExpr("connect.webhook_deliveries AS delivery").ColumnExpr("count(*), COALESCE(max(delivery.seq), 0)")
	if err := of.narrow(q, endpointID).Scan(ctx, &total, &upTo); err != nil {
		return 0, 0, fmt.Errorf("count webhook deliveries: %w", err)
	}
	return total, upTo, nil
}

func insertReplay(ctx context.Context, tx bun.Tx, r Replay, upTo int64) error {
	row := replayRow{
		ID: r.ID, Endpoint: r.Endpoint, Account: r.Account, Livemode: r.Livemode, CreatedFrom: r.CreatedFrom, CreatedUntil: r.CreatedUntil,
		Types: append([]string{}, r.Types...), Statuses: r.statuses(), RateLimit: r.RateLimit, Status: string(r.Status), Total: r.Total, UpToSeq: upTo, CreatedAt: r.CreatedAt,
		EndedAt: r.EndedAt,
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook replay: %w", err)
	}
	return nil
}

func replaysOf(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("replay.account = ? AND replay.livemode = ?", scope.Account, scope.Livemode)
	}
}

func selectReplay(ctx context.Context, q *bun.SelectQuery, scope tenant.Scope, replayID string) (Replay, error) {
	var row replayRow
	err := replaysOf(scope)(q.Model(&row)).Where("replay.id = ?", replayID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Replay{}, fault.NoSuch("webhook replay", replayID)
	}
	if err != nil {
		return Replay{}, fmt.Errorf("get webhook replay: %w", err)
	}
	return row.replay(), nil
}

// isReplaying reports whether a replay of the endpoint runs.
func isReplaying(ctx context.Context, idb bun.IDB, endpointID string) (bool, error) {
	running, err := idb.NewSelect().Model((*replayRow)(nil)).Where("status = 'running' AND endpoint = ?", endpointID).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a running webhook replay: %w", err)
	}
	return running, nil
}

// runningReplays are those with work left, the oldest first.
func runningReplays(ctx context.Context, idb bun.IDB) ([]string, error) {
	var ids []string
	if err := idb.NewSelect().Model((*replayRow)(nil)).Column("id").Where("status = 'running'").OrderExpr("id").Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("list running webhook replays: %w", err)
	}
	return ids, nil
}

// lockRunning locks a replay for one step, or finds that it runs no more.
func lockRunning(ctx context.Context, tx bun.Tx, replayID string) (row replayRow, running bool, err error) {
	err = tx.NewSelect().Model(&row).Where("id = ? AND status = 'running'", replayID).For("UPDATE").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, fmt.Errorf("lock webhook replay: %w", err)
	}
	return row, true, nil
}

// advanceReplay writes down how far the replay is; ended is zero while it runs.
func advanceReplay(ctx context.Context, tx bun.Tx, row replayRow, status ReplayStatus, ended time.Time) error {
	row.Status, row.EndedAt = string(status), ended
	if _, err := tx.NewUpdate().Model(&row).Column("status", "replayed", "at_seq", "ended_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("advance webhook replay: %w", err)
	}
	return nil
}

// waitingOf is how many of a replay's deliveries are due and were not tried yet, at most atMost.
func waitingOf(ctx context.Context, tx bun.Tx, row replayRow, atMost int) (n int, err error) {
	err = tx.NewRaw(`
SELECT count(*) FROM (
    SELECT FROM connect.webhook_deliveries
    WHERE endpoint = ? AND status = 'pending' AND replay = ? AND attempts = attempts_before LIMIT ?
) AS waiting`, row.Endpoint, row.ID, atMost).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count waiting webhook deliveries: %w", err)
	}
	return n, nil
}

// replayNextSQL makes the chosen deliveries due, one after the other by spacing: they
// are leased in the order of when they are due. The schedule of each begins anew, and
// each waits for earlier ones of its object. What is still being sent since before is
// not due until that send has ended.
const replayNextSQL = `
WITH chosen AS (?), placed AS (SELECT id, seq, row_number() OVER (ORDER BY seq) - 1 AS place FROM chosen)
UPDATE connect.webhook_deliveries AS d SET
    status = 'pending', ordered = true, delivered_at = NULL, attempts_before = d.attempts, replay = ?,
    next_attempt_at = GREATEST(?::timestamptz + placed.place * ? * interval '1 microsecond', d.leased_until)
FROM placed WHERE d.id = placed.id
RETURNING placed.seq`

// replayNext makes due up to limit of the deliveries that are left, in order, and
// notes in row how far it came.
func replayNext(ctx context.Context, tx bun.Tx, at time.Time, row *replayRow, limit int, spacing time.Duration) (int, error) {
	chosen := row.replay().narrow(tx.NewSelect().TableExpr("connect.webhook_deliveries AS delivery").Column("delivery.id", "delivery.seq"), row.Endpoint).
		Where("delivery.seq > ? AND delivery.seq <= ?", row.AtSeq, row.UpToSeq).
		OrderExpr("delivery.seq").Limit(int64(limit)).For("UPDATE OF delivery")
	var seqs []int64
	if err := tx.NewRaw(replayNextSQL, chosen, row.ID, at, spacing.Microseconds()).Scan(ctx, &seqs); err != nil {
		return 0, fmt.Errorf("replay webhook deliveries: %w", err)
	}
	for _, seq := range seqs {
		row.AtSeq = max(row.AtSeq, seq)
	}
	row.Replayed += int64(len(seqs))
	return len(seqs), nil
}
