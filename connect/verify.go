package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	checkLease    = time.Minute // longer than a verifier may take for one answer
	checksPerRun  = 100
	checksAtOnce  = 8
	pollFirst     = 5 * time.Second
	pollLast      = time.Hour
	accountsPerGo = 200
)

// Verification is the periodic side of accounts: it asks verifiers, hears their
// answers, and tells of deadlines that pass.
type Verification struct {
	accounts *Accounts
	log      *slog.Logger
}

// NewVerification works for accounts. Its verifiers are those of the accounts' Config.
func NewVerification(accounts *Accounts, log *slog.Logger) *Verification {
	return &Verification{accounts: accounts, log: log}
}

// Run does what is due in both modes and returns. It is fit to be repeated and to
// die in the middle: a check is started again under the same id, which verifiers
// take for the same check, and an answer that was lost is asked for again.
func (v *Verification) Run(ctx context.Context) error {
	var failed []error
	for _, livemode := range []bool{false, true} {
		failed = append(failed, v.deadlines(ctx, livemode), v.checks(ctx, livemode))
	}
	return errors.Join(failed...)
}

// deadlines records what time has changed: one event per account that looks different.
func (v *Verification) deadlines(ctx context.Context, livemode bool) error {
	s := v.accounts
	at := s.Clock(livemode).Now()
	var due []struct{ ID, Platform string }
	if err := s.pool.NewRaw(dueAccounts, livemode, at, s.hearing(livemode), accountsPerGo).Scan(ctx, &due); err != nil {
		return fmt.Errorf("find accounts with deadlines: %w", err)
	}
	var failed []error
	for _, a := range due {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		scope := tenant.Scope{Platform: a.Platform, Account: a.ID, Livemode: livemode} // its own: connected or not
		err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := s.amend(ctx, tx, at, scope, a.ID, func(*Account) error { return nil })
			return err
		})
		if err != nil && !fault.Is(err, fault.Forbidden) { // closed meanwhile
			failed = append(failed, fmt.Errorf("renew the standing of %s: %w", a.ID, err))
		}
	}
	return errors.Join(failed...)
}

func (v *Verification) checks(ctx context.Context, livemode bool) error {
	s := v.accounts
	verifier := s.cfg.Verifiers.For(livemode)
	if verifier == nil {
		return nil
	}
	rows, err := claimedChecks(ctx, s.pool, livemode, s.Clock(livemode).Now(), checkLease, checksPerRun)
	if err != nil {
		return err
	}
	var (
		wait   sync.WaitGroup
		places = make(chan struct{}, checksAtOnce)
		failed = make([]error, len(rows))
	)
	for i, row := range rows {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			failed[i] = v.ask(ctx, verifier, row)
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// ask starts one check, or asks about it. A verifier that cannot be asked is asked
// again later: it has not said no.
func (v *Verification) ask(ctx context.Context, verifier verification.Verifier, row checkRow) error {
	s := v.accounts
	scope := tenant.Scope{Platform: row.Platform, Account: row.Account, Livemode: row.Livemode}
	a, err := s.Get(ctx, s.pool, scope, row.Account)
	if err != nil && !fault.Is(err, fault.Forbidden) {
		return err
	}
	if c := a.checks[row.Subject]; err != nil || c == nil || c.ID != row.ID {
		return v.expire(ctx, verifier, row)
	}
	answer, err := v.answer(ctx, verifier, &a, row)
	if err == nil {
		err = v.Apply(ctx, row.Livemode, row.ID, answer)
	}
	if err == nil {
		return nil
	}
	v.log.WarnContext(ctx, "a verifier could not be asked", "check", row.ID, "account", row.Account, "attempt", row.Attempts, "error", err)
	row.NextAt = s.Clock(row.Livemode).Now().Add(backoff(row.Attempts))
	return s.postpone(ctx, row)
}

func (v *Verification) answer(ctx context.Context, verifier verification.Verifier, a *Account, row checkRow) (verification.Answer, error) {
	if row.Reference != "" {
		return verifier.Get(ctx, row.Reference)
	}
	subject, err := a.subject(row.Subject)
	if err != nil {
		return verification.Answer{}, err
	}
	subject.Check = row.ID
	if subject.Numbers, err = v.accounts.openNumbers(a, row.Subject); err != nil {
		return verification.Answer{}, err
	}
	return verifier.Start(ctx, subject)
}

// expire ends a check that nobody waits for. The verifier is told if it can be; it need not listen.
func (v *Verification) expire(ctx context.Context, verifier verification.Verifier, row checkRow) error {
	if row.Reference != "" {
		if err := verifier.Expire(ctx, row.Reference); err != nil {
			v.log.WarnContext(ctx, "a verifier could not be told that a check is over", "check", row.ID, "error", err)
		}
	}
	row.Status, row.NextAt = checkExpired, time.Time{}
	return updateCheck(ctx, v.accounts.pool, row)
}

// Callback hears a signed answer that a verifier sends by itself. It may come
// twice, late, and before or after others.
func (v *Verification) Callback(ctx context.Context, signature string, body []byte) error {
	var known error
	for _, livemode := range []bool{true, false} {
		hears, ok := v.accounts.cfg.Verifiers.For(livemode).(verification.Caller)
		if !ok {
			continue
		}
		answer, err := hears.Handle(signature, body)
		if errors.Is(err, verification.ErrSignature) {
			continue // meant for the other mode, or forged
		}
		if err != nil {
			return fault.Invalidf("", "", "This is not an answer about a check.")
		}
		if err = v.Apply(ctx, livemode, answer.Check, answer); !fault.Is(err, fault.NotFound) {
			return err
		}
		known = err // both modes may have the same verifier
	}
	if known != nil {
		return known
	}
	return &fault.Error{Kind: fault.Unauthenticated, Message: "The signature of this callback is missing, too old or wrong."}
}

// Apply records an answer about a check and what follows from it, in one
// transaction: evidence, state, standing, and one event per real change. An older
// revision than the last one is kept as evidence and changes nothing.
func (v *Verification) Apply(ctx context.Context, livemode bool, check string, answer verification.Answer) error {
	s := v.accounts
	row, err := findCheck(ctx, s.pool, check)
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.Livemode != livemode {
		return fault.NoSuch("check", check)
	}
	if err != nil {
		return err
	}
	if answer.Check != check || answer.Revision < 1 || answer.Reference == "" {
		return fmt.Errorf("answer to check %s: it names check %q, revision %d", check, answer.Check, answer.Revision)
	}
	at := s.Clock(livemode).Now()
	scope := tenant.Scope{Platform: row.Platform, Account: row.Account, Livemode: livemode} // its own: connected or not
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := s.amend(ctx, tx, at, scope, row.Account, func(a *Account) error {
			return s.absorb(ctx, tx, at, a, row.ID, answer)
		})
		return err
	})
	if fault.Is(err, fault.Forbidden) { // the account was closed: nobody waits
		row.Status, row.NextAt = checkExpired, time.Time{}
		return updateCheck(ctx, s.pool, row)
	}
	return err
}

// absorb lays an answer over an account, in memory, and over its check's row.
func (s *Accounts) absorb(ctx context.Context, tx bun.Tx, at time.Time, a *Account, check string, answer verification.Answer) error {
	row, err := lockCheck(ctx, tx, check)
	if err != nil {
		return err
	}
	verifier := s.cfg.Verifiers.For(a.Livemode)
	if err := appendEvidence(ctx, tx, at, verifier, check, answer); err != nil {
		return err
	}
	if c := a.checks[row.Subject]; c == nil || c.ID != check || answer.Revision < row.Revision {
		return nil
	}
	if answer.Revision > row.Revision {
		kind := ""
		if row.Subject == CompanySubject {
			kind = CompanySubject
		}
		c := a.checks[row.Subject]
		c.absorb(kind, answer)
		if c.Good && !c.Pending {
			a.forgetNumbers(row.Subject)
		}
		row.Revision, row.Attempts = answer.Revision, 0
	}
	row.Provider, _ = verifier.Name()
	row.Reference, row.Status, row.NextAt = answer.Reference, checkDone, time.Time{}
	if answer.Waiting() {
		row.Status, row.NextAt = checkPending, at.Add(backoff(row.Attempts))
	}
	return updateCheck(ctx, tx, row)
}

// postpone moves a claimed check, unless a change or an answer has moved it already.
func (s *Accounts) postpone(ctx context.Context, row checkRow) error {
	_, err := s.pool.NewUpdate().Model((*checkRow)(nil)).Set("next_at = ?", row.NextAt).
		Where("id = ? AND next_at IS NOT NULL AND attempts = ?", row.ID, row.Attempts).Exec(ctx)
	if err != nil {
		return fmt.Errorf("postpone check: %w", err)
	}
	return nil
}

// backoff grows from seconds to an hour.
func backoff(attempts int) time.Duration {
	return min(pollFirst<<min(max(attempts, 0), 12), pollLast)
}
