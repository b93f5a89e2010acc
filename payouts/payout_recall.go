package payouts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Recall asks the bank to call a payout back that it has. What comes of it the bank
// says later: the payout fails with its money back, or it stays as it is.
func (s *Service) Recall(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout, actor string) (*Payout, error) {
	p, err := find(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Cancelable():
		return nil, fault.Invalidf("payout_not_recallable", "", "The bank does not have this payout yet. Cancel it instead.")
	case p.Status == Failed, p.Status == Canceled:
		return nil, fault.Invalidf("payout_not_recallable", "", "This payout is %s: its money is in the balance.", p.Status)
	case p.Recall != NotRecalled:
		return nil, fault.Invalidf("payout_not_recallable", "", "This payout was called back before; the recall is %s.", p.Recall)
	}
	if _, ok := s.recaller(p.Livemode, p.Rail); !ok {
		return nil, fault.Invalidf("payout_recall_unsupported", "", "Recalls are not supported by the rail '%s': what the bank has, it pays.", p.Rail)
	}
	now := s.cfg.Clocks.For(p.Livemode).Now()
	_, err = tx.NewRaw(`INSERT INTO payouts.recalls (payout, livemode, actor, requested_at, try_at) VALUES (?, ?, ?, ?, ?)`,
		p.ID, p.Livemode, actor, now, now).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note the recall of %s: %w", p.ID, err)
	}
	p.Recall = RecallRequested
	return p, s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"recall": nil})
}

// recaller is the rail of that name, if it carries recalls.
func (s *Service) recaller(livemode bool, name string) (rail.Recaller, bool) {
	way, ok := s.cfg.Rails.For(livemode).Named(name)
	if !ok || !way.Capabilities().Recalls {
		return nil, false
	}
	recaller, ok := way.(rail.Recaller)
	return recaller, ok
}

// sendRecalls tells the banks of the recalls that they have not heard of. Telling
// twice is harmless, so nothing is asked first.
func (s *Service) sendRecalls(ctx context.Context, livemode bool, now time.Time) error {
	var waiting []askable
	err := s.pool.NewRaw(`SELECT r.payout AS id, p.rail FROM payouts.recalls r JOIN payouts.payouts p ON p.id = r.payout
		WHERE r.livemode = ? AND r.try_at <= ? ORDER BY r.payout LIMIT ?`, livemode, now, batch).Scan(ctx, &waiting)
	if err != nil {
		return fmt.Errorf("find recalls: %w", err)
	}
	var errs []error
	for _, p := range waiting {
		way, ok := s.recaller(livemode, p.Rail)
		if !ok {
			continue // configured away; it waits
		}
		answer := way.Recall(ctx, rail.Query{Reference: p.ID, At: now})
		errs = append(errs, s.noteRecall(ctx, p.ID, answer, now))
	}
	return errors.Join(errs...)
}

// noteRecall writes down what the bank said to a recall. One that it heard brings the
// next question about the payout forward.
func (s *Service) noteRecall(ctx context.Context, payout string, r rail.Result, now time.Time) error {
	if r.State == rail.Unknown && !r.RecallRefused {
		_, err := s.pool.NewRaw(`UPDATE payouts.recalls SET try_at = ? WHERE payout = ?`, now.Add(askUnknown), payout).Exec(ctx)
		s.cfg.Log.WarnContext(ctx, "the bank gave no clear answer to a recall; it will be told again", "payout", payout, "error", r.Err)
		return err
	}
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p, err := lock(ctx, tx, payout)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw(`UPDATE payouts.recalls SET sent_at = ?, try_at = NULL WHERE payout = ?`, now, payout).Exec(ctx); err != nil {
			return fmt.Errorf("note the recall of %s: %w", payout, err)
		}
		switch {
		case r.RecallRefused:
			return s.recallRefused(ctx, tx, p, now)
		case r.State == rail.Failed && p.Status != Failed:
			return s.carry(ctx, tx, []turn{{p: p, to: giveBack, trace: r.Trace, code: r.Code}}, now)
		case p.Batch == "" && p.Status != Failed:
			p.AskAt = now.Add(askUnknown)
			return save(ctx, tx, p)
		}
		return nil
	})
}

// recallRefused notes that the bank does not call a locked payout back.
func (s *Service) recallRefused(ctx context.Context, tx bun.Tx, p *Payout, now time.Time) error {
	if p.Recall != RecallRequested {
		return nil
	}
	p.Recall = RecallRefused
	return s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"recall": RecallRequested})
}
