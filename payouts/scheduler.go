package payouts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

// pursesPerRun is how many dues are decided in one transaction: as many entries as
// the ledger books at once with room for the lines that are cut.
const pursesPerRun = 500

// putOff is how long a due rests whose payout could not be made.
const putOff = time.Minute

// mostBad is how many dues of one look may fail. Where so many do it is not them, and
// the rest waits for the next look.
const mostBad = 20

// RunDue makes the automatic payouts of a mode whose time has come, in each account's
// own zone, or came while nobody looked, and returns how many it made. Any number
// of schedulers may run at once: each takes dues that no other has, and a purse is
// paid by its schedule at most once a local date. Where more is due than one
// transaction takes, one call writes two at a time.
//
// A due waits while its account is paid by hand, may not be paid, is held or has no
// working bank account. Money that comes in after a payday's payout waits for the
// next one, unless it reaches the account's trigger.
func (s *Service) RunDue(ctx context.Context, livemode bool, now time.Time) (made int, err error) {
	return s.runDue(ctx, livemode, "", now)
}

// runDue is RunDue for the dues of one platform, or of all ("").
func (s *Service) runDue(ctx context.Context, livemode bool, platform string, now time.Time) (made int, err error) {
	if len(s.cfg.Rails.For(livemode)) == 0 {
		return 0, nil
	}
	// Where a batch comes back full there is more: a second writer decides the next
	// one while the first waits for the database, and for the other core.
	var helped struct {
		made int
		err  error
	}
	var helper sync.WaitGroup
	made, err = func() (int, error) {
		defer helper.Wait()
		return s.writeDue(ctx, livemode, platform, now, func() {
			helper.Go(func() { helped.made, helped.err = s.writeDue(ctx, livemode, platform, now, func() {}) })
		})
	}()
	return made + helped.made, errors.Join(err, helped.err)
}

// writeDue makes payouts batch by batch until nothing is due. It tells the first time
// that a batch is full.
func (s *Service) writeDue(ctx context.Context, livemode bool, platform string, now time.Time, full func()) (made int, err error) {
	full = sync.OnceFunc(full)
	var errs []error
	for size := pursesPerRun; ; {
		dues, n, err := s.runBatch(ctx, livemode, platform, now, size)
		made += n
		for range n {
			s.cfg.After(Created)
		}
		switch {
		case ctx.Err() != nil:
			return made, errors.Join(append(errs, ctx.Err())...)
		case err == nil && len(dues) == 0:
			return made, errors.Join(errs...)
		case err == nil:
			if len(dues) == pursesPerRun {
				full()
			}
			size = min(2*size, pursesPerRun)
		case len(dues) == 0, len(errs) == mostBad:
			return made, errors.Join(append(errs, err)...)
		case len(dues) > 1:
			size = 1 + len(dues)/8 // one bad purse is found among its neighbours, and they are paid
		default:
			// It rests, and the next one is looked at.
			errs = append(errs, fmt.Errorf("pay out %s of %s: %w", dues[0].Currency, dues[0].Account, err))
			if err := s.rest(ctx, dues[0], now); err != nil {
				return made, errors.Join(append(errs, err)...)
			}
		}
	}
}

// runBatch decides and pays up to size dues, all or nothing. It returns those that it
// took, also with an error.
func (s *Service) runBatch(ctx context.Context, livemode bool, platform string, now time.Time, size int) (dues []dueRow, made int, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		made = 0
		if dues, err = takeDues(ctx, tx, livemode, platform, now, size); err != nil || len(dues) == 0 {
			return err
		}
		decisions, err := s.decideAll(ctx, tx, livemode, dues, now, true)
		if err != nil {
			return err
		}
		if err := claimPaydays(ctx, tx, livemode, decisions, now); err != nil {
			return err
		}
		if made, err = s.openAll(ctx, tx, decisions); err != nil {
			return err
		}
		parts, err := s.openParts(ctx, tx, decisions)
		if err != nil {
			return err
		}
		made += parts
		if err := settleDues(ctx, tx, livemode, decisions); err != nil {
			return err
		}
		return countRuns(ctx, tx, livemode, decisions, now)
	})
	if err != nil {
		return dues, 0, fmt.Errorf("make payouts: %w", err)
	}
	return dues, made, nil
}

// rest puts a due off whose payout could not be made. If it has been looked at since, it stays as it is.
func (s *Service) rest(ctx context.Context, due dueRow, now time.Time) error {
	_, err := s.pool.NewUpdate().Model((*dueRow)(nil)).Set("decide_at = ?", now.Add(putOff)).
		Where("account = ? AND livemode = ? AND currency = ? AND decide_at = ?", due.Account, due.Livemode, string(due.Currency), due.DecideAt).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put off due: %w", err)
	}
	return nil
}

// claimPaydays takes the one payout of a purse's local date. Where it is taken the
// purse waits for its next payday. Triggered payouts need no claim: what is
// available under the lock is paid once.
func claimPaydays(ctx context.Context, tx bun.Tx, livemode bool, decisions []*decision, now time.Time) error {
	var accounts, currencies, days, payouts []string
	for _, d := range decisions {
		if d.payout != nil && d.pays {
			accounts, currencies = append(accounts, d.due.Account), append(currencies, string(d.due.Currency))
			days, payouts = append(days, d.payday.Date.String()), append(payouts, d.payout.ID)
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	var won []string
	err := tx.NewRaw(`
		INSERT INTO payouts.runs (account, livemode, currency, day, payout, created_at)
		SELECT account, ?0, currency, day, payout, ?1
		FROM unnest(?2::text[], ?3::text[], ?4::date[], ?5::text[]) AS c (account, currency, day, payout)
		ON CONFLICT DO NOTHING RETURNING payout`, livemode, now,
		pgdialect.Array(accounts), pgdialect.Array(currencies), pgdialect.Array(days), pgdialect.Array(payouts)).Scan(ctx, &won)
	if err != nil {
		return fmt.Errorf("claim paydays: %w", err)
	}
	mine := make(map[string]bool, len(won))
	for _, payout := range won {
		mine[payout] = true
	}
	for _, d := range decisions {
		if d.payout != nil && d.pays && !mine[d.payout.ID] {
			d.lost(now)
		}
	}
	return nil
}

// lost is a decision whose payday was paid before; what triggers pays all the same.
func (d *decision) lost(now time.Time) {
	d.pays = false
	if trigger, triggers := d.payable.Trigger[d.due.Currency]; triggers && d.free >= trigger {
		return
	}
	d.skip, d.payout, d.next = SkipPaid, nil, time.Time{}
	d.plan(now)
}

// openAll takes the money and the lines for all payouts, whose purses are locked, and
// tells them.
func (s *Service) openAll(ctx context.Context, tx bun.Tx, decisions []*decision) (int, error) {
	var made []*Payout
	var entries []ledger.Entry
	var attach []balance.Posted
	var events []event.Event
	for _, d := range decisions {
		p := d.payout
		if p == nil || len(d.parts) > 0 {
			continue // the parts are made one by one
		}
		p.Run = runID(d.due.Platform, d.due.Livemode, p.CreatedAt)
		entry := journal.PayoutCreated(p.entry(p.CreatedAt), newLineID)
		p.BalanceTransaction = entry.LineID("payout", p.ID)
		told, err := p.event("payout.created", p.CreatedAt, nil)
		if err != nil {
			return 0, err
		}
		made, entries, events = append(made, p), append(entries, entry), append(events, told)
		attach = append(attach, balance.Posted{Payout: balance.Payout{Purse: p.Purse(), ID: p.ID, Amount: p.Amount, At: p.CreatedAt, NewID: newLineID}})
	}
	if len(made) == 0 {
		return 0, nil
	}
	if err := insert(ctx, tx, made...); err != nil {
		return 0, err
	}
	results, err := s.cfg.Book.Post(ctx, tx, entries...)
	if err != nil {
		return 0, fmt.Errorf("post payouts: %w", err)
	}
	for i, r := range results {
		if r.Err != nil {
			return 0, fmt.Errorf("post payout %s: %w", made[i].ID, r.Err)
		}
		attach[i].Entry = r.EntryID
	}
	if err := balance.AttachAll(ctx, tx, s.cfg.Book, attach); err != nil {
		return 0, err
	}
	return len(made), s.cfg.Events.Append(ctx, tx, events...)
}
