package payouts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
)

// Send hands pending payouts of a mode to their banks and returns how many moved
// on: one by one, or sealed in files. One that cannot be sent does not hold up the
// others; the errors of all are joined. Only one Send runs per mode, over all
// processes: a second one waits, and finds the work done.
func (s *Service) Send(ctx context.Context, livemode bool, now time.Time) (moved int, err error) {
	direct, filed := s.rails(livemode)
	var errs []error
	if len(direct) > 0 {
		errs = append(errs, s.alone(ctx, oneByOne, livemode, func(ctx context.Context) error {
			n, err := s.eachOf(ctx, toSend(direct), livemode, now, func(ctx context.Context, p askable) (bool, error) {
				way, _ := s.direct(livemode, p.Rail)
				return s.send(ctx, way, p.ID, now)
			})
			moved += n
			return err
		}))
	}
	if len(filed) > 0 {
		errs = append(errs, s.alone(ctx, inFiles, livemode, func(ctx context.Context) error {
			n, err := s.sendFiles(ctx, filed, livemode, now)
			moved += n
			return err
		}))
	}
	errs = append(errs, s.sendRecalls(ctx, livemode, now))
	return moved, errors.Join(errs...)
}

// rails are the names of those that take instructions one by one, and those that take files.
func (s *Service) rails(livemode bool) (direct []string, filed []rail.Filed) {
	for _, way := range s.cfg.Rails.For(livemode) {
		switch way := way.(type) {
		case rail.Filed:
			filed = append(filed, way)
		case rail.Direct:
			direct = append(direct, way.Capabilities().Name)
		}
	}
	return direct, filed
}

// send carries one payout over: seal, tell the bank, note its answer.
func (s *Service) send(ctx context.Context, way rail.Direct, payout string, now time.Time) (bool, error) {
	p, first, err := s.seal(ctx, payout, now)
	if err != nil || p == nil {
		return false, err
	}
	s.cfg.After(Sealed)
	result := rail.Result{State: rail.Absent}
	if !first {
		result = way.Lookup(ctx, rail.Query{Reference: p.ID, At: now})
	}
	if result.State == rail.Absent {
		if result, err = s.submit(ctx, way, p, now); err != nil {
			return false, err
		}
		s.cfg.After(Submitted)
	}
	moved, err := s.note(ctx, p.ID, result, now)
	if moved {
		s.cfg.After(Accepted)
	}
	return moved, err
}

// seal writes down that the bank may hear of the payout from now on. first is
// false if an earlier attempt sealed it: then the bank is asked before it is
// told. The payout is nil if there is nothing to send any more.
func (s *Service) seal(ctx context.Context, payout string, now time.Time) (p *Payout, first bool, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		if p, err = lock(ctx, tx, payout); err != nil {
			return err
		}
		first = !p.Sealed()
		switch {
		case p.Status != Pending:
			p = nil
			return nil
		case !first:
			return nil
		}
		p.HandedOverAt = now
		return save(ctx, tx, p)
	})
	return p, first, err
}

// submit tells the bank. A destination that is gone fails the payout: the bank,
// we know here, has not heard of it.
func (s *Service) submit(ctx context.Context, way rail.Direct, p *Payout, now time.Time) (rail.Result, error) {
	if err := ctx.Err(); err != nil {
		return rail.Result{}, err // told to stop: do not begin what we would not hear the end of
	}
	creditor, err := s.cfg.Accounts.Creditor(ctx, s.pool, p.Scope(), p.Destination)
	if gone(err) {
		return rail.Result{State: rail.Failed, Code: "no_account"}, nil
	}
	if err != nil {
		return rail.Result{}, fmt.Errorf("open the destination of %s: %w", p.ID, err)
	}
	return way.Submit(ctx, p.instruction(creditor, now)), nil
}

// note writes down what the bank has answered; moved tells whether it changed anything.
func (s *Service) note(ctx context.Context, payout string, r rail.Result, now time.Time) (moved bool, err error) {
	var odd error
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p, err := lock(ctx, tx, payout)
		if err != nil {
			return err
		}
		if r.RecallRefused {
			if err := s.recallRefused(ctx, tx, p, now); err != nil {
				return err
			}
		}
		var todo step
		todo, odd = p.next(r)
		moved = todo != wait
		return s.carry(ctx, tx, []turn{{p: p, to: todo, trace: r.Trace, code: r.Code}}, now)
	})
	if err == nil && odd == nil && r.State == rail.Unknown {
		s.cfg.Log.WarnContext(ctx, "the bank gave no clear answer; it will be asked again", "payout", payout, "error", r.Err)
	}
	return moved, errors.Join(err, odd)
}

// direct is the rail of that name, if payouts go over it one by one.
func (s *Service) direct(livemode bool, name string) (rail.Direct, bool) {
	way, _ := s.cfg.Rails.For(livemode).Named(name)
	direct, ok := way.(rail.Direct)
	return direct, ok
}

type finder func(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) ([]askable, error)

// eachOf does work on every payout that find lists and counts what moved. An
// error of one is kept and the next goes on.
func (s *Service) eachOf(ctx context.Context, find finder, livemode bool, now time.Time, work func(context.Context, askable) (bool, error)) (moved int, err error) {
	var errs []error
	for after := ""; ; {
		found, err := find(ctx, s.pool, livemode, now, after)
		if err != nil {
			return moved, errors.Join(append(errs, err)...)
		}
		for _, p := range found {
			ok, err := work(ctx, p)
			if ok {
				moved++
			}
			if err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				return moved, errors.Join(errs...)
			}
			after = p.ID
		}
		if len(found) < batch {
			return moved, errors.Join(errs...)
		}
	}
}

// errand is what one sender does alone: the advisory lock it takes.
type errand int

const (
	oneByOne errand = 0x7061796f // "payo" in ASCII
	inFiles  errand = 0x7061796c // "payl"
)

// lockPatience is how long a sender waits before it tries its lock again.
const lockPatience = 50 * time.Millisecond

// alone runs fn while nobody else is on the same errand in this mode. The lock lives
// in a session of its own, so a process that dies lets go of it at once. Whoever
// waits holds no connection meanwhile: many waiters would leave none for the one
// that works, and bringing a file takes longer than statements may wait for a lock.
func (s *Service) alone(ctx context.Context, work errand, livemode bool, fn func(context.Context) error) error {
	mode := 0
	if livemode {
		mode = 1
	}
	busy := s.turns[work][mode]
	select {
	case busy <- struct{}{}:
		defer func() { <-busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		conn, held, err := s.tryLock(ctx, work, mode)
		if err != nil {
			return fmt.Errorf("lock the sender: %w", err)
		}
		if held {
			defer func() {
				// Without an answer the session is broken, and the lock gone with it.
				_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?, ?)", int(work), mode)
				_ = conn.Close()
			}()
			return fn(ctx)
		}
		select {
		case <-time.After(lockPatience):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryLock takes the lock in a session of its own; without it there is no session.
func (s *Service) tryLock(ctx context.Context, work errand, mode int) (conn bun.Conn, held bool, err error) {
	if conn, err = s.pool.Conn(ctx); err != nil {
		return conn, false, err
	}
	if err = conn.NewRaw("SELECT pg_try_advisory_lock(?, ?)", int(work), mode).Scan(ctx, &held); err != nil || !held {
		return conn, false, errors.Join(err, conn.Close())
	}
	return conn, true, nil
}
