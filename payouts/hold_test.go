package payouts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
)

var platform = scopeOf(hub)

func (w *world) hold(p payouts.HoldParams) (made *payouts.Hold, err error) {
	err = w.try(func(ctx context.Context, tx bun.Tx) error {
		made, err = w.service.Hold(ctx, tx, platform, "key_1", p)
		return err
	})
	return made, err
}

func (w *world) mustHold(p payouts.HoldParams) *payouts.Hold {
	w.Helper()
	h, err := w.hold(p)
	if err != nil {
		w.Fatal(err)
	}
	return h
}

func (w *world) release(h *payouts.Hold) error {
	return w.try(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.ReleaseHold(ctx, tx, platform, "key_2", h.ID)
		return err
	})
}

func codeOf(err error) string {
	if f := fault.As(err); f != nil {
		return f.Code
	}
	return fmt.Sprint(err)
}

func (w *world) expectRefusal(err error, want string) {
	w.Helper()
	if got := codeOf(err); got != want {
		w.Errorf("got %s, want %s", got, want)
	}
}

func unix(t time.Time) *int64 { n := t.Unix(); return &n }

func TestAHeldPayoutIsNotHandedOverUntilTheLastHoldEnds(t *testing.T) {
	w := open(t)
	w.earn(hub, 5000, "hkd", 0)
	p := w.mustCreate(hub, 5000)
	first := w.mustHold(payouts.HoldParams{Payout: p.ID, Reason: "who is this?"})
	second := w.mustHold(payouts.HoldParams{Payout: p.ID, Reason: "again"})
	w.clock.Advance(time.Hour)
	w.job(w.service.Send)
	w.expectStatus(p, payouts.Pending)
	if err := w.release(first); err != nil {
		t.Fatal(err)
	}
	w.job(w.service.Send)
	w.expectStatus(p, payouts.Pending)
	if err := w.release(second); err != nil {
		t.Fatal(err)
	}
	w.expectRefusal(w.release(second), "payout_hold_released")
	w.jobs()
	w.expectPaidOnce(p)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.updated", "4 payout.updated", "5 payout.paid")
	_, err := w.hold(payouts.HoldParams{Payout: p.ID, Reason: "too late"})
	w.expectRefusal(err, "payout_sealed")
	var told []string
	if err := w.pool.NewRaw(`SELECT type || ' ' || object_version FROM platform.events WHERE object_id = ? ORDER BY object_version`, second.ID).Scan(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, ", "); got != "payout_hold.created 1, payout_hold.released 2" {
		t.Errorf("told %s", got)
	}
}

func TestAHeldPayoutCanBeCanceled(t *testing.T) {
	w := open(t)
	w.earn(hub, 5000, "hkd", 0)
	p := w.mustCreate(hub, 5000)
	h := w.mustHold(payouts.HoldParams{Payout: p.ID, Reason: "x"})
	if err := w.cancel(p); err != nil {
		t.Fatal(err)
	}
	if err := w.release(h); err != nil {
		t.Fatal(err)
	}
	w.expectStatus(p, payouts.Canceled)
	_, err := w.hold(payouts.HoldParams{Payout: p.ID, Reason: "x"})
	w.expectRefusal(err, "payout_not_pending")
}

func TestNothingLeavesAnAccountOnHold(t *testing.T) {
	w := open(t)
	w.earn(may, 9000, "hkd", 0)
	waits := w.mustCreate(may, 1000)
	h := w.mustHold(payouts.HoldParams{Account: may, Reason: "chargebacks"})
	_, err := w.create(may, payouts.CreateParams{Amount: 500, Currency: "hkd"})
	w.expectRefusal(err, "account_on_hold")
	w.handle(w.available(may, "hkd"))
	for range 2 {
		w.clock.Advance(24 * time.Hour)
		w.jobs()
	}
	if got := w.only(may); got.ID != waits.ID || got.Status != payouts.Pending || !got.Held {
		t.Errorf("%s of the account on hold: %s", got.ID, got.Status)
	}
	w.earn(hub, 100, "hkd", 0)
	w.mustCreate(hub, 100) // others go on
	if err := w.release(h); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(24 * time.Hour)
	w.jobs()
	var paid []int64
	for _, p := range w.all(may) {
		w.expectPaidOnce(p)
		paid = append(paid, p.Amount)
	}
	if fmt.Sprint(paid) != "[1000 8000]" {
		t.Errorf("paid %d", paid)
	}
}

func TestAHoldEndsOnABusinessDay(t *testing.T) {
	w := open(t) // a Sunday
	w.earn(hub, 3000, "hkd", 0)
	w.bank.calendar = "weekdays"
	friday := noon.AddDate(0, 0, 5)
	forever := w.mustHold(payouts.HoldParams{Payout: w.mustCreate(hub, 1000).ID, Reason: "x"})
	atFriday := w.mustHold(payouts.HoldParams{Payout: w.mustCreate(hub, 1000).ID, Reason: "x", ExpiresAt: unix(friday)})
	atSaturday := w.mustHold(payouts.HoldParams{Payout: w.mustCreate(hub, 1000).ID, Reason: "x", ExpiresAt: unix(friday.AddDate(0, 0, 1))})
	account := w.mustHold(payouts.HoldParams{Account: may, Reason: "x", ExpiresAt: unix(friday.AddDate(0, 0, 1))})
	stands := func(h *payouts.Hold) bool {
		found, err := w.service.GetHold(t.Context(), w.pool, platform, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		return found.ReleasedAt.IsZero()
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{friday.Add(-time.Second), "true true true true"},
		{friday, "true false true true"},
		{friday.AddDate(0, 0, 1), "true false true true"},
		{friday.AddDate(0, 0, 2), "true false true true"},
		{time.Date(2026, 11, 29, 23, 59, 59, 0, time.UTC), "true false true true"},
		{time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), "true false false false"},
	} {
		w.clock.Set(c.at)
		w.job(w.service.ReleaseHolds)
		if got := fmt.Sprint(stands(forever), stands(atFriday), stands(atSaturday), stands(account)); got != c.want {
			t.Errorf("at %s: %s, want %s", c.at, got, c.want)
		}
	}
	if found, err := w.service.GetHold(t.Context(), w.pool, platform, atFriday.ID); err != nil || found.ReleasedBy != payouts.ByExpiry {
		t.Errorf("released by %q, %v", found.ReleasedBy, err)
	}
}

func TestHoldsThatMeanNothingAreRefused(t *testing.T) {
	w := open(t)
	for name, c := range map[string]struct {
		params payouts.HoldParams
		code   string
	}{
		"nothing":            {payouts.HoldParams{Reason: "x"}, "parameter_missing"},
		"both":               {payouts.HoldParams{Account: may, Payout: "po_1", Reason: "x"}, "parameters_exclusive"},
		"no such account":    {payouts.HoldParams{Account: "acct_nobody", Reason: "x"}, "resource_missing"},
		"no such payout":     {payouts.HoldParams{Payout: "po_1", Reason: "x"}, "resource_missing"},
		"the past":           {payouts.HoldParams{Account: may, Reason: "x", ExpiresAt: unix(noon)}, "parameter_invalid_integer"},
		"a card number":      {payouts.HoldParams{Account: may, Reason: "4242424242424242"}, "parameter_invalid_card_number"},
		"a very long reason": {payouts.HoldParams{Account: may, Reason: strings.Repeat("x", 501)}, ""},
	} {
		_, err := w.hold(c.params)
		if f := fault.As(err); f == nil || f.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
