package payouts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/event"
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
	return p, s.cancel(ctx, tx, p, s.cfg.Clocks.For(p.Livemode).Now())
}

// cancel gives the money of a locked payout back that can be called back.
func (s *Service) cancel(ctx context.Context, tx bun.Tx, p *Payout, now time.Time) error {
	entry := journal.PayoutCanceled(p.entry(now), newLineID)
	if err := s.restore(ctx, tx, p, entry); err != nil {
		return err
	}
	p.Status = Canceled
	return s.finish(ctx, tx, p, "payout.canceled", now, nil)
}

// turn is what an answer of the bank makes of a locked payout.
type turn struct {
	p       *Payout
	to      step
	trace   string // the bank's reference; "" keeps what is known
	code    string // of giveBack
	message string // of giveBack; "" is what the code means
	blame   bool   // giveBack stops the destination whatever the code
}

// carry books what the bank's answers mean for the money of locked payouts, saves
// them and tells it. The accounts of all of them are locked together, so that two
// carriers cannot wait for each other; no payout may come twice.
func (s *Service) carry(ctx context.Context, tx bun.Tx, turns []turn, now time.Time) error {
	var c carried
	for i := range turns {
		if err := c.take(&turns[i], now); err != nil {
			return err
		}
	}
	if err := s.markErrored(ctx, tx, c.failed, now); err != nil {
		return err
	}
	if len(c.failed) > 0 {
		if err := balance.Lock(ctx, tx, s.cfg.Book, c.purses()...); err != nil {
			return err
		}
	}
	results, err := s.cfg.Book.Post(ctx, tx, c.entries...)
	if err != nil {
		return fmt.Errorf("post what the bank answered: %w", err)
	}
	for i, r := range results {
		if r.Err != nil {
			return fmt.Errorf("post %s of %s: %w", c.entries[i].Kind, c.entries[i].Source, r.Err)
		}
	}
	for _, t := range c.failed {
		if err := balance.Detach(ctx, tx, s.cfg.Book, t.p.Purse(), t.p.ID); err != nil {
			return err
		}
		if err := keepFor(ctx, tx, t.p); err != nil {
			return err
		}
	}
	if err := saveAll(ctx, tx, turns); err != nil {
		return err
	}
	return s.cfg.Events.Append(ctx, tx, c.events...)
}

// carried gathers what turns mean.
type carried struct {
	entries []ledger.Entry
	events  []event.Event
	failed  []*turn
}

// take makes one turn on the payout itself. A payout that is paid was in transit,
// also if nobody told us: subscribers see both.
func (c *carried) take(t *turn, now time.Time) error {
	p := t.p
	if t.to == transmit || t.to == settle && p.Status == Pending {
		p.Status = InTransit
		if err := c.tell(p, "payout.updated", now, map[string]any{"status": Pending}); err != nil {
			return err
		}
	}
	if t.trace != "" && t.to != wait {
		p.TraceID = t.trace
	}
	switch t.to {
	case settle:
		c.entries = append(c.entries, journal.PayoutPaid(p.entry(now)))
		p.Status = Paid
		p.askAgain(now)
		return c.tell(p, "payout.paid", now, nil)
	case giveBack:
		c.giveBack(t, now)
		return c.tell(p, "payout.failed", now, nil)
	case transmit:
		if p.askAgain(now); p.Batch == "" {
			p.AskAt = p.ArrivalDate
		}
	case wait:
		p.askAgain(now)
	}
	return nil
}

// giveBack returns the money, also after it had been paid.
func (c *carried) giveBack(t *turn, now time.Time) {
	p := t.p
	entry := journal.PayoutFailed(p.entry(now), newLineID)
	c.entries = append(c.entries, entry)
	c.failed = append(c.failed, t)
	message, known := rail.Codes[t.code]
	if !known {
		t.code, message = "could_not_process", rail.Codes["could_not_process"]
	}
	if t.message != "" {
		message = t.message
	}
	p.FailureBalanceTransaction = entry.LineID("payout_failure", p.ID)
	p.Status, p.FailureCode, p.FailureMessage, p.AskAt = Failed, t.code, message, time.Time{}
	if p.Recall == RecallRequested {
		p.Recall = Recalled
	}
}

func (c *carried) tell(p *Payout, kind string, at time.Time, before map[string]any) error {
	p.Version++
	e, err := p.event(kind, at, before)
	c.events = append(c.events, e)
	return err
}

func (c *carried) purses() []balance.Purse {
	purses := make([]balance.Purse, len(c.failed))
	for i, t := range c.failed {
		purses[i] = t.p.Purse()
	}
	return purses
}

// markErrored stops automatic payouts to the destinations that are to blame, in
// one order of accounts.
func (s *Service) markErrored(ctx context.Context, tx bun.Tx, failed []*turn, now time.Time) error {
	blamed := make(map[string]*Payout)
	for _, t := range failed {
		// A refused debit of what is owed stops debits alone (mayDebit).
		owed := t.p.Debit() && t.p.OriginalPayout == ""
		if !owed && (t.blame || blamesDestination(t.code)) {
			blamed[t.p.Account+" "+t.p.Destination] = t.p
		}
	}
	for _, key := range slices.Sorted(maps.Keys(blamed)) {
		p := blamed[key]
		err := s.cfg.Accounts.MarkErrored(ctx, tx, now, p.Scope(), p.Destination)
		if err != nil && !gone(err) {
			return fmt.Errorf("mark the destination of %s: %w", p.ID, err)
		}
	}
	return nil
}

// blamesDestination is false for failures that another payout to the same bank
// account need not meet.
func blamesDestination(code string) bool {
	return code != "insufficient_funds" && code != "could_not_process"
}

// restore books the money of a canceled payout back and frees its lines for the next one.
func (s *Service) restore(ctx context.Context, tx bun.Tx, p *Payout, entry ledger.Entry) error {
	if err := balance.Lock(ctx, tx, s.cfg.Book, p.Purse()); err != nil {
		return err
	}
	if err := s.post(ctx, tx, entry); err != nil {
		return err
	}
	p.FailureBalanceTransaction = entry.LineID("payout_cancel", p.ID)
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
