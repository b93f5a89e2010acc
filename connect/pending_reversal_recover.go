package connect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/db"
)

// Recover takes what has become available on accounts with open pending
// reversals of a mode, the oldest of each purse first, and returns how many
// reversals it made. Any number of processes may do it at once. What fails for
// one purse does not hold back the others.
func (s *TransferService) Recover(ctx context.Context, pool *bun.DB, livemode bool) (made int, err error) {
	var errs []error
	for last := (balance.Purse{}); ; {
		purses, err := waitingPurses(ctx, pool, livemode, last)
		if err != nil {
			return made, errors.Join(append(errs, err)...)
		}
		if len(purses) == 0 {
			return made, errors.Join(errs...)
		}
		last = purses[len(purses)-1]
		funds, err := balance.Available(ctx, pool, purses)
		if err != nil {
			return made, errors.Join(append(errs, err)...)
		}
		for _, purse := range purses {
			if funds[purse] <= 0 {
				continue
			}
			n, err := s.recoverPurse(ctx, pool, purse)
			made += n
			if err != nil {
				errs = append(errs, fmt.Errorf("recover %s of %s: %w", purse.Currency, purse.Account, err))
			}
			if ctx.Err() != nil {
				return made, errors.Join(errs...)
			}
		}
	}
}

// recoverPurse serves one after the other until the money or the queue ends, each
// in a transaction of its own.
func (s *TransferService) recoverPurse(ctx context.Context, pool *bun.DB, purse balance.Purse) (made int, err error) {
	for {
		more := false
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
			more = false
			head, err := firstOf(ctx, tx, purse)
			if err != nil || head == nil {
				return err
			}
			t, err := lockTransfer(ctx, tx, head.Scope(), head.Transfer)
			if err != nil {
				return err
			}
			if head, err = lockPending(ctx, tx, head.Scope(), head.ID); err != nil {
				return err
			}
			more, err = s.recover(ctx, tx, t, head, s.Clocks.For(purse.Livemode).Now())
			return err
		})
		if err != nil || !more {
			return made, err
		}
		made++
	}
}

// recover takes what is on hold or available for a locked pending reversal of a locked
// transfer; false if there was nothing to take, or somebody older takes it.
// Reversals by other ways, such as refunds, may leave it less than it waits for:
// then it ends with what it has.
func (s *TransferService) recover(ctx context.Context, tx bun.Tx, t *Transfer, p *PendingReversal, at time.Time) (bool, error) {
	if !p.Open() {
		return false, nil
	}
	if p.RefundApplicationFee { // the fee's row comes before the ledger's
		if _, err := LockApplicationFee(ctx, tx, t.ApplicationFee); err != nil {
			return false, err
		}
	}
	if err := balance.Lock(ctx, tx, s.Book, p.Purse()); err != nil {
		return false, err
	}
	// Read under the purse's lock: nobody else decides about this purse now.
	first, err := firstOf(ctx, tx, p.Purse())
	if err != nil || first == nil || first.ID != p.ID {
		return false, err
	}
	funds, err := balance.In(ctx, tx, p.Purse())
	if err != nil {
		return false, err
	}
	needs := min(p.Amount-p.AmountRecovered, t.Reversible())
	if needs == 0 {
		p.Status, p.ClosedAt = RecoveryCanceled, at
		return true, s.savePending(ctx, tx, p, "pending_reversal.canceled", at, nil)
	}
	amount := min(needs, t.Held+max(0, funds.Available))
	if amount <= 0 {
		return false, nil
	}
	r := reversalOf(t, amount, maps.Clone(p.Metadata))
	r.PendingReversal, r.CreatedAt = p.ID, at
	if err := s.reverse(ctx, tx, t, r, taking{fee: p.RefundApplicationFee}); err != nil {
		return false, err
	}
	before := PendingReversalWire(p)
	p.AmountRecovered += amount
	if p.AmountRecovered == p.Amount {
		p.Status, p.ClosedAt = RecoveryDone, at
		return true, s.savePending(ctx, tx, p, "pending_reversal.recovered", at, nil)
	}
	p.Status = RecoveryPartial
	previous, err := patch.Changed(before, PendingReversalWire(p))
	if err != nil {
		return false, err
	}
	return true, s.savePending(ctx, tx, p, "pending_reversal.updated", at, previous)
}
