package connect

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/verification"
)

// The states of a check's row: to be started, to be asked about, answered, of no more interest.
const (
	checkQueued  = "queued"
	checkPending = "pending"
	checkDone    = "done"
	checkExpired = "expired"
)

type checkRow struct {
	bun.BaseModel `bun:"table:connect.verification_checks,alias:k"`

	ID        string `bun:",pk"`
	Account   string
	Platform  string
	Livemode  bool
	Subject   string
	Digest    string
	Status    string
	Provider  string
	Reference string
	Revision  int64
	Attempts  int
	NextAt    time.Time `bun:",nullzero"`
	CreatedAt time.Time
}

type evidenceRow struct {
	bun.BaseModel `bun:"table:connect.verification_evidence,alias:v"`

	Check      string `bun:",pk"`
	Revision   int64  `bun:",pk"`
	Provider   string
	Version    string
	Reference  string
	Status     string
	Outcomes   json.RawMessage `bun:"type:jsonb"`
	ReceivedAt time.Time
}

func insertCheck(ctx context.Context, tx bun.Tx, row checkRow) error {
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert check: %w", err)
	}
	return nil
}

// supersede makes the job look at a subject's open checks at once: it will find
// that nobody waits for them, tell the verifier and close them.
func supersede(ctx context.Context, tx bun.Tx, at time.Time, account, subject string) error {
	_, err := tx.NewUpdate().Model((*checkRow)(nil)).Set("next_at = ?", at).
		Where("account = ? AND subject = ? AND next_at IS NOT NULL", account, subject).Exec(ctx)
	if err != nil {
		return fmt.Errorf("supersede checks: %w", err)
	}
	return nil
}

// claimChecks takes due checks for a while. Rows another process is taking are skipped. Who
// claimed and died is overtaken when the claim runs out: starting a check twice is one check.
const claimChecks = `
UPDATE connect.verification_checks k SET next_at = ?2, attempts = k.attempts + 1
WHERE k.id IN (
	SELECT id FROM connect.verification_checks WHERE livemode = ?0 AND next_at <= ?1
	ORDER BY next_at LIMIT ?3 FOR UPDATE SKIP LOCKED)
RETURNING k.*`

func claimedChecks(ctx context.Context, pool *bun.DB, livemode bool, at time.Time, lease time.Duration, limit int) ([]checkRow, error) {
	var rows []checkRow
	if err := pool.NewRaw(claimChecks, livemode, at, at.Add(lease), limit).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("claim checks: %w", err)
	}
	return rows, nil
}

// lockCheck is the row of a check, locked after its account's row.
func lockCheck(ctx context.Context, tx bun.Tx, check string) (checkRow, error) {
	var row checkRow
	if err := tx.NewSelect().Model(&row).Where("k.id = ?", check).For("UPDATE OF k").Scan(ctx); err != nil {
		return row, fmt.Errorf("lock check: %w", err)
	}
	return row, nil
}

// findCheck is a check by our id or by the verifier's reference.
func findCheck(ctx context.Context, idb bun.IDB, check string) (checkRow, error) {
	var row checkRow
	if err := idb.NewSelect().Model(&row).Where("k.id = ?", check).Scan(ctx); err != nil {
		return row, fmt.Errorf("find check: %w", err)
	}
	return row, nil
}

func updateCheck(ctx context.Context, idb bun.IDB, row checkRow) error {
	_, err := idb.NewUpdate().Model(&row).WherePK().Column("status", "provider", "reference", "revision", "attempts", "next_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update check: %w", err)
	}
	return nil
}

// appendEvidence keeps an answer. One that was kept before changes nothing.
func appendEvidence(ctx context.Context, tx bun.Tx, at time.Time, verifier verification.Verifier, check string, answer verification.Answer) error {
	outcomes, err := json.Marshal(answer.Outcomes)
	if err != nil {
		return fmt.Errorf("encode outcomes: %w", err)
	}
	name, version := verifier.Name()
	row := evidenceRow{
		Check: check, Revision: answer.Revision, Provider: name, Version: version, Reference: answer.Reference,
		Status: checkDone, Outcomes: outcomes, ReceivedAt: at,
	}
	if answer.Waiting() {
		row.Status = checkPending
	}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT ON CONSTRAINT verification_evidence_pkey DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("append evidence: %w", err)
	}
	return nil
}

// dueAccounts are the accounts whose standing changes by itself about now, or who have
// not heard of the newest rules. The names of rules grow; while two versions of the
// program run beside each other, the older one leaves alone what the newer one has told.
const dueAccounts = `
(SELECT id, platform FROM connect.accounts
	WHERE livemode = ?0 AND closed_at IS NULL AND standing_due_at <= ?1 ORDER BY standing_due_at LIMIT ?3)
UNION
(SELECT id, platform FROM connect.accounts
	WHERE livemode = ?0 AND closed_at IS NULL AND (livemode OR strict_requirements) AND rules < ?2
	ORDER BY rules, id LIMIT ?3)`
