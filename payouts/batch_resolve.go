package payouts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// What people can say became of a file of which nobody knows.
const (
	outcomeDelivered    = "delivered"
	outcomeNotDelivered = "not_delivered"
)

// ResolveParams say what became of a file.
type ResolveParams struct {
	Outcome string `form:"outcome,required"`
}

// Resolve notes what somebody says became of a file whose arrival is unknown. Two
// different actors who say the same decide it: delivered, or not delivered, and
// then the same file is brought to the bank again. Who has changed his mind may
// say so until then.
func (s *Service) Resolve(ctx context.Context, tx bun.Tx, scope tenant.Scope, batch, actor string, params ResolveParams) (*Batch, error) {
	if params.Outcome != outcomeDelivered && params.Outcome != outcomeNotDelivered {
		return nil, fault.Invalidf("", "outcome", "Invalid outcome: must be one of delivered or not_delivered")
	}
	b, err := findBatch(ctx, tx, scope, batch, true)
	if err != nil {
		return nil, err
	}
	last, err := lastUpload(ctx, tx, batch)
	if err != nil {
		return nil, err
	}
	if b.Status != BatchUnknown || last == nil {
		return nil, fault.Invalidf("payout_batch_not_unknown", "", "Only a batch whose delivery is unknown can be resolved; this one is %s.", b.Status)
	}
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	_, err = tx.NewRaw(`INSERT INTO payouts.upload_votes (upload, actor, outcome, voted_at) VALUES (?, ?, ?, ?)
		ON CONFLICT ON CONSTRAINT upload_votes_pkey DO UPDATE SET outcome = EXCLUDED.outcome, voted_at = EXCLUDED.voted_at`,
		last.ID, actor, params.Outcome, now).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note a decision: %w", err)
	}
	var votes int
	err = tx.NewRaw(`SELECT count(*) FROM payouts.upload_votes WHERE upload = ? AND outcome = ?`, last.ID, params.Outcome).Scan(ctx, &votes)
	if err != nil {
		return nil, fmt.Errorf("count decisions: %w", err)
	}
	if votes < 2 {
		return b, nil
	}
	if last.Outcome = UploadAbsent; params.Outcome == outcomeDelivered {
		last.Outcome = UploadAccepted
	}
	last.FoundBy = foundByPeople
	if err := endUpload(ctx, tx, last, now); err != nil {
		return nil, err
	}
	b.learn(last.Outcome, now)
	return b, saveBatch(ctx, tx, b)
}

// Votes lists what people say became of the last attempt, who said it first ahead.
func (s *Service) Votes(ctx context.Context, idb bun.IDB, upload string) (votes []Vote, err error) {
	err = idb.NewRaw(`SELECT actor, outcome, voted_at FROM payouts.upload_votes WHERE upload = ? ORDER BY voted_at, actor`, upload).Scan(ctx, &votes)
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	return votes, nil
}
