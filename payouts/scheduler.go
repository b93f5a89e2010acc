package payouts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Due says that an account may have money to pay out.
type Due struct {
	Platform string
	Account  string
	Livemode bool
	Currency money.Currency
}

type dueRow struct {
	bun.BaseModel `bun:"table:payouts.dues,alias:d"`
	Due
	DecideFrom time.Time `bun:"type:date"`
	NotedAt    time.Time
}

func (d Due) scope() tenant.Scope {
	return tenant.Scope{Platform: d.Platform, Account: d.Account, Livemode: d.Livemode}
}

// Note remembers dues for the scheduler, in the transaction of whoever knows.
// Noting one twice changes nothing.
func (s *Service) Note(ctx context.Context, tx bun.Tx, at time.Time, dues ...Due) error {
	if len(dues) == 0 {
		return nil
	}
	dues = slices.Clone(dues) // in one order everywhere, so that two notes cannot wait for each other
	slices.SortFunc(dues, func(a, b Due) int {
		return strings.Compare(a.Account+string(a.Currency), b.Account+string(b.Currency))
	})
	rows := make([]dueRow, 0, len(dues))
	for _, d := range slices.Compact(dues) {
		rows = append(rows, dueRow{Due: d, DecideFrom: dayOf(at), NotedAt: at})
	}
	// The update waits for a scheduler that is about to delete the row; DO NOTHING might not.
	_, err := tx.NewInsert().Model(&rows).On("CONFLICT (account, livemode, currency) DO UPDATE").
		Set("noted_at = EXCLUDED.noted_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note dues: %w", err)
	}
	return nil
}

// RunDue makes the automatic payouts of a mode that fall on the UTC day of now,
// or fell on an earlier day since their due was last looked at, and returns how
// many it made: the whole available balance, in whole steps of the rail. Any
// number of schedulers may run at once.
//
// Each due is looked at once a day. It waits while its account is paid by hand,
// may not be paid or has no working bank account; then it is looked at again on
// the next day. Money that comes in after an account's payout of the day waits
// for its next one.
func (s *Service) RunDue(ctx context.Context, livemode bool, now time.Time) (made int, err error) {
	if len(s.cfg.Rails.For(livemode)) == 0 {
		return 0, nil
	}
	var errs []error
	var last Due
	for {
		dues, err := toDecide(ctx, s.pool, livemode, now, last)
		if err != nil {
			return made, errors.Join(append(errs, err)...)
		}
		for _, due := range dues {
			p, err := s.decide(ctx, due, now)
			if err != nil {
				errs = append(errs, fmt.Errorf("pay out %s of %s: %w", due.Currency, due.Account, err))
			}
			if ctx.Err() != nil {
				return made, errors.Join(errs...)
			}
			if p != nil {
				made++
				s.cfg.After(Created)
			}
			last = due
		}
		if len(dues) < batch {
			return made, errors.Join(errs...)
		}
	}
}

func toDecide(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after Due) ([]Due, error) {
	var rows []dueRow
	err := idb.NewSelect().Model(&rows).
		Where("d.livemode = ? AND d.decide_from <= ?::date", livemode, dayOf(now).Format(time.DateOnly)).
		Where("(d.account, d.currency) > (?, ?)", after.Account, string(after.Currency)).
		OrderExpr("d.account, d.currency").Limit(batch).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find dues: %w", err)
	}
	dues := make([]Due, len(rows))
	for i, r := range rows {
		dues[i] = r.Due
	}
	return dues, nil
}

// decide looks at one due in a transaction of its own and pays it if it is time.
func (s *Service) decide(ctx context.Context, due Due, now time.Time) (p *Payout, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p = nil
		from, there, err := lockDue(ctx, tx, due, now)
		if err != nil || !there {
			return err // another scheduler was here first
		}
		payable, err := s.cfg.Accounts.Payable(ctx, tx, due.scope())
		if err != nil && !gone(err) {
			return err
		}
		to, ok := payable.standard(due.Currency)
		payday, pays := payable.Schedule.Last(now, calendar.Every)
		if err != nil || !ok || !payable.PayoutsEnabled || !pays || payday.Date.UTC().Before(from) {
			return decideTomorrow(ctx, tx, due, now)
		}
		p, err = s.payAll(ctx, tx, due, to, payable, now)
		return err
	})
	return p, err
}

// payAll pays the whole available balance out, unless today's run was made
// before. The payout is nil if there was nothing to pay.
func (s *Service) payAll(ctx context.Context, tx bun.Tx, due Due, to Destination, payable Payable, now time.Time) (*Payout, error) {
	way, ok := s.cfg.Rails.For(due.Livemode).Find(rail.Use{Currency: due.Currency, Country: to.Country})
	if !ok {
		return nil, decideTomorrow(ctx, tx, due, now)
	}
	p := newPayout(due.scope(), money.Zero(due.Currency), to, way.Capabilities(), payable, now)
	p.Automatic = true
	if err := balance.Lock(ctx, tx, s.cfg.Book, p.Purse()); err != nil {
		return nil, err
	}
	free, err := s.free(ctx, tx, p.Purse())
	if err != nil {
		return nil, err
	}
	p.Amount = min(free, money.MaxMinor)
	p.Amount -= p.Amount % way.Capabilities().Step(due.Currency)
	if p.Amount <= 0 {
		return nil, forget(ctx, tx, due)
	}
	c, err := s.controlsOf(ctx, tx, due.Livemode, []string{due.Account})
	if err != nil {
		return nil, err
	}
	verdict := c.judge(p, to, now)
	if verdict.Skip != "" {
		return nil, decideTomorrow(ctx, tx, due, now)
	}
	if verdict.Approval {
		p.Approval = ApprovalRequired
	}
	first, err := claimRun(ctx, tx, p, now)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, decideTomorrow(ctx, tx, due, now)
	}
	if err := s.open(ctx, tx, p); err != nil {
		return nil, err
	}
	if free > money.MaxMinor {
		return p, decideTomorrow(ctx, tx, due, now)
	}
	return p, forget(ctx, tx, due)
}

// lockDue waits for the due and reads the first day not decided yet; there is
// false if somebody else has decided it for today.
func lockDue(ctx context.Context, tx bun.Tx, due Due, now time.Time) (from time.Time, there bool, err error) {
	var rows []dueRow
	err = tx.NewSelect().Model(&rows).
		Where("d.account = ? AND d.livemode = ? AND d.currency = ?", due.Account, due.Livemode, string(due.Currency)).
		Where("d.decide_from <= ?::date", dayOf(now).Format(time.DateOnly)).For("UPDATE").Scan(ctx)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("lock due: %w", err)
	}
	if len(rows) == 0 {
		return time.Time{}, false, nil
	}
	return rows[0].DecideFrom, true, nil
}

func decideTomorrow(ctx context.Context, tx bun.Tx, due Due, now time.Time) error {
	_, err := tx.NewUpdate().Model((*dueRow)(nil)).
		Set("decide_from = ?::date", dayOf(now).AddDate(0, 0, 1).Format(time.DateOnly)).
		Where("d.account = ? AND d.livemode = ? AND d.currency = ?", due.Account, due.Livemode, string(due.Currency)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put off due: %w", err)
	}
	return nil
}

func forget(ctx context.Context, tx bun.Tx, due Due) error {
	_, err := tx.NewDelete().Model((*dueRow)(nil)).
		Where("d.account = ? AND d.livemode = ? AND d.currency = ?", due.Account, due.Livemode, string(due.Currency)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget due: %w", err)
	}
	return nil
}

// claimRun takes the day's one run of a purse; first is false if it is taken.
func claimRun(ctx context.Context, tx bun.Tx, p *Payout, now time.Time) (first bool, err error) {
	res, err := tx.NewRaw(`
		INSERT INTO payouts.runs (account, livemode, currency, day, payout, created_at)
		VALUES (?, ?, ?, ?::date, ?, ?) ON CONFLICT DO NOTHING`,
		p.Account, p.Livemode, string(p.Currency), dayOf(now).Format(time.DateOnly), p.ID, now).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim run: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
