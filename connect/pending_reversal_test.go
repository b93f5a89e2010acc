package connect_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

var hubScope = tenant.Scope{Platform: "acct_hub", Account: "acct_hub"}

// everybody may receive transfers.
type everybody struct{}

func (everybody) Lookup(_ context.Context, scope tenant.Scope, account string) (connect.Summary, error) {
	return connect.Summary{ID: account, Platform: scope.Platform, Transfers: true, Access: tenant.ReadWrite}, nil
}

// till is a platform with money and a tutor, May, to whom it transfers some.
type till struct {
	*testing.T
	pool  *bun.DB
	book  *ledger.Book
	clock *clock.Fixed
	moves *connect.TransferService
}

func openTill(t *testing.T) *till {
	w := &till{T: t, pool: dbtest.New(t), book: ledger.NewBook(), clock: clock.NewFixed(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))}
	w.moves = &connect.TransferService{Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: everybody{}}
	w.post(journal.TopupSucceeded(journal.Topup{ID: id.New("tu"), Platform: "acct_hub", Amount: money.New(100_000, "hkd"), At: w.clock.Now()}, newLine))
	return w
}

func newLine() string { return id.New("txn") }

func (w *till) in(do func(ctx context.Context, tx bun.Tx) error) error {
	return db.InTx(w.Context(), w.pool, do)
}

func (w *till) post(entries ...ledger.Entry) {
	w.Helper()
	err := w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := w.book.Post(ctx, tx, entries...)
		for _, r := range results {
			if err == nil {
				err = r.Err
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *till) transfer(amount int64) string {
	w.Helper()
	var made *connect.Transfer
	err := w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		made, err = w.moves.Create(ctx, tx, hubScope, connect.TransferParams{Amount: &amount, Currency: "hkd", Destination: "acct_may"})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return made.ID
}

// spends is May paying money out.
func (w *till) spends(amount int64) {
	w.Helper()
	w.post(journal.PayoutCreated(journal.Payout{ID: id.New("po"), Account: "acct_may", Platform: "acct_hub", Amount: money.New(amount, "hkd"), At: w.clock.Now()}, newLine))
}

// earns is May selling something.
func (w *till) earns(amount int64) {
	w.Helper()
	w.post(journal.ChargeSucceeded(journal.Charge{ID: id.New("ch"), Owner: "acct_may", Platform: "acct_hub",
		Amount: money.New(amount, "hkd"), At: w.clock.Now(), Direct: &journal.Direct{}}, newLine))
}

func (w *till) reverse(transfer string, amount int64, when string) (*connect.Reversal, *connect.PendingReversal, error) {
	var reversal *connect.Reversal
	var pending *connect.PendingReversal
	err := w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		reversal, pending, err = w.moves.Reverse(ctx, tx, hubScope, transfer, connect.ReversalParams{Amount: &amount, WhenInsufficient: when})
		return err
	})
	return reversal, pending, err
}

func (w *till) waits(transfer string, amount int64) *connect.PendingReversal {
	w.Helper()
	_, pending, err := w.reverse(transfer, amount, connect.Wait)
	if err != nil || pending == nil {
		w.Fatal(pending, err)
	}
	return pending
}

func (w *till) recover() int {
	w.Helper()
	n, err := w.moves.Recover(w.Context(), w.pool, false)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *till) funds(account string) int64 {
	w.Helper()
	f, err := balance.In(w.Context(), w.pool, balance.Purse{Account: account, Currency: "hkd"})
	if err != nil {
		w.Fatal(err)
	}
	return f.Available
}

// shown is "status recovered/amount" of a pending reversal.
func (w *till) shown(p *connect.PendingReversal) string {
	w.Helper()
	got, err := w.moves.GetPending(w.Context(), w.pool, hubScope, p.ID)
	if err != nil {
		w.Fatal(err)
	}
	return fmt.Sprintf("%s %d/%d", got.Status, got.AmountRecovered, got.Amount)
}

func (w *till) sound() {
	w.Helper()
	report, err := audit.Verify(w.Context(), w.pool, nil)
	if err != nil {
		w.Fatal(err)
	}
	for _, finding := range report.Findings {
		w.Error(finding)
	}
}

func (w *till) events(object string) (got []string) {
	w.Helper()
	err := w.pool.NewRaw(`SELECT object_version || ' ' || type FROM platform.events WHERE object_id = ? ORDER BY object_version`, object).Scan(w.Context(), &got)
	if err != nil {
		w.Fatal(err)
	}
	return got
}

// Two transfers of 500 and 300 are taken back after May has paid 700 of them out.
const recoveryTable = `
what happens           may     hub   first                         second
both transferred       800   99200   -                             -
may pays out           100   99200   -                             -
first taken back         0   99300   partially_recovered 100/500   -
second taken back        0   99300   partially_recovered 100/500   pending 0/300
may earns 250            0   99550   partially_recovered 350/500   pending 0/300
may earns 200            0   99750   recovered 500/500             partially_recovered 50/300
may earns 1000         750  100000   recovered 500/500             recovered 300/300
nothing more           750  100000   recovered 500/500             recovered 300/300`

func TestWhatIsTakenBackComesFirstInFirstOutToTheCent(t *testing.T) {
	w := openTill(t)
	var one, two string
	var first, second *connect.PendingReversal
	acts := map[string]func(){
		"both transferred":  func() { one, two = w.transfer(500), w.transfer(300) },
		"may pays out":      func() { w.spends(700) },
		"first taken back":  func() { first = w.waits(one, 500) },
		"second taken back": func() { second = w.waits(two, 300) },
		"may earns 250":     func() { w.earns(250) },
		"may earns 200":     func() { w.earns(200) },
		"may earns 1000":    func() { w.earns(1000) },
		"nothing more":      func() {},
	}
	for _, row := range strings.Split(recoveryTable, "\n")[2:] {
		cells := strings.Fields(row[22:])
		acts[strings.TrimSpace(row[:22])]()
		w.recover()
		w.clock.Advance(time.Minute)
		got := fmt.Sprint(w.funds("acct_may"), w.funds("acct_hub"))
		for _, p := range []*connect.PendingReversal{first, second} {
			if p == nil {
				got += " -"
				continue
			}
			got += " " + w.shown(p)
		}
		if diff := cmp.Diff(strings.Join(cells, " "), got); diff != "" {
			t.Errorf("%s:%s", row[:22], diff)
		}
	}
	w.sound()
	if diff := cmp.Diff([]string{"1 pending_reversal.created", "2 pending_reversal.updated", "3 pending_reversal.updated", "4 pending_reversal.recovered"}, w.events(first.ID)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 transfer.created", "2 transfer.reversed", "3 transfer.reversed", "4 transfer.reversed"}, w.events(one)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatToDoWithoutTheMoneyIsTheCallersChoice(t *testing.T) {
	for _, c := range []struct {
		when         string
		may          int64
		refused      bool
		made, waited bool
	}{
		{"", 100, true, false, false},
		{connect.Refuse, 100, true, false, false},
		{connect.Wait, 0, false, false, true},
		{connect.Overdraw, -400, false, true, false},
	} {
		t.Run(c.when, func(t *testing.T) {
			w := openTill(t)
			one := w.transfer(500)
			w.spends(400)
			reversal, pending, err := w.reverse(one, 500, c.when)
			f := fault.As(err)
			if (f != nil && f.Code == "balance_insufficient") != c.refused {
				t.Fatal(err)
			}
			if !c.refused && ((reversal != nil) != c.made || (pending != nil) != c.waited) {
				t.Errorf("made %v, waits %v", reversal, pending)
			}
			if got := w.funds("acct_may"); got != c.may {
				t.Errorf("May has %d, want %d", got, c.may)
			}
			w.sound()
		})
	}
	w := openTill(t)
	one := w.transfer(500)
	if _, _, err := w.reverse(one, 500, "whenever"); fault.As(err) == nil || fault.As(err).Param != "when_insufficient" {
		t.Error(err)
	}
	if reversal, pending, err := w.reverse(one, 500, connect.Wait); err != nil || reversal == nil || pending != nil {
		t.Errorf("money that is there is not waited for: %v %v %v", reversal, pending, err)
	}
}

func TestWhatIsSpokenForIsNotTakenBackTwice(t *testing.T) {
	w := openTill(t)
	one := w.transfer(500)
	w.spends(500)
	pending := w.waits(one, 400)
	w.earns(50)
	if _, _, err := w.reverse(one, 101, ""); fault.As(err) == nil || fault.As(err).Code != "amount_too_large" {
		t.Errorf("more than is left: %v", err)
	}
	if got := w.waits(one, 100); got.AmountRecovered != 0 || got.Status != connect.RecoveryPending {
		t.Errorf("a later one overtook: %+v", got)
	}
	if err := w.cancelPending(pending); err != nil {
		t.Fatal(err)
	}
	if w.recover() != 1 || w.shown(pending) != "canceled 0/400" {
		t.Errorf("after canceling: %s", w.shown(pending))
	}
	if err := w.cancelPending(pending); fault.As(err) == nil {
		t.Errorf("canceled twice: %v", err)
	}
	w.sound()
}

func (w *till) cancelPending(p *connect.PendingReversal) error {
	return w.in(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.moves.CancelPending(ctx, tx, hubScope, p.ID)
		return err
	})
}

func TestPayoutsAreToldWhatIsClaimed(t *testing.T) {
	w := openTill(t)
	one, two := w.transfer(500), w.transfer(300)
	w.spends(700)
	w.waits(one, 500)
	w.waits(two, 300)
	may, nobody := balance.Purse{Account: "acct_may", Currency: "hkd"}, balance.Purse{Account: "acct_may", Currency: "usd"}
	claimed, err := w.moves.Claimed(t.Context(), w.pool, []balance.Purse{may, nobody})
	if diff := cmp.Diff(map[balance.Purse]int64{may: 700}, claimed); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// Ten processes recover while money comes in and payouts try to take it.
func TestRecoveringAtOnceTakesTheMoneyOnce(t *testing.T) {
	w := openTill(t)
	var pending []*connect.PendingReversal
	for range 8 {
		transfer := w.transfer(100)
		w.spends(100)
		pending = append(pending, w.waits(transfer, 100))
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if i%2 == 0 {
				w.earns(55)
			}
			if _, err := w.moves.Recover(t.Context(), w.pool, false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.recover()
	if w.funds("acct_may") != 0 || w.funds("acct_hub") != 100_000-800+550 {
		t.Errorf("May has %d, the hub %d", w.funds("acct_may"), w.funds("acct_hub"))
	}
	var got []string
	for _, p := range pending {
		got = append(got, strings.Fields(w.shown(p))[1])
	}
	if diff := cmp.Diff([]string{"100/100", "100/100", "100/100", "100/100", "100/100", "50/100", "0/100", "0/100"}, got); diff != "" {
		t.Error(diff)
	}
	w.sound()
}
