package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// VerificationStatus is how far a verification has come.
type VerificationStatus string

// The states of a verification.
const (
	VerificationPending VerificationStatus = "pending"
	VerificationRunning VerificationStatus = "running"
	VerificationPassed  VerificationStatus = "passed"
	VerificationFailed  VerificationStatus = "failed" // something does not hold
)

// Verification is one proof of the whole ledger that somebody asked for.
type Verification struct {
	ID          string // lver_…
	Platform    string
	Livemode    bool
	Actor       string // the key that asked
	Status      VerificationStatus
	Done, Total int64 // batches
	Entries     int64
	Postings    int64
	Sealed      int64     // links of the chain that were followed
	Findings    []Finding `bun:"type:jsonb"`
	RequestedAt time.Time
	FinishedAt  time.Time `bun:",nullzero"`
}

type verificationRow struct {
	bun.BaseModel `bun:"table:ledger.verifications,alias:v"`
	Verification
}

func askedBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("v.platform = ? AND v.livemode = ?", scope.Platform, scope.Livemode)
	}
}

// Request asks for a verification. One that waits or runs already is the answer to all
// who ask meanwhile.
func Request(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string, now time.Time) (*Verification, error) {
	row := verificationRow{Verification: Verification{
		ID: id.New("lver"), Platform: scope.Platform, Livemode: scope.Livemode, Actor: actor, Status: VerificationPending,
		Findings: []Finding{}, RequestedAt: now,
	}}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (platform, livemode) WHERE finished_at IS NULL DO NOTHING").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for a verification: %w", err)
	}
	var asked verificationRow
	if err := askedBy(scope)(tx.NewSelect().Model(&asked)).OrderExpr("v.finished_at IS NULL DESC, v.id DESC").Limit(1).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read verification: %w", err)
	}
	return &asked.Verification, nil
}

// GetVerification is one of the scope's platform, or NotFound.
func GetVerification(ctx context.Context, idb bun.IDB, scope tenant.Scope, verification string) (*Verification, error) {
	var rows []verificationRow
	if err := askedBy(scope)(idb.NewSelect().Model(&rows)).Where("v.id = ?", verification).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read verification: %w", err)
	}
	if len(rows) == 0 {
		return nil, fault.NoSuch("ledger verification", verification)
	}
	return &rows[0].Verification, nil
}

// Verifications is a page of those a platform has asked for, newest first.
func Verifications(ctx context.Context, idb bun.IDB, scope tenant.Scope, p page.Params) (page.Of[*Verification], error) {
	rows, err := page.Fetch[verificationRow](ctx, idb, p, "ledger verification", askedBy(scope), nil)
	if err != nil {
		return page.Of[*Verification]{}, fmt.Errorf("list verifications: %w", err)
	}
	found := page.Of[*Verification]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Verification)
	}
	return found, nil
}

// progressEvery is how often a running verification tells how far it is.
const progressEvery = time.Second

// Work proves the ledger for all who wait, once for all of them, and returns how many
// waited. It runs in one process at a time: what it finds running was left by a crash.
func Work(ctx context.Context, pool *bun.DB, now func() time.Time) (int, error) {
	var waiting []string
	err := pool.NewRaw(`UPDATE ledger.verifications SET status = 'running', done = 0 WHERE finished_at IS NULL RETURNING id`).Scan(ctx, &waiting)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	told := now()
	var total int64
	report, err := Verify(ctx, pool, func(done, all int64) {
		total = all
		if t := now(); t.Sub(told) >= progressEvery {
			told = t
			// Only a bar on a page: an error here will be one of the last step, too.
			_, _ = pool.NewRaw(`UPDATE ledger.verifications SET done = ?, total = ? WHERE id IN (?)`, done, all, bun.List(waiting)).Exec(ctx)
		}
	})
	if err != nil {
		return 0, err
	}
	status := VerificationPassed
	if !report.OK() {
		status = VerificationFailed
	}
	_, err = pool.NewUpdate().Model(&verificationRow{Verification: Verification{
		Status: status, Done: report.Batches, Total: max(total, report.Batches), Entries: report.Entries, Postings: report.Postings, Sealed: report.Sealed,
		Findings: append([]Finding{}, report.Findings...), FinishedAt: now(),
	}}).Column("status", "done", "total", "entries", "postings", "sealed", "findings", "finished_at").
		Where("v.id IN (?)", bun.List(waiting)).Exec(ctx)
	if err != nil {
		return 0, errors.Join(errors.New("keep the verification"), err)
	}
	return len(waiting), nil
}
