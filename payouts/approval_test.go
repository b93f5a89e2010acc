package payouts_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
)

// try is a transaction that commits after a refusal, as the doors do.
func (w *world) try(fn func(ctx context.Context, tx bun.Tx) error) error {
	var refused error
	err := db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		refused = nil
		err := fn(ctx, tx)
		if fault.As(err) != nil {
			refused = err
			return nil
		}
		return err
	})
	if err == nil {
		err = refused
	}
	return err
}

func (w *world) approve(actor string, p *payouts.Payout) error {
	return w.try(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.Approve(ctx, tx, platform, actor, p.ID)
		return err
	})
}

func (w *world) refuse(actor string, p *payouts.Payout) error {
	return w.try(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.Refuse(ctx, tx, platform, actor, p.ID, "not this one")
		return err
	})
}

func (w *world) policy(actor string, p payouts.PolicyParams) {
	w.Helper()
	if err := w.try(func(ctx context.Context, tx bun.Tx) error {
		_, _, err := w.service.ChangePolicy(ctx, tx, platform, actor, p)
		return err
	}); err != nil {
		w.Fatal(err)
	}
}

func inHKD(amount string) map[string]string { return map[string]string{"hkd": amount} }

// said is what is on record of a payout, oldest first.
func (w *world) said(p *payouts.Payout) string {
	w.Helper()
	found, err := w.service.Opinions(w.Context(), w.pool, platform, p.ID, page.Params{})
	if err != nil {
		w.Fatal(err)
	}
	var lines []string
	for _, o := range found.Items {
		lines = append([]string{strings.TrimSpace(o.Actor + " " + o.Decision + " " + o.Refusal)}, lines...)
	}
	return strings.Join(lines, ", ")
}

func (w *world) large(actor string) *payouts.Payout {
	w.Helper()
	w.earn(hub, 5000, "hkd", 0)
	p, err := w.create(hub, payouts.CreateParams{Amount: 5000, Currency: "hkd", Actor: actor})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func TestALargePayoutNeedsTwoWhoDidNotMakeIt(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{ApprovalOver: inHKD("4999")})
	p := w.large("key_a")
	w.clock.Advance(26 * time.Hour)
	w.job(w.service.Send)
	w.expectStatus(p, payouts.Pending)
	w.expectRefusal(w.approve("key_a", p), "four_eyes")
	if err := w.approve("key_b", p); err != nil {
		t.Fatal(err)
	}
	w.expectRefusal(w.approve("key_b", p), "approval_repeated")
	w.job(w.service.Send)
	w.expectStatus(p, payouts.Pending)
	if err := w.approve("key_c", p); err != nil {
		t.Fatal(err)
	}
	w.expectRefusal(w.approve("key_d", p), "approval_decided")
	w.jobs()
	w.expectPaidOnce(p)
	w.expectRefusal(w.approve("key_d", p), "payout_sealed")
	if got, want := w.said(p), "key_a approve four_eyes, key_b approve, key_b approve approval_repeated, key_c approve, "+
		"key_d approve approval_decided, key_d approve payout_sealed"; got != want {
		t.Errorf("on record: %s\nwant:      %s", got, want)
	}
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.updated", "4 payout.paid")
	if !w.again(p).ArrivalDate.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("arrives %s", w.again(p).ArrivalDate)
	}
}

func TestOneWhoRefusesStopsAPayout(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{ApprovalOver: inHKD("4999")})
	p := w.large("key_a")
	if err := w.approve("key_b", p); err != nil {
		t.Fatal(err)
	}
	if err := w.refuse("key_c", p); err != nil {
		t.Fatal(err)
	}
	w.expectStatus(p, payouts.Canceled)
	w.expectBooks(`
		available           hub  hkd   5000
		processor_clearing  hub  hkd  -5000`)
	w.expectLines(p, `
		payout         -5000
		payout_cancel   5000`)
	w.expectRefusal(w.approve("key_d", p), "payout_not_pending")
	w.expectRefusal(w.refuse("key_d", p), "payout_not_pending")
	if w.again(p).Approval != payouts.ApprovalRefused {
		t.Errorf("approval %s", w.again(p).Approval)
	}
	w.earn(hub, 10, "hkd", 0)
	small := w.mustCreate(hub, 10)
	w.expectRefusal(w.approve("key_b", small), "approval_not_required")
}

// Whoever is first and however often they all try, one actor counts once.
func TestApprovalsAtOnceCountEachActorOnce(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{ApprovalOver: inHKD("0")})
	for round := range 5 {
		p := w.large("key_a")
		var wg sync.WaitGroup
		for range 4 {
			for _, actor := range []string{"key_a", "key_b"} {
				wg.Go(func() { _ = w.approve(actor, p) })
			}
		}
		wg.Wait()
		if got := w.again(p); got.Approval != payouts.ApprovalRequired || got.Version != 1 {
			t.Fatalf("round %d: %s with one actor: %s", round, got.Approval, w.said(p))
		}
		for _, actor := range []string{"key_c", "key_d", "key_e"} {
			wg.Go(func() { _ = w.approve(actor, p) })
		}
		wg.Wait()
		if got := w.again(p); got.Approval != payouts.Approved || got.Version != 2 {
			t.Fatalf("round %d: %s, version %d: %s", round, got.Approval, got.Version, w.said(p))
		}
		counted := 0
		for _, o := range strings.Split(w.said(p), ", ") {
			if len(strings.Fields(o)) == 2 {
				counted++
			}
		}
		if counted > 2 {
			t.Fatalf("round %d: %s", round, w.said(p))
		}
	}
}

func TestDailyLimitsAreKeptWhoeverPaysAtOnce(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{DailyLimit: inHKD("1000"), Timezone: "Asia/Hong_Kong"})
	tutors := []string{}
	for i := range 12 {
		tutor := fmt.Sprintf("acct_t%02d", i)
		w.pays(tutor, payouts.Daily, "hkd", "000123456")
		w.earn(tutor, 300, "hkd", 0)
		w.handle(w.available(tutor, "hkd"))
		tutors = append(tutors, tutor)
	}
	var wg sync.WaitGroup
	for i := range 6 { // schedulers and people at once
		wg.Go(func() { _, _ = w.service.RunDue(w.Context(), false, w.clock.Now()) })
		wg.Go(func() { _, _ = w.create(tutors[i], payouts.CreateParams{Amount: 300, Currency: "hkd"}) })
	}
	wg.Wait()
	paid := func() (n int, sum int64) {
		if err := w.pool.NewRaw(`SELECT count(*), coalesce(sum(amount), 0)::bigint FROM payouts.payouts WHERE status <> 'canceled'`).Scan(w.Context(), &n, &sum); err != nil {
			t.Fatal(err)
		}
		return n, sum
	}
	if n, sum := paid(); n != 3 || sum != 900 {
		t.Fatalf("%d payouts of %d under a limit of 1000", n, sum)
	}
	_, err := w.create(tutors[11], payouts.CreateParams{Amount: 101, Currency: "hkd"})
	w.expectRefusal(err, "daily_limit_exceeded")
	w.clock.Set(time.Date(2026, 11, 22, 15, 59, 0, 0, time.UTC)) // still Sunday in Hong Kong
	w.job(w.service.RunDue)
	if n, _ := paid(); n != 3 {
		t.Errorf("%d payouts before the day was over", n)
	}
	w.clock.Set(time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)) // Monday there
	open := 0
	for _, tutor := range tutors {
		if _, err := w.create(tutor, payouts.CreateParams{Amount: 300, Currency: "hkd"}); err == nil {
			open++
		}
	}
	if open != 3 {
		t.Errorf("%d payouts of the next day", open)
	}
}

func TestAPayoutThatWasCanceledGivesItsPartOfTheLimitBack(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{DailyLimit: inHKD("1000")})
	w.earn(hub, 3000, "hkd", 0)
	p := w.mustCreate(hub, 1000)
	_, err := w.create(hub, payouts.CreateParams{Amount: 1, Currency: "hkd"})
	w.expectRefusal(err, "daily_limit_exceeded")
	if err := w.cancel(p); err != nil {
		t.Fatal(err)
	}
	w.mustCreate(hub, 1000)
}

func TestABankAccountThatChangedIsLeftAloneForAWhile(t *testing.T) {
	w := open(t)
	w.policy("key_a", payouts.PolicyParams{CoolingOffHours: unixHours(48), MinimumPayout: inHKD("100")})
	w.people.accounts[may].Destinations[0].ChangedAt = noon.Add(-24 * time.Hour)
	w.earn(may, 1000, "hkd", 0)
	_, err := w.create(may, payouts.CreateParams{Amount: 500, Currency: "hkd"})
	w.expectRefusal(err, "bank_account_cooling_off")
	w.handle(w.available(may, "hkd"))
	w.jobs()
	if n := len(w.all(may)); n != 0 {
		t.Fatalf("%d payouts to a bank account that has just changed", n)
	}
	w.clock.Advance(24 * time.Hour)
	_, err = w.create(may, payouts.CreateParams{Amount: 99, Currency: "hkd"})
	w.expectRefusal(err, "amount_too_small")
	w.jobs()
	w.expectPaidOnce(w.only(may))
}

func unixHours(n int64) *int64 { return &n }

func TestProtectingLessNeedsASecondActor(t *testing.T) {
	w := open(t)
	rules := func() payouts.Rules {
		p, _, err := w.service.GetPolicy(t.Context(), w.pool, platform)
		if err != nil {
			t.Fatal(err)
		}
		return p.Rules
	}
	decide := func(how func(context.Context, bun.Tx, string) error, actor string) error {
		return w.try(func(ctx context.Context, tx bun.Tx) error { return how(ctx, tx, actor) })
	}
	approve := func(ctx context.Context, tx bun.Tx, actor string) error {
		_, err := w.service.ApproveChange(ctx, tx, platform, actor)
		return err
	}
	w.policy("key_a", payouts.PolicyParams{DailyLimit: inHKD("1000")})
	w.policy("key_a", payouts.PolicyParams{DailyLimit: inHKD("2000")}) // nobody needs two people yet
	w.policy("key_a", payouts.PolicyParams{ApprovalOver: inHKD("500"), CoolingOffHours: unixHours(24)})
	w.policy("key_a", payouts.PolicyParams{DailyLimit: inHKD("")})
	if got := rules(); got.DailyLimit["hkd"] != 2000 {
		t.Errorf("one actor ended a limit: %v", got)
	}
	w.expectRefusal(decide(approve, "key_a"), "four_eyes")
	w.policy("key_a", payouts.PolicyParams{CoolingOffHours: unixHours(0)}) // takes its place
	w.policy("key_a", payouts.PolicyParams{ApprovalOver: inHKD("100")})    // tighter: at once
	if err := decide(approve, "key_b"); err != nil {
		t.Fatal(err)
	}
	if got := rules(); got.DailyLimit["hkd"] != 2000 || got.CoolingOffHours != 0 || got.ApprovalOver["hkd"] != 100 {
		t.Errorf("rules %+v", got)
	}
	w.expectRefusal(decide(approve, "key_b"), "payout_policy_unchanged")
	w.policy("key_a", payouts.PolicyParams{Timezone: "Pacific/Apia"}) // may begin the day anew
	if got := rules(); got.Timezone != "Etc/UTC" {
		t.Errorf("one actor moved the day: %+v", got)
	}
	if err := decide(func(ctx context.Context, tx bun.Tx, actor string) error {
		_, err := w.service.RefuseChange(ctx, tx, platform, actor)
		return err
	}, "key_a"); err != nil {
		t.Fatal(err)
	}
	changes, err := w.service.PolicyChanges(t.Context(), w.pool, platform, page.Params{})
	if err != nil {
		t.Fatal(err)
	}
	var story []string
	for _, c := range changes.Items {
		story = append([]string{string(c.Status) + " " + c.RequestedBy + " " + c.DecidedBy}, story...)
	}
	if got := strings.Join(story, ", "); got != "applied key_a key_a, applied key_a key_a, applied key_a key_a, superseded key_a key_a, "+
		"applied key_a key_b, applied key_a key_a, refused key_a key_a" {
		t.Errorf("changes: %s", got)
	}
}
