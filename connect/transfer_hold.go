package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// A transfer on hold has arrived, but its receiver cannot spend it: the money
// lies on the ledger's held account.
//
//	            on_hold=true                       on_hold=false, or its time comes
//	 free ───────────────────► on hold ─────────────────────────────────► free
//	                            │   ▲ on_hold_until: longer, shorter, without end
//	                            └───┘
//	 a reversal takes what is on hold first; when nothing is left, there is no hold
//
// Its time is the moment itself: a hold has no bank, and the payout that takes the
// money keeps to the business days of its own.

// HoldParams put a transfer on hold, prolong that, or end it.
type HoldParams struct {
	OnHold      *bool  `form:"on_hold"`
	OnHoldUntil *int64 `form:"on_hold_until"` // unix; without it a hold has no end
}

// maxHold is how long a hold with an end may last, from when it is said.
const maxHold = 2 * 366 * 24 * time.Hour

// check refuses what can never be a hold.
func (p HoldParams) check(now time.Time) error {
	switch {
	case p.OnHoldUntil == nil:
		return nil
	case p.OnHold != nil && !*p.OnHold:
		return fault.Invalidf("parameters_exclusive", "on_hold_until", "A transfer that is not on hold has no on_hold_until.")
	case *p.OnHoldUntil <= now.Unix():
		return fault.Invalidf("parameter_invalid_integer", "on_hold_until", "on_hold_until must be in the future.")
	case *p.OnHoldUntil > now.Add(maxHold).Unix():
		return fault.Invalidf("parameter_invalid_integer", "on_hold_until", "on_hold_until must be at most two years from now.")
	}
	return nil
}

// held reports whether the params ask for a hold.
func (p HoldParams) held() bool { return p.OnHold != nil && *p.OnHold || p.OnHoldUntil != nil }

func (p HoldParams) until() time.Time {
	if p.OnHoldUntil == nil {
		return time.Time{}
	}
	return time.Unix(*p.OnHoldUntil, 0).UTC()
}

// lay puts a new transfer on hold if the params say so.
func (p HoldParams) lay(t *Transfer) {
	if p.held() {
		t.Held, t.HeldUntil = t.holdable(), p.until()
	}
}

// holdable is what the receiver has of the transfer: not what was taken back, nor
// the fee that the platform took out of it on arrival.
func (t *Transfer) holdable() int64 { return max(0, t.Reversible()-t.ApplicationFeeAmount) }

// changeHold moves a locked transfer's money as the params say; the caller saves
// the transfer and tells it.
func (s *TransferService) changeHold(ctx context.Context, tx bun.Tx, t *Transfer, p HoldParams, now time.Time) error {
	switch {
	case p.held() && t.Held > 0:
		t.HeldUntil = p.until()
		return nil
	case p.held():
		amount := t.holdable()
		if amount == 0 {
			return fault.Invalidf("transfer_reversed", "on_hold", "Nothing is left of the transfer %s to be put on hold.", t.ID)
		}
		t.Held, t.HeldUntil = amount, p.until()
		return PostOne(ctx, tx, s.Book, t.hold(amount, now, false))
	case p.OnHold != nil && t.Held > 0:
		return s.release(ctx, tx, now, t)
	}
	return nil
}

// hold is the entry that sets money of the transfer aside.
func (t *Transfer) hold(amount int64, at time.Time, arriving bool) ledger.Entry {
	h := t.movement(amount, at)
	h.Arriving = arriving
	return journal.TransferHeld(h, newLineID)
}

func (t *Transfer) movement(amount int64, at time.Time) journal.Hold {
	return journal.Hold{
		ID: id.New("hld"), Payment: t.DestinationPayment, Livemode: t.Livemode, Account: t.Destination,
		Amount: money.New(amount, t.Currency), At: at, MaturesOn: t.MaturesOn,
	}
}

// TakeHeld sets free what a refund of amount takes of a transfer on hold: all of
// it if the hold is large enough. It returns the entry to post before the refund's,
// if held is more than zero.
func (t *Transfer) TakeHeld(amount int64, at time.Time) (freed ledger.Entry, held int64) {
	if held = min(amount, t.Held); held == 0 {
		return freed, 0
	}
	t.takeHeld(held)
	return journal.TransferReleased(t.movement(held, at), newLineID), held
}

func (t *Transfer) takeHeld(amount int64) {
	if t.Held -= amount; t.Held == 0 {
		t.HeldUntil = time.Time{}
	}
}

// release sets the money of locked transfers free, and tells the accounts that
// have it available by that.
func (s *TransferService) release(ctx context.Context, tx bun.Tx, now time.Time, transfers ...*Transfer) error {
	entries := make([]ledger.Entry, len(transfers))
	for i, t := range transfers {
		entries[i] = journal.TransferReleased(t.movement(t.Held, now), newLineID)
		t.takeHeld(t.Held)
	}
	results, err := s.Book.Post(ctx, tx, entries...)
	if err != nil {
		return err
	}
	freed := map[balance.Purse]bool{}
	for i, t := range transfers {
		if err := results[i].Err; err != nil {
			return err
		}
		purse := balance.Purse{Livemode: t.Livemode, Account: t.Destination, Currency: t.Currency}
		pending := results[i].Pending[1] // its charge's day has not come: the account hears then
		if s.Freed == nil || pending || freed[purse] {
			continue
		}
		freed[purse] = true
		if err := s.Freed(ctx, tx, now, purse); err != nil {
			return err
		}
	}
	return nil
}

// releasesPerCommit bounds one transaction of ReleaseDue.
const releasesPerCommit = 100

// ReleaseDue releases the holds of a mode whose time has come and returns how many.
// It may run in several processes at once: each transfer is released once.
func (s *TransferService) ReleaseDue(ctx context.Context, pool *bun.DB, livemode bool, now time.Time) (released int, err error) {
	for {
		n := 0
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) (err error) {
			n, err = s.releaseSome(ctx, tx, livemode, now)
			return err
		})
		if err != nil {
			return released, fmt.Errorf("release transfers on hold: %w", err)
		}
		released += n
		if n < releasesPerCommit {
			return released, nil
		}
	}
}

func (s *TransferService) releaseSome(ctx context.Context, tx bun.Tx, livemode bool, now time.Time) (int, error) {
	var rows []*transferRow
	// In one order; what somebody else has released by the time the lock is ours no longer matches.
	err := tx.NewSelect().Model(&rows).Where("livemode = ? AND held_until <= ?", livemode, now).
		Order("id").Limit(releasesPerCommit).For("UPDATE").Scan(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	transfers := make([]*Transfer, len(rows))
	before := make([]wire.Transfer, len(rows))
	for i, row := range rows {
		transfers[i], before[i] = &row.Transfer, TransferWire(&row.Transfer, nil, row.AmountReversed > 0)
	}
	if err := s.release(ctx, tx, now, transfers...); err != nil {
		return 0, err
	}
	events := make([]event.Event, len(rows))
	for i, t := range transfers {
		t.Version++
		if events[i], err = t.updated(before[i], now, event.OriginOf(ctx)); err != nil {
			return 0, err
		}
	}
	if _, err := tx.NewUpdate().Model(&rows).Column("held", "held_until", "version").Bulk().Exec(ctx); err != nil {
		return 0, err
	}
	return len(rows), s.events.Append(ctx, tx, events...)
}
