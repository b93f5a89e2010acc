package payment_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

var platform = tenant.Scope{Platform: hub, Account: hub}

// send moves money from the platform to May with the hold asked for.
func (w *world) send(amount int64, hold connect.HoldParams, source string) *connect.Transfer {
	w.Helper()
	p := connect.TransferParams{Amount: &amount, Currency: "hkd", Destination: may, SourceTransaction: source, HoldParams: hold}
	w.must(w.life.moves.Check(w.Context(), platform, p))
	var t *connect.Transfer
	w.must(db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		t, err = w.life.moves.Create(ctx, tx, platform, p)
		return err
	}))
	return t
}

func (w *world) change(t *connect.Transfer, hold connect.HoldParams) error {
	return db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		_, err = w.life.moves.Update(ctx, tx, platform, t.ID, connect.TransferUpdate{HoldParams: hold})
		return err
	})
}

func (w *world) releaseDue() int {
	w.Helper()
	n, err := w.life.moves.ReleaseDue(w.Context(), w.pool, false, w.now.Now())
	w.must(err)
	return n
}

// lines are May's statement, oldest first.
func (w *world) lines(account string) string {
	w.Helper()
	return w.value(`SELECT string_agg(type || ' ' || net, ', ' ORDER BY entry_id, id) FROM ledger.balance_transactions WHERE account = ?`, account)
}

func held(until time.Time) connect.HoldParams {
	on := true
	p := connect.HoldParams{OnHold: &on}
	if !until.IsZero() {
		unix := until.Unix()
		p.OnHoldUntil = &unix
	}
	return p
}

func free() connect.HoldParams { off := false; return connect.HoldParams{OnHold: &off} }

func TestATransferOnHoldHasArrivedAndCannotBeSpent(t *testing.T) {
	w := open(t)
	freed := []balance.Purse{}
	w.life.moves.Freed = func(_ context.Context, _ bun.Tx, _ time.Time, purse balance.Purse) error {
		freed = append(freed, purse)
		return nil
	}
	w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_bypassPending")
	tr := w.send(5000, held(time.Time{}), "")
	w.money(`
		hub processor_clearing -60000
		hub processor_fees 2275
		hub available 52725
		may held 5000`)
	if got := w.lines(may); got != "payment 5000, reserve_hold -5000" {
		t.Errorf("May's lines: %s", got)
	}
	funds, err := balance.In(t.Context(), w.pool, balance.Purse{Account: may, Currency: "hkd"})
	w.must(err)
	if funds.Available != 0 || funds.Held != 5000 {
		t.Errorf("funds %+v", funds)
	}
	settled, err := balance.Settled(t.Context(), w.pool, false, may)
	w.must(err)
	if settled {
		t.Error("an account with money on hold could be closed")
	}

	w.must(w.change(tr, free()))
	w.money(`
		hub processor_clearing -60000
		hub processor_fees 2275
		hub available 52725
		may available 5000`)
	if len(freed) != 1 || freed[0].Account != may {
		t.Errorf("told %v", freed)
	}
	w.must(w.change(tr, free())) // again: no change, no event
	w.must(w.change(tr, held(time.Time{})))
	w.must(w.change(tr, free()))
	if got := w.lines(may); got != "payment 5000, reserve_hold -5000, reserve_release 5000, reserve_hold -5000, reserve_release 5000" {
		t.Errorf("May's lines: %s", got)
	}
	if got := w.value(`SELECT string_agg(type || ' ' || object_version, ', ' ORDER BY object_version) FROM platform.events WHERE object_id = ?`, tr.ID); got !=
		"transfer.created 1, transfer.updated 2, transfer.updated 3, transfer.updated 4" {
		t.Errorf("events: %s", got)
	}
	w.settled()
}

// A table of what happens to a transfer of 5000 on hold; each row tells what May has after it.
func TestAHoldIsTakenFirstAndToTheCent(t *testing.T) {
	w := open(t)
	w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_bypassPending")
	tr := w.send(5000, held(w.now.Now().Add(48*time.Hour)), "")
	reverse := func(amount string, status int) func() {
		return func() { w.Helper(); w.want(status, "/v1/transfers/"+tr.ID+"/reversals", amount) }
	}
	change := func(p connect.HoldParams) func() { return func() { w.Helper(); w.must(w.change(tr, p)) } }
	later := func(d time.Duration) func() { return func() { w.Helper(); w.now.Advance(d); w.releaseDue() } }
	for i, c := range []struct {
		does string
		do   func()
		want string // May's available and held money
	}{
		{"two partial reversals", reverse("amount=1500", 200), "0 3500"},
		{"take what is on hold", reverse("amount=500", 200), "0 3000"},
		{"more than is left is refused", reverse("amount=3001", 400), "0 3000"},
		{"the hold is prolonged", change(held(w.now.Now().Add(96 * time.Hour))), "0 3000"},
		{"its old time means nothing", later(49 * time.Hour), "0 3000"},
		{"shortened", change(held(w.now.Now().Add(73 * time.Hour))), "0 3000"},
		{"it ends by itself", later(24 * time.Hour), "3000 0"},
		{"once", later(240 * time.Hour), "3000 0"},
		{"what is free is taken from what is available", reverse("amount=1000", 200), "2000 0"},
		{"what is left can be held again, without an end", change(held(time.Time{})), "0 2000"},
		{"however long that is", later(1000 * time.Hour), "0 2000"},
		{"the last reversal ends the hold", reverse("amount=2000", 200), "0 0"},
		{"and ending it again changes nothing", change(free()), "0 0"},
	} {
		c.do()
		funds, err := balance.In(t.Context(), w.pool, balance.Purse{Account: may, Currency: "hkd"})
		w.must(err)
		if got := fmt.Sprint(funds.Available, " ", funds.Held); got != c.want {
			t.Fatalf("%d. %s: May has %s, want %s", i+1, c.does, got, c.want)
		}
	}
	if err := w.change(tr, held(time.Time{})); fault.As(err) == nil || fault.As(err).Code != "transfer_reversed" {
		t.Errorf("nothing was put on hold: %v", err)
	}
	if got := w.value("SELECT held || ' ' || coalesce(held_until::text, 'never') FROM connect.transfers WHERE id = ?", tr.ID); got != "0 never" {
		t.Errorf("the transfer says %s", got)
	}
	w.settled()
}

// What is on hold is the platform's to take back, whatever else the account owes.
func TestMoneyOnHoldGoesBackFromAnAccountThatOwes(t *testing.T) {
	w := open(t)
	w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_bypassPending")
	spent, on := w.send(100, connect.HoldParams{}, ""), w.send(3000, held(time.Time{}), "")
	in(w, func(ctx context.Context, tx bun.Tx) error {
		paidOut := journal.Payout{ID: "po_1", Account: may, Platform: hub, Amount: money.New(100, "hkd"), At: noon}
		return connect.PostOne(ctx, tx, w.life.moves.Book, journal.PayoutCreated(paidOut, func() string { return "txn_1" }))
	})
	if err := w.change(spent, held(time.Time{})); fault.As(err) == nil || fault.As(err).Code != "balance_insufficient" {
		t.Errorf("money that is spent was put on hold: %v", err)
	}
	w.want(200, "/v1/transfers/"+spent.ID+"/reversals", "amount=100", "when_insufficient=negative")
	w.want(200, "/v1/transfers/"+on.ID+"/reversals", "amount=1000")
	w.money(`
		hub processor_clearing -60000
		hub processor_fees 2275
		hub available 55725
		may available -100
		may held 2000
		may in_transit 100`)
}

// Tied to a charge, the money is pending; a hold takes it from there, and it comes
// back where it lies by then.
func TestATransferThatIsPendingCanBeOnHold(t *testing.T) {
	w := open(t)
	charge := w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_visa").field("id")
	soon := w.send(2000, held(time.Time{}), charge)
	w.send(3000, held(w.now.Now().Add(24*time.Hour)), charge)
	mature := func() {
		w.must(db.InTx(t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := balance.Mature(ctx, tx, w.life.moves.Book, false, w.now.Now(), 100)
			return err
		}))
	}
	of := func() string {
		funds, err := balance.In(t.Context(), w.pool, balance.Purse{Account: may, Currency: "hkd"})
		w.must(err)
		return fmt.Sprint(funds.Pending, funds.Available, funds.Held)
	}
	if got := of(); got != "0 0 5000" {
		t.Errorf("on hold: %s", got)
	}
	w.now.Advance(25 * time.Hour)
	w.releaseDue()
	mature()
	if got := of(); got != "3000 0 2000" {
		t.Errorf("released before its charge's day: %s", got)
	}
	w.now.Advance(48 * time.Hour)
	mature()
	w.must(w.change(soon, free()))
	if got := of(); got != "0 5000 0" {
		t.Errorf("released after its charge's day: %s", got)
	}
	w.settled()
}

// A leg of a destination charge can be held like any transfer; the refund of the
// charge takes the money on hold first, and the platform's fee is not part of it.
func TestARefundTakesALegOnHold(t *testing.T) {
	w := open(t)
	charge := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_bypassPending",
		"transfer_data[destination]="+may, "application_fee_amount=1000").field("id")
	leg := &connect.Transfer{ID: w.value("SELECT id FROM connect.transfers")}
	w.must(w.change(leg, held(time.Time{})))
	of := func() string {
		return w.value(`SELECT string_agg(kind || ' ' || credits - debits, ', ' ORDER BY kind) FROM ledger.accounts WHERE owner = ? AND credits <> debits`, may)
	}
	if got := of(); got != "held 9000" {
		t.Errorf("on hold: %s", got)
	}
	w.want(200, "/v1/refunds", "charge="+charge, "amount=4000", "reverse_transfer=true", "refund_application_fee=true")
	if got := of(); got != "available 400, held 5000" {
		t.Errorf("refunded in part: %s", got)
	}
	w.want(200, "/v1/refunds", "charge="+charge, "reverse_transfer=true", "refund_application_fee=true")
	if got := of(); got != "" {
		t.Errorf("refunded whole: %s", got)
	}
	w.settled()
}

func TestHoldsAreReleasedOnceByManyProcesses(t *testing.T) {
	w := open(t)
	w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_bypassPending")
	for range 12 {
		w.send(100, held(w.now.Now().Add(time.Hour)), "")
	}
	w.now.Advance(2 * time.Hour)
	var wg sync.WaitGroup
	var mu sync.Mutex
	released := 0
	for range 6 {
		wg.Go(func() {
			n, err := w.life.moves.ReleaseDue(t.Context(), w.pool, false, w.now.Now())
			mu.Lock()
			defer mu.Unlock()
			if released += n; err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.value("SELECT count(*) FROM ledger.entries WHERE kind = 'transfer_released'"); released != 12 || got != "12" {
		t.Errorf("released %d, booked %s", released, got)
	}
	w.settled()
}

func TestHoldsThatMeanNothingAreRefused(t *testing.T) {
	w := open(t)
	on, off, past, far, soon := true, false, noon.Unix(), noon.AddDate(3, 0, 0).Unix(), noon.Add(time.Hour).Unix()
	amount := int64(100)
	for name, p := range map[string]connect.HoldParams{
		"the past": {OnHold: &on, OnHoldUntil: &past}, "far away": {OnHold: &on, OnHoldUntil: &far}, "both": {OnHold: &off, OnHoldUntil: &soon},
	} {
		err := w.life.moves.Check(t.Context(), platform, connect.TransferParams{Amount: &amount, Currency: "hkd", Destination: may, HoldParams: p})
		if f := fault.As(err); f == nil || !strings.HasPrefix(f.Param, "on_hold_until") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
