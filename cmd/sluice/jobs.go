package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/daily"
	"github.com/sluicepay/sluice/ledger/history"
	"github.com/sluicepay/sluice/ledger/ledgerhttp"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/run"
	"github.com/sluicepay/sluice/platform/tenant"
)

// jobs is the periodic work of this process's roles; each is done by one process at a time.
func (a *App) jobs() []*run.Worker {
	var jobs []run.Job
	if a.cfg.Roles.Has(RoleJobs) {
		jobs = append(jobs,
			run.Job{Name: "mature funds", Interval: time.Second, Do: a.matureAll},
			run.Job{Name: "release transfers on hold", Interval: time.Second, Do: a.releaseAll},
			run.Job{Name: "recover pending reversals", Interval: time.Second, Do: a.recoverAll},
			run.Job{Name: "reserve for negative balances", Interval: 5 * time.Second, Do: a.reserveAll},
			run.Job{Name: "collect old debts", Interval: time.Hour, Do: a.collectDebts},
			run.Job{Name: "sweep payments", Interval: 5 * time.Second, Do: a.sweeper.SweepOld},
			run.Job{Name: "end checkout sessions", Interval: 5 * time.Second, Do: a.checkout.Sweep},
			run.Job{Name: "seal the ledger", Interval: 3 * time.Second, Do: a.seal},
			run.Job{Name: "note the ledger's past", Interval: 10 * time.Second, Do: a.noteHistory},
			run.Job{Name: "verify the ledger on request", Interval: time.Second, Do: a.verifyLedger},
			run.Job{Name: "add up days", Interval: 3 * time.Second, Do: a.addDays},
			run.Job{Name: "forget idempotency keys", Interval: time.Hour, Do: a.forgetKeys},
			run.Job{Name: "forget handled events", Interval: time.Hour, Do: a.forgetHandled},
			run.Job{Name: "forget sign-ins", Interval: 10 * time.Minute, Do: a.people.Sweep},
			run.Job{Name: "forget onboarding links", Interval: 10 * time.Minute, Do: a.links.Sweep},
			run.Job{Name: "verify accounts", Interval: time.Second, Do: a.verify.Run},
			run.Job{Name: "forget codes and tokens", Interval: 10 * time.Minute, Do: a.forgetTokens},
			run.Job{Name: "forget silent listeners", Interval: time.Hour, Do: a.listen.Sweep},
			run.Job{Name: "erase old documents", Interval: time.Hour, Do: a.eraseDocuments},
			run.Job{Name: "make the event log's months", Interval: time.Hour, Do: a.makeMonths},
			run.Job{Name: "keep the days of the request log", Interval: time.Hour, Do: a.keepRequestDays},
			run.Job{Name: "archive events", Interval: 24 * time.Hour, Do: a.archiveEvents},
			run.Job{Name: "destroy rolled webhook secrets", Interval: 10 * time.Minute, Do: a.destroySecrets},
		)
	}
	if a.cfg.Roles.Has(RoleWebhooks) {
		jobs = append(jobs,
			run.Job{Name: "replay webhooks", Interval: 500 * time.Millisecond, Do: a.replays.Run},
			run.Job{Name: "judge webhook endpoints", Interval: time.Minute, Do: a.dispatch.Judge},
			run.Job{Name: "forget webhooks", Interval: time.Hour, Do: a.forgetWebhooks},
		)
	}
	if a.cfg.Roles.Has(RolePayouts) {
		jobs = append(jobs,
			run.Job{Name: "payouts", Interval: time.Second, Do: a.payAll},
			run.Job{Name: "debit negative balances", Interval: 10 * time.Minute, Do: a.debitAll},
			run.Job{Name: "collect the banks' files", Interval: 15 * time.Second, Do: a.collectAll},
			run.Job{Name: "finish bank statements", Interval: time.Minute, Do: a.books.Sweep},
			run.Job{Name: "make reports", Interval: time.Second, Do: a.reports.Work},
		)
	}
	workers := make([]*run.Worker, len(jobs))
	for i, job := range jobs {
		workers[i] = run.Every(a.pool, job)
	}
	return workers
}

func (a *App) seal(ctx context.Context) error {
	_, err := audit.Seal(ctx, a.pool)
	return err
}

// noteHistory keeps balances of the past cheap to ask for.
func (a *App) noteHistory(ctx context.Context) error {
	_, err := history.Note(ctx, a.pool)
	return err
}

func (a *App) verifyLedger(ctx context.Context) error {
	_, err := audit.Work(ctx, a.pool, clock.System{}.Now)
	return err
}

// addDays sums what was sealed by day.
func (a *App) addDays(ctx context.Context) error {
	_, err := daily.Add(ctx, a.pool)
	return err
}

// eraseDocuments ends the retention of identity documents.
func (a *App) eraseDocuments(ctx context.Context) error {
	_, test := a.files.Sweep(ctx, false)
	_, live := a.files.Sweep(ctx, true)
	return errors.Join(test, live)
}

func (a *App) makeMonths(ctx context.Context) error {
	return event.EnsurePartitions(ctx, a.pool, clock.System{}.Now())
}

// keepRequestDays makes the coming days of the request log and drops the old ones;
// also when no requests are kept any more.
func (a *App) keepRequestDays(ctx context.Context) error {
	return requestlog.Maintain(ctx, a.pool, clock.System{}.Now(), a.cfg.RequestRetention)
}

// archiveEvents takes the months out of the event log that are older than it keeps.
func (a *App) archiveEvents(ctx context.Context) error {
	if a.cfg.EventRetention == 0 {
		return nil
	}
	now := clock.System{}.Now()
	done, err := event.Archive(ctx, a.pool, a.cfg.EventArchiveDir, now.Add(-a.cfg.EventRetention), now)
	for _, m := range done {
		a.log.Info("archived events", "month", m.Month, "events", m.Rows, "file", m.File)
	}
	return err
}

// forgetWebhooks ends the retention of what was sent.
func (a *App) forgetWebhooks(ctx context.Context) error {
	_, err := webhook.Sweep(ctx, a.pool, clock.System{}.Now())
	return err
}

// keysPerSweep bounds one transaction of forgetKeys.
const keysPerSweep = 10_000

func (a *App) forgetKeys(ctx context.Context) error {
	for {
		n, err := idempotency.Sweep(ctx, a.pool, clock.System{}.Now(), keysPerSweep)
		if err != nil || n < keysPerSweep {
			return err
		}
	}
}

// handledPerSweep bounds one transaction of forgetHandled, for each consumer.
const handledPerSweep = 5000

func (a *App) forgetHandled(ctx context.Context) error {
	for {
		n, err := event.Inbox{}.Forget(ctx, a.pool, clock.System{}.Now(), handledPerSweep)
		if err != nil || n == 0 {
			return err
		}
	}
}

// rowsPerSweep bounds one statement of forgetTokens and destroySecrets.
const rowsPerSweep = 1000

func (a *App) forgetTokens(ctx context.Context) error {
	for {
		n, err := a.provider.Sweep(ctx, a.pool, clock.System{}.Now(), rowsPerSweep)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (a *App) destroySecrets(ctx context.Context) error {
	for {
		n, err := a.hooks.SweepSecrets(ctx, a.pool, clock.System{}.Now(), rowsPerSweep)
		if err != nil || n < rowsPerSweep {
			return err
		}
	}
}

func (a *App) matureAll(ctx context.Context) error {
	_, test := a.mature(ctx, false)
	_, live := a.mature(ctx, true)
	return errors.Join(test, live)
}

// pursesPerCommit bounds one transaction of mature.
const pursesPerCommit = 500

// mature makes due funds available and tells their accounts; then platforms take
// back what they wait for.
func (a *App) mature(ctx context.Context, livemode bool) (purses int, err error) {
	for {
		var matured []balance.Matured
		err := db.InTx(ctx, a.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			at := a.clocks.For(livemode).Now()
			if matured, err = balance.Mature(ctx, tx, a.book, livemode, at, pursesPerCommit); err != nil {
				return err
			}
			return a.tellAvailable(ctx, tx, at, matured)
		})
		if err != nil {
			return purses, err
		}
		if len(matured) == 0 {
			if purses > 0 {
				_, err = a.moves.Recover(ctx, a.pool, livemode)
			}
			return purses, err
		}
		purses += len(matured)
	}
}

// tellAvailable appends balance.available events. Each maturity is an object of
// its own, so that its only event is its first version.
func (a *App) tellAvailable(ctx context.Context, tx bun.Tx, at time.Time, matured []balance.Matured) error {
	events := make([]event.Event, 0, len(matured))
	for _, m := range matured {
		platform, err := a.accounts.PlatformOf(ctx, tx, m.Account, m.Livemode)
		if err != nil {
			return err
		}
		scope := tenant.Scope{Platform: platform, Account: m.Account, Livemode: m.Livemode}
		funds, err := balance.Of(ctx, tx, scope)
		if err != nil {
			return err
		}
		object, err := json.Marshal(ledgerhttp.ShowBalance(scope, funds))
		if err != nil {
			return err
		}
		events = append(events, event.Event{
			ID: id.New("evt"), Type: "balance.available", Account: m.Account, Platform: platform, Livemode: m.Livemode,
			ObjectID: id.New("bal"), ObjectVersion: 1, Object: object, CreatedAt: at,
		})
	}
	return event.Log{}.Append(ctx, tx, events...)
}

// freed tells an account that money of a transfer on hold is available to it.
func (a *App) freed(ctx context.Context, tx bun.Tx, at time.Time, purse balance.Purse) error {
	return a.tellAvailable(ctx, tx, at, []balance.Matured{{Purse: purse}})
}

func (a *App) releaseAll(ctx context.Context) error {
	return errors.Join(a.release(ctx, false), a.release(ctx, true))
}

// release sets free what was on hold until now.
func (a *App) release(ctx context.Context, livemode bool) error {
	_, err := a.moves.ReleaseDue(ctx, a.pool, livemode, a.clocks.For(livemode).Now())
	return err
}

// recoverAll takes back what platforms wait for, as it becomes available.
func (a *App) recoverAll(ctx context.Context) error {
	_, test := a.moves.Recover(ctx, a.pool, false)
	_, live := a.moves.Recover(ctx, a.pool, true)
	return errors.Join(test, live)
}

func (a *App) debitAll(ctx context.Context) error {
	return errors.Join(a.debit(ctx, false), a.debit(ctx, true))
}

func (a *App) debit(ctx context.Context, livemode bool) error {
	_, err := a.payouts.RunDebits(ctx, livemode, a.clocks.For(livemode).Now())
	return err
}

func (a *App) collectDebts(ctx context.Context) error {
	return errors.Join(a.oldDebts(ctx, false), a.oldDebts(ctx, true))
}

// oldDebts has platforms pay what their accounts have owed for too long.
func (a *App) oldDebts(ctx context.Context, livemode bool) error {
	now := a.clocks.For(livemode).Now()
	debts, err := balance.Debts(ctx, a.pool, livemode)
	for _, debt := range debts {
		if debt.Since.After(now.Add(-balance.DebtLimit)) {
			break // the others are younger
		}
		platform, e := a.accounts.PlatformOf(ctx, a.pool, debt.Account, livemode)
		if e == nil && platform != debt.Account {
			e = db.InTx(ctx, a.pool, func(ctx context.Context, tx bun.Tx) error {
				_, err := balance.Collect(ctx, tx, a.book, debt.Purse, platform, now)
				return err
			})
		}
		err = errors.Join(err, e)
	}
	return err
}

func (a *App) reserveAll(ctx context.Context) error {
	return errors.Join(a.reserve(ctx, false), a.reserve(ctx, true))
}

// reserve brings each platform's reserve to what its connected accounts owe.
// What is released is available again, and told like funds that have matured.
func (a *App) reserve(ctx context.Context, livemode bool) error {
	covers, err := balance.Covers(ctx, a.pool, livemode, owners{a.accounts}.PlatformOf)
	for _, cover := range covers {
		err = errors.Join(err, db.InTx(ctx, a.pool, func(ctx context.Context, tx bun.Tx) error {
			at := a.clocks.For(livemode).Now()
			moved, err := balance.Reserve(ctx, tx, a.book, cover, at)
			if err != nil || moved >= 0 {
				return err
			}
			return a.tellAvailable(ctx, tx, at, []balance.Matured{{Purse: cover.Purse, Amount: -moved}})
		}))
	}
	return err
}

func (a *App) payAll(ctx context.Context) error {
	return errors.Join(a.pay(ctx, false), a.pay(ctx, true))
}

// pay makes the payouts that are due, hands them over and follows them up. What
// fails in one step does not hold back the others: it is tried again next time.
func (a *App) pay(ctx context.Context, livemode bool) error {
	if !a.payouts.Pays(livemode) {
		return nil // no bank is set up in this mode
	}
	errs := []error{a.noteHolders(ctx, livemode)}
	for _, step := range []func(context.Context, bool, time.Time) (int, error){a.payouts.ReleaseHolds, a.payouts.RunDue, a.payouts.Send, a.payouts.Settle} {
		_, err := step(ctx, livemode, a.clocks.For(livemode).Now())
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *App) collectAll(ctx context.Context) error {
	return errors.Join(a.collect(ctx, false), a.collect(ctx, true))
}

// collect fetches what the banks have answered.
func (a *App) collect(ctx context.Context, livemode bool) error {
	_, err := a.payouts.Collect(ctx, livemode)
	return err
}

// noteHolders makes a due of everything available, on the first look of each UTC
// day: money that was available at once, or given back to an account, has caused
// no event that the payouts room listens to. Doing it twice changes nothing, so
// each process only remembers its own last day.
func (a *App) noteHolders(ctx context.Context, livemode bool) error {
	now := a.clocks.For(livemode).Now()
	noted, today := &a.holdersNoted[0], now.Unix()/int64(24*time.Hour/time.Second)
	if livemode {
		noted = &a.holdersNoted[1]
	}
	if noted.Load() == today {
		return nil
	}
	for last := (balance.Purse{}); ; {
		purses, err := balance.Holding(ctx, a.pool, livemode, last, pursesPerCommit)
		if err != nil {
			return err
		}
		if len(purses) == 0 {
			noted.Store(today)
			return nil
		}
		if err := a.noteDues(ctx, now, purses); err != nil {
			return err
		}
		last = purses[len(purses)-1]
	}
}

func (a *App) noteDues(ctx context.Context, now time.Time, purses []balance.Purse) error {
	accounts := make([]string, len(purses))
	for i, p := range purses {
		accounts[i] = p.Account
	}
	platforms, err := a.accounts.PlatformsOf(ctx, a.pool, accounts)
	if err != nil {
		return err
	}
	dues := make([]payouts.Due, len(purses))
	for i, p := range purses {
		dues[i] = payouts.Due{Platform: platforms[p.Account], Account: p.Account, Livemode: p.Livemode, Currency: p.Currency}
	}
	return db.InTx(ctx, a.pool, func(ctx context.Context, tx bun.Tx) error { return a.payouts.Note(ctx, tx, now, dues...) })
}
