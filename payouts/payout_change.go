package payouts

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Every function here works on a locked payout, books what the change means for
// the money, saves the row and tells it, in the caller's transaction.

// Update changes the metadata.
func (s *Service) Update(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout string, patch metadata.Patch) (*Payout, error) {
	p, err := find(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, err
	}
	merged, err := patch.Apply(p.Metadata)
	if err != nil || maps.Equal(merged, p.Metadata) {
		return p, err
	}
	before := map[string]any{"metadata": p.Metadata}
	p.Metadata = merged
	return p, s.finish(ctx, tx, p, "payout.updated", s.cfg.Clocks.For(p.Livemode).Now(), before)
}

// Cancel calls back a payout that the bank cannot have heard of; its money is
// available again.
func (s *Service) Cancel(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout string) (*Payout, error) {
	p, err := find(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, err
	}
	if !p.Cancelable() {
		return nil, fault.Invalidf("payout_not_cancelable", "",
			"Payouts can be canceled only while they are pending and not yet handed to the bank; this one is %s.", p.Status)
	}
	now := s.cfg.Clocks.For(p.Livemode).Now()
	entry := journal.PayoutCanceled(p.entry(now), newLineID)
	if err := s.restore(ctx, tx, p, entry, "payout_cancel"); err != nil {
		return nil, err
	}
	p.Status = Canceled
	return p, s.finish(ctx, tx, p, "payout.canceled", now, nil)
}

// sent notes that the bank will pay.
func (s *Service) sent(ctx context.Context, tx bun.Tx, p *Payout, trace string, now time.Time) error {
	p.Status, p.TraceID = InTransit, trace
	p.AskAt = p.ArrivalDate
	return s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"status": Pending})
}

// paid books that the bank has paid.
func (s *Service) paid(ctx context.Context, tx bun.Tx, p *Payout, trace string, now time.Time) error {
	if p.Status == Pending {
		if err := s.sent(ctx, tx, p, trace, now); err != nil {
			return err
		}
	}
	if err := s.post(ctx, tx, journal.PayoutPaid(p.entry(now))); err != nil {
		return err
	}
	p.Status, p.TraceID = Paid, trace
	p.askAgain(now)
	return s.finish(ctx, tx, p, "payout.paid", now, nil)
}

// failed gives the money back, also after it had been paid, and stops automatic
// payouts to the destination if that is to blame.
func (s *Service) failed(ctx context.Context, tx bun.Tx, p *Payout, code string, now time.Time) error {
	message, known := rail.Codes[code]
	if !known {
		code, message = "could_not_process", rail.Codes["could_not_process"]
	}
	if blamesDestination(code) {
		err := s.cfg.Accounts.MarkErrored(ctx, tx, now, p.Scope(), p.Destination)
		if err != nil && !gone(err) {
			return fmt.Errorf("mark the destination of %s: %w", p.ID, err)
		}
	}
	entry := journal.PayoutFailed(p.entry(now), newLineID)
	if err := s.restore(ctx, tx, p, entry, "payout_failure"); err != nil {
		return err
	}
	p.Status, p.FailureCode, p.FailureMessage, p.AskAt = Failed, code, message, time.Time{}
	return s.finish(ctx, tx, p, "payout.failed", now, nil)
}

// blamesDestination is false for failures that another payout to the same bank
// account need not meet.
func blamesDestination(code string) bool {
	return code != "insufficient_funds" && code != "could_not_process"
}

// restore books the money back and frees the payout's lines for the next one.
func (s *Service) restore(ctx context.Context, tx bun.Tx, p *Payout, entry ledger.Entry, line string) error {
	if err := balance.Lock(ctx, tx, s.cfg.Book, p.Purse()); err != nil {
		return err
	}
	if err := s.post(ctx, tx, entry); err != nil {
		return err
	}
	p.FailureBalanceTransaction = entry.LineID(line, p.ID)
	return balance.Detach(ctx, tx, s.cfg.Book, p.Purse(), p.ID)
}

// finish saves the payout as its next version and tells it.
func (s *Service) finish(ctx context.Context, tx bun.Tx, p *Payout, kind string, at time.Time, before map[string]any) error {
	p.Version++
	if err := save(ctx, tx, p); err != nil {
		return err
	}
	return s.tell(ctx, tx, p, kind, at, before)
}
