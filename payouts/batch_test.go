package payouts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

func TestAPayoutGoesInASealedFileAndIsPaidByWhatTheBankAnswers(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	b := w.onlyBatch()
	if b.Status != payouts.BatchDelivered || b.Number != 1 || b.Count != 1 || b.Total != 7000 || b.File != w.dropped()[0] || b.Size != int64(len(w.file(b.File))) {
		t.Errorf("%+v", b)
	}
	w.expectStatus(p, payouts.InTransit)
	if got := w.again(p); got.Batch != b.ID || got.Cancelable() {
		t.Errorf("%+v", got)
	}
	w.expectUploads("accepted")
	w.work()
	w.expectStatus(p, payouts.Paid)
	w.expectBatch(payouts.BatchDone)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid")
	w.expectBooks(`
		bank                hub  hkd   7000
		processor_clearing  hub  hkd  -7000`)
	w.expectLines(p, `
		charge  7000
		payout -7000`)
	for range 3 {
		w.clock.Advance(24 * time.Hour)
		w.send()
		w.work()
	}
	if debits, _ := w.clerk.Debits(p.ID); debits != 1 || len(w.dropped()) != 1 || len(w.odd) != 0 {
		t.Errorf("the bank paid %d times from %v; unmatched %v", debits, w.dropped(), w.odd)
	}
}

// The money tables of what a bank can do to three payouts in one file.
func TestPayoutsOfOneFileEndEachByItself(t *testing.T) {
	w := openFiled(t)
	for account, number := range map[string]string{"acct_a": "000123456", "acct_b": "000111111113", "acct_c": "000555555558", "acct_d": "000222222227"} {
		w.tutor(account, number, 7000)
	}
	a, b, c, d := w.due("acct_a", 7000), w.due("acct_b", 7000), w.due("acct_c", 4000), w.due("acct_d", 7000)
	w.send()
	w.expectBooks(`
		available           c    hkd   3000
		in_transit          a    hkd   7000
		in_transit          b    hkd   7000
		in_transit          c    hkd   4000
		in_transit          d    hkd   7000
		processor_clearing  hub  hkd  -28000`)
	w.work()
	w.expectBooks(`
		available           b    hkd    7000
		available           c    hkd    3000
		available           d    hkd    7000
		bank                hub  hkd   11000
		processor_clearing  hub  hkd  -28000`)
	w.clock.Advance(72 * time.Hour)
	w.work()
	w.expectBooks(`
		available           b    hkd    7000
		available           c    hkd    7000
		available           d    hkd    7000
		bank                hub  hkd    7000
		processor_clearing  hub  hkd  -28000`)
	w.expectLines(b, `
		payout          -7000
		payout_failure   7000`)
	w.expectLines(c, `
		payout          -4000
		payout_failure   4000`)
	w.expectEvents(a, "1 payout.created", "2 payout.updated", "3 payout.paid")
	w.expectEvents(b, "1 payout.created", "2 payout.updated", "3 payout.failed")
	w.expectEvents(c, "1 payout.created", "2 payout.updated", "3 payout.paid", "4 payout.failed")
	for account, errored := range map[string]bool{"acct_a": false, "acct_b": true, "acct_c": true, "acct_d": false} {
		if got := w.people.accounts[account].Destinations[0].Errored; got != errored {
			t.Errorf("the bank account of %s is errored: %t", account, got)
		}
	}
	if got := w.again(d); got.FailureCode != "insufficient_funds" {
		t.Errorf("failed with %s", got.FailureCode)
	}
	w.expectBatch(payouts.BatchDone)
	w.expectItemised()
	w.expectZero()
}

func TestARefusedFileFailsEveryPayoutInItAndGivesAllMoneyBack(t *testing.T) {
	w := openFiled(t)
	w.clerk.Refuses = func(string) string { return "could_not_process" }
	w.tutor("acct_a", "000123456", 7000)
	w.tutor("acct_b", "000123456", 500)
	a, b := w.due("acct_a", 7000), w.due("acct_b", 500)
	w.send()
	w.work()
	w.expectStatus(a, payouts.Failed)
	w.expectStatus(b, payouts.Failed)
	w.expectBatch(payouts.BatchRefused)
	w.expectBooks(`
		available           a    hkd   7000
		available           b    hkd    500
		processor_clearing  hub  hkd  -7500`)
	if w.people.accounts["acct_a"].Destinations[0].Errored {
		t.Error("a bank account was blamed for the file")
	}
	w.clock.Advance(24 * time.Hour)
	w.send()
	if n := len(w.dropped()); n != 1 {
		t.Errorf("%d files: a refused one was brought again", n)
	}
}

func TestASealedFileIsTheSameEachTimeItIsWritten(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	w.due(may, 7000)
	w.send()
	b := w.onlyBatch()
	// Neither the payee's new bank account nor another debtor changes what was sealed.
	w.people.numbers["ba_acct_mayhkd"] = "999999999999"
	w.way.Agreement.Debtor.Number = secret.New("000000000000")
	w.clock.Advance(time.Hour)
	w.restart()
	read := func() (string, error) {
		var text strings.Builder
		err := w.service.WriteFile(t.Context(), &text, b)
		return text.String(), err
	}
	text, err := read()
	if err != nil || text != w.file(b.File) || !strings.Contains(text, "024388001234") || !strings.Contains(text, "000123456") {
		t.Errorf("%v, and the file is\n%s", err, text)
	}
	w.way.Format = railtest.Paper{Traced: true}
	w.restart()
	if _, err := read(); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("a file of another format was written: %v", err)
	}
}

func TestAFileThatDiffersFromTheSealedOneIsNotDelivered(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.crash = payouts.Sealed
	w.send()
	w.way.Format = railtest.Paper{Traced: true} // an update of the software
	w.restart()
	if _, err := w.service.Send(t.Context(), false, w.clock.Now()); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("the sender says %v", err)
	}
	w.expectUploads("failed")
	w.expectBatch(payouts.BatchSealed)
	if len(w.dropped()) != 0 {
		t.Errorf("there is %v", w.dropped())
	}
	w.way.Format = railtest.Paper{}
	w.restart()
	w.clock.Advance(time.Hour)
	w.send()
	w.expectUploads("failed", "accepted")
	w.expectStatus(p, payouts.InTransit)
}

func TestTheDatabaseKeepsSealedBatchesAsTheyAre(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	b := w.onlyBatch()
	for _, statement := range []string{
		"UPDATE payouts.batches SET total = total + 1",
		"UPDATE payouts.batches SET sha256 = decode(repeat('00', 32), 'hex')",
		"UPDATE payouts.batches SET status = 'open'",
		"DELETE FROM payouts.batches",
		"UPDATE payouts.batch_items SET amount = amount + 1",
		"DELETE FROM payouts.batch_items",
		"INSERT INTO payouts.batch_items (batch, n, payout, amount, creditor, statement) SELECT batch, n + 1, payout || 'x', amount, creditor, statement FROM payouts.batch_items",
		"INSERT INTO payouts.batches SELECT * FROM payouts.batches",
	} {
		if _, err := w.pool.Exec(statement); err == nil {
			t.Errorf("%s: it did", statement)
		}
	}
	// A payout that is in a batch is in no other one.
	_, err := w.pool.NewRaw(`INSERT INTO payouts.batches (id, platform, livemode, rail, currency, debit, instant, execute_on, status, created_at)
		VALUES ('bat_2', ?, false, 'paper', 'hkd', false, false, now(), 'open', now())`, hub).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.pool.NewRaw("INSERT INTO payouts.batch_items (batch, n, payout, amount, creditor, statement) VALUES ('bat_2', 0, ?, 7000, '', '')", p.ID).Exec(t.Context())
	if err == nil || !strings.Contains(err.Error(), "batch_items_payout_key") {
		t.Errorf("a payout is in two batches: %v", err)
	}
	var number string
	if err := w.pool.NewRaw("SELECT encode(creditor, 'escape') || (SELECT debtor FROM payouts.batches WHERE id = ?) FROM payouts.batch_items WHERE batch = ?", b.ID, b.ID).Scan(t.Context(), &number); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(number, "000123456") || strings.Contains(number, "024388001234") || strings.Contains(number, "May Wong") {
		t.Error("bank details stand in the database in plain")
	}
}

func TestWhatTheFileCannotCarryFailsBeforeSealing(t *testing.T) {
	w := openFiled(t)
	w.way.Format = homeless{}
	w.restart()
	w.earn(may, 7000, "hkd", 0)
	w.tutor("acct_b", "000123456", 500)
	bad, good := w.due(may, 7000), w.due("acct_b", 500)
	w.send()
	got := w.again(bad)
	if got.Status != payouts.Failed || got.FailureCode != "incorrect_account_holder_address" || got.FailureMessage != "The address lacks the town." || got.Sealed() {
		t.Errorf("%+v", got)
	}
	w.expectStatus(good, payouts.InTransit)
	if b := w.onlyBatch(); b.Count != 1 || b.Total != 500 {
		t.Errorf("%+v", b)
	}
	if !w.people.accounts[may].Destinations[0].Errored || w.people.accounts["acct_b"].Destinations[0].Errored {
		t.Error("the wrong bank accounts are stopped")
	}
	w.expectEvents(bad, "1 payout.created", "2 payout.failed")
	w.expectLines(bad, `
		payout          -7000
		payout_failure   7000`)
}

// homeless is paper that does not carry what is more than 1000.
type homeless struct{ railtest.Paper }

func (homeless) Check(i rail.Instruction) error {
	if i.Amount.Minor > 1000 {
		return &rail.Misfit{Code: "incorrect_account_holder_address", Reason: "The address lacks the town."}
	}
	return nil
}

func TestADestinationThatIsGoneFailsBeforeSealing(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	delete(w.people.numbers, "ba_acct_mayhkd")
	w.send()
	if got := w.again(p); got.Status != payouts.Failed || got.FailureCode != "no_account" || len(w.batches()) != 0 {
		t.Errorf("%+v, %d batches", got, len(w.batches()))
	}
}

func TestAPayoutCanceledWhileItsFileGathersIsNotInIt(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	first, second, third := w.due(may, 2000), w.due(may, 3000), w.due(may, 4000)
	w.on[payouts.Gathered] = func() {
		if err := w.cancel(second); err != nil {
			t.Error(err)
		}
	}
	w.send()
	b := w.onlyBatch()
	if b.Count != 2 || b.Total != 6000 {
		t.Errorf("%+v", b)
	}
	if text := w.file(b.File); strings.Contains(text, second.ID) || !strings.Contains(text, first.ID) || !strings.Contains(text, third.ID) {
		t.Error(text)
	}
	w.expectStatus(second, payouts.Canceled)
	w.work()
	w.expectBatch(payouts.BatchDone)
}

func TestWhatACrashLeavesOpenIsDroppedAndNumbersHaveNoGaps(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	p := w.due(may, 2000)
	w.crash = payouts.Gathered
	w.send()
	if w.again(p).Sealed() || len(w.batches()) != 0 {
		t.Fatal("an open batch is shown, or its payout handed over")
	}
	w.restart()
	w.send()
	w.due(may, 3000)
	w.send()
	all := w.batches()
	if len(all) != 2 || all[0].Number != 1 || all[1].Number != 2 {
		t.Errorf("%+v", all)
	}
	var open int
	if err := w.pool.NewRaw("SELECT count(*) FROM payouts.batches WHERE status = 'open'").Scan(t.Context(), &open); err != nil || open != 0 {
		t.Errorf("%d open batches are left, %v", open, err)
	}
}

// A sender whose session broke has lost its lock and does not know it.
func TestASenderThatHasLostItsLockSealsNothingTwice(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	p := w.due(may, 2000)
	w.on[payouts.Gathered] = func() {
		other := payouts.New(w.pool, payouts.Config{
			Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Keyring: w.ring, Rails: rail.Modes{Test: rail.Set{w.way}},
		})
		if _, err := w.pool.NewRaw("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Exec(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := other.Send(t.Context(), false, w.clock.Now()); err != nil {
			t.Error(err)
		}
	}
	w.send()
	if b := w.onlyBatch(); b.Number != 1 || b.Count != 1 || len(w.dropped()) != 1 {
		t.Errorf("%+v, %v", b, w.dropped())
	}
	w.work()
	w.expectStatus(p, payouts.Paid)
	if debits, _ := w.clerk.Debits(p.ID); debits != 1 {
		t.Errorf("the bank paid %d times", debits)
	}
}

func TestAFileHoldsOneKindOfPayoutsOfOnePlatform(t *testing.T) {
	w := openFiled(t)
	w.tutor("acct_a", "000123456", 7000)
	w.pays("acct_b", payouts.Manual, "usd", "000123456")
	w.earn("acct_b", 7000, "usd", 0)
	w.due("acct_a", 1000)
	usd, err := w.create("acct_b", payouts.CreateParams{Amount: 2000, Currency: "usd"})
	if err != nil {
		t.Fatal(err)
	}
	later := w.due("acct_a", 3000)
	for statement, id := range map[string]string{
		"UPDATE payouts.payouts SET send_after = created_at WHERE id = ?":                         usd.ID,
		"UPDATE payouts.payouts SET arrival_date = arrival_date + interval '2 days' WHERE id = ?": later.ID,
	} {
		if _, err := w.pool.NewRaw(statement, id).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other := w.due("acct_a", 500)
	if _, err := w.pool.NewRaw("UPDATE payouts.payouts SET platform = 'acct_other' WHERE id = ?", other.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.send()
	var got []string
	for _, b := range w.batches() {
		got = append(got, fmt.Sprintf("%s %d %s", b.Currency, b.Total, b.ExecuteOn.UTC().Format(time.DateOnly)))
	}
	if want := "[hkd 1000 2026-11-22 hkd 3000 2026-11-24 usd 2000 2026-11-22]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if len(w.dropped()) != 4 {
		t.Errorf("%v: the other platform has a file of its own", w.dropped())
	}
}

func TestFilesAreSealedWhenTheyAreFullOldOrWouldMissTheCutOff(t *testing.T) {
	hongkong := func(w *filedWorld) {
		w.way.Way.CutOff, w.way.Way.Zone = 21*time.Hour, "Asia/Hong_Kong" // 13:00 UTC; it is 12:00
		w.way.Agreement.Gather, w.way.Agreement.Most = 30*time.Minute, 3
	}
	for name, c := range map[string]struct {
		count int
		after time.Duration
		want  string
	}{
		"one payout waits":              {1, 0, "[]"},
		"until its time is over":        {1, 30 * time.Minute, "[1 on 2026-11-22]"},
		"three fill a file":             {3, 0, "[3 on 2026-11-22]"},
		"the fourth goes with the next": {4, 0, "[3 on 2026-11-22 1 on 2026-11-22]"},
		"nobody misses the cut-off":     {1, 31 * time.Minute, "[1 on 2026-11-22]"},
		"at the cut-off it is tomorrow": {1, time.Hour, "[1 on 2026-11-23]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := openFiled(t, hongkong)
			w.earn(may, 7000, "hkd", 0)
			for range c.count {
				w.due(may, 1000)
			}
			w.clock.Advance(c.after)
			w.send()
			got := []string{}
			for _, b := range w.batches() {
				got = append(got, fmt.Sprintf("%d on %s", b.Count, b.ExecuteOn.UTC().Format(time.DateOnly)))
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

func TestAPayoutMadeJustBeforeTheCutOffDoesNotWaitForOthers(t *testing.T) {
	w := openFiled(t, func(w *filedWorld) {
		w.way.Way.CutOff, w.way.Agreement.Gather = 13*time.Hour, 30*time.Minute
	})
	w.earn(may, 7000, "hkd", 0)
	w.clock.Advance(45 * time.Minute)
	w.due(may, 1000)
	w.send()
	if b := w.onlyBatch(); b.ExecuteOn.UTC().Format(time.DateOnly) != "2026-11-22" {
		t.Errorf("%+v", b)
	}
}

// SLUICE_BATCH_PAYOUTS=100000 is the largest file we promise.
func TestALargeBatchIsReadPageByPage(t *testing.T) {
	w := openFiled(t, func(w *filedWorld) { w.way.Agreement.Most = 1_000_000 })
	many := int64(1203) // three pages
	if n, err := strconv.ParseInt(os.Getenv("SLUICE_BATCH_PAYOUTS"), 10, 64); err == nil {
		many = n
	}
	_, err := w.pool.NewRaw(`
		INSERT INTO payouts.payouts (id, platform, account, livemode, amount, currency, status, automatic, destination, arrival_date, balance_transaction, send_after, created_at, version, rail)
		SELECT 'po_' || lpad(n::text, 8, '0'), ?, ?, false, n, 'hkd', 'pending', true, 'ba_acct_mayhkd', ?, 'txn_' || n, ?, ?, 0, 'paper'
		FROM generate_series(1, ?) n`, hub, may, noon.Truncate(24*time.Hour), noon, noon, many).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took := func(what string, since time.Time) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%s %d payouts: %s, %d MB from the system", what, many, time.Since(since).Round(time.Millisecond), m.Sys>>20)
	}
	w.crash = payouts.Sealed
	start := time.Now()
	w.on[payouts.Gathered] = func() { took("gather", start); start = time.Now() }
	w.send()
	took("seal", start)
	b := w.onlyBatch()
	if b.Count != many || b.Total != many*(many+1)/2 {
		t.Errorf("%+v", b)
	}
	lines := countLines{}
	start = time.Now()
	if err := w.service.WriteFile(t.Context(), &lines, b); err != nil {
		t.Fatal(err)
	}
	took("write again", start)
	if int64(lines.n) != many+1 {
		t.Errorf("%d lines", lines.n)
	}
	start = time.Now()
	w.send()
	took("deliver and tell", start)
	w.expectBatch(payouts.BatchDelivered)
	start = time.Now()
	w.mustApply(rail.Report{Batch: b.ID, State: rail.Paid, Amount: hkd(b.Total)})
	took("apply that all are paid", start)
	w.expectBatch(payouts.BatchDone)
}

type countLines struct{ n int }

func (c *countLines) Write(b []byte) (int, error) {
	c.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

func TestAnUnknownDeliveryIsLookedUpAndNeverRepeatedBlindly(t *testing.T) {
	for fault, uploads := range map[string][]string{
		"silent":  {"accepted lookup"},
		"lost":    {"absent lookup", "accepted"},
		"refused": {"failed", "accepted"},
	} {
		t.Run(fault, func(t *testing.T) {
			w := openFiled(t)
			w.earn(may, 7000, "hkd", 0)
			p := w.due(may, 7000)
			w.courier.fault, w.courier.blind = fault, true
			_, _ = w.service.Send(t.Context(), false, w.clock.Now())
			w.expectStatus(p, payouts.Pending)
			if fault != "refused" {
				w.expectBatch(payouts.BatchUnknown)
				if backlog, err := w.service.Backlog(t.Context()); err != nil || backlog != (payouts.Backlog{Unknown: 1}) {
					t.Errorf("%+v, %v", backlog, err)
				}
				for range 3 {
					w.clock.Advance(time.Hour)
					w.send()
				}
				w.expectBatch(payouts.BatchUnknown)
				w.expectUploads("unknown")
				if told := w.courier.told[w.onlyBatch().File]; told != 1 {
					t.Errorf("the file was brought %d times", told)
				}
			}
			w.courier.blind = false
			w.clock.Advance(time.Hour)
			w.send()
			w.expectUploads(uploads...)
			w.work()
			w.expectStatus(p, payouts.Paid)
			if debits, _ := w.clerk.Debits(p.ID); debits != 1 {
				t.Errorf("the bank paid %d times", debits)
			}
		})
	}
}

func TestTwoDifferentPeopleDecideWhatNobodyKnows(t *testing.T) {
	for outcome, c := range map[string]struct {
		fault   string
		uploads []string
	}{
		"delivered":     {"silent", []string{"accepted people"}},
		"not_delivered": {"lost", []string{"absent people", "accepted"}},
	} {
		t.Run(outcome, func(t *testing.T) {
			w := openFiled(t)
			w.earn(may, 7000, "hkd", 0)
			p := w.due(may, 7000)
			if err := w.resolveAny("key_1", outcome); fault.As(err) == nil {
				t.Errorf("there is nothing to decide yet: %v", err)
			}
			w.courier.fault, w.courier.blind = c.fault, true
			w.send()
			for _, vote := range []struct{ actor, outcome string }{
				{"key_1", outcome}, {"key_1", outcome}, {"key_2", map[string]string{"delivered": "not_delivered", "not_delivered": "delivered"}[outcome]},
			} {
				if err := w.resolve(vote.actor, vote.outcome); err != nil {
					t.Fatal(err)
				}
				w.expectBatch(payouts.BatchUnknown)
			}
			if err := w.resolve("key_2", "perhaps"); fault.As(err) == nil {
				t.Errorf("an outcome was made up: %v", err)
			}
			if err := w.resolve("key_2", outcome); err != nil {
				t.Fatal(err)
			}
			w.send()
			w.expectUploads(c.uploads...)
			w.expectStatus(p, payouts.InTransit)
			if err := w.resolve("key_3", outcome); fault.As(err) == nil {
				t.Errorf("a decision was made twice: %v", err)
			}
			w.work()
			w.expectStatus(p, payouts.Paid)
		})
	}
}

// resolveAny votes on a batch that may not be there.
func (w *filedWorld) resolveAny(actor, outcome string) error {
	_, err := act(w.world, func(ctx context.Context, tx bun.Tx) (*payouts.Batch, error) {
		return w.service.Resolve(ctx, tx, scopeOf(hub), "bat_none", actor, payouts.ResolveParams{Outcome: outcome})
	})
	return err
}

func TestAFileOfTheBankResolvesAnUnknownDelivery(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.courier.fault, w.courier.blind = "silent", true
	w.send()
	w.expectBatch(payouts.BatchUnknown)
	w.work()
	w.expectUploads("accepted report")
	w.expectStatus(p, payouts.Paid)
	w.clock.Advance(time.Hour)
	w.send()
	w.expectBatch(payouts.BatchDone)
}

func TestAFileTheBankHasHadBeforeFailsNobody(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.courier.fault = "twice"
	w.send()
	w.work()
	w.work()
	w.expectStatus(p, payouts.Paid)
	w.expectBatch(payouts.BatchDone)
	if debits, _ := w.clerk.Debits(p.ID); debits != 1 || len(w.dropped()) != 2 {
		t.Errorf("the bank paid %d times from %v", debits, w.dropped())
	}
}

func TestAnswersAreOfferedAgainUntilTheyAreKept(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	if err := w.clerk.Work(w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	broken := payouts.New(w.pool, payouts.Config{
		Book: w.book, Accounts: w.people, Rails: rail.Modes{Test: rail.Set{w.way}},
		Reader: func(context.Context, bool, string, string, io.Reader) error { return errors.New("the disk is full") },
	})
	if n, err := broken.Collect(t.Context(), false); n != 0 || err == nil {
		t.Errorf("%d kept, %v", n, err)
	}
	w.crash = payouts.Kept // applied, and the bank still offers it
	w.collect()
	w.expectStatus(p, payouts.Paid)
	w.restart()
	w.collect()
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.paid")
	if n, err := w.service.Collect(t.Context(), false); n != 0 || err != nil {
		t.Errorf("%d offered after all were taken, %v", n, err)
	}
}

func TestOnePlatformSeesNothingOfAnothersFiles(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	w.due(may, 7000)
	w.send()
	b := w.onlyBatch()
	for name, scope := range map[string]tenant.Scope{
		"another platform": {Platform: "acct_other", Account: "acct_other"}, "live mode": {Platform: hub, Account: hub, Livemode: true},
	} {
		found, err := w.service.Batches(t.Context(), scope, payouts.BatchListParams{})
		if err != nil || len(found.Items) != 0 {
			t.Errorf("%s lists %d, %v", name, len(found.Items), err)
		}
		if _, _, err := w.service.Batch(t.Context(), w.pool, scope, b.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s gets %v", name, err)
		}
		if _, err := w.service.BatchPayouts(t.Context(), scope, b.ID, page.Params{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s lists payouts: %v", name, err)
		}
		if _, err := w.service.Download(t.Context(), scope, b.ID, "key_1", "req_1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s downloads: %v", name, err)
		}
	}
}

// unreachable is a bank that cannot be reached; it counts who tries.
type unreachable struct {
	rail.Delivery
	tried int
}

func (u *unreachable) Deliver(context.Context, string, func(io.Writer) error) rail.Receipt {
	u.tried++
	return rail.Receipt{State: rail.Failed, Err: errors.New("no route to host")}
}

func TestABankThatCannotBeReachedIsTriedOnceAMinuteForAllItsFiles(t *testing.T) {
	w := openFiled(t)
	down := &unreachable{Delivery: w.courier}
	w.way.Delivery, w.way.Agreement.Most = down, 1
	w.restart()
	w.earn(may, 7000, "hkd", 0)
	first, second := w.due(may, 3000), w.due(may, 4000)
	for round, want := range []int{1, 1, 2} {
		if round == 2 {
			w.clock.Advance(time.Minute)
		}
		_, err := w.service.Send(t.Context(), false, w.clock.Now())
		if down.tried != want || (err != nil) != (round != 1) {
			t.Errorf("in round %d the bank was tried %d times, want %d: %v", round, down.tried, want, err)
		}
	}
	w.way.Delivery = w.courier
	w.restart()
	w.clock.Advance(time.Minute)
	w.send()
	w.expectStatus(first, payouts.InTransit)
	w.expectStatus(second, payouts.InTransit)
}

func TestWhatIsHeldOrNotApprovedIsNotSealed(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	held, waiting, refused, approved := w.due(may, 1000), w.due(may, 2000), w.due(may, 3000), w.due(may, 500)
	for id, set := range map[string]string{
		held.ID: "held = true", waiting.ID: "approval = 'required'", refused.ID: "approval = 'refused'", approved.ID: "approval = 'approved'",
	} {
		if _, err := w.pool.NewRaw("UPDATE payouts.payouts SET "+set+" WHERE id = ?", id).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.send()
	if b := w.onlyBatch(); b.Count != 1 || b.Total != 500 {
		t.Errorf("%+v", b)
	}
	if _, err := w.pool.NewRaw("UPDATE payouts.payouts SET held = false WHERE id = ?", held.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.send()
	w.expectStatus(held, payouts.InTransit)
	w.expectStatus(waiting, payouts.Pending)
}

func TestAPayoutHeldWhileItsFileGathersIsNotInIt(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 9000, "hkd", 0)
	held := w.due(may, 1000)
	w.on[payouts.Gathered] = func() {
		if _, err := w.pool.NewRaw("UPDATE payouts.payouts SET held = true WHERE id = ?", held.ID).Exec(t.Context()); err != nil {
			t.Error(err)
		}
	}
	w.send()
	if len(w.batches()) != 0 || w.again(held).Sealed() {
		t.Error("it was sealed")
	}
	var numbers int
	if err := w.pool.NewRaw("SELECT count(*) FROM payouts.batch_numbers").Scan(t.Context(), &numbers); err != nil || numbers != 0 {
		t.Errorf("a number was taken for nothing: %d, %v", numbers, err)
	}
}

func TestABatchWhoseRailIsGoneWaitsForIt(t *testing.T) {
	w := openFiled(t)
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.crash = payouts.Sealed
	w.send()
	renamed := w.way
	renamed.Way.Name = "other"
	gone := payouts.New(w.pool, payouts.Config{Book: w.book, Accounts: w.people, Keyring: w.ring, Rails: rail.Modes{Test: rail.Set{renamed}}})
	if _, err := gone.Send(t.Context(), false, w.clock.Now()); err == nil || !strings.Contains(err.Error(), `"paper"`) {
		t.Errorf("the sender says %v", err)
	}
	if _, err := gone.Send(t.Context(), false, w.clock.Now()); err != nil {
		t.Errorf("a second later it says it again: %v", err)
	}
	w.restart()
	w.clock.Advance(time.Minute)
	w.send()
	w.expectStatus(p, payouts.InTransit)
}

// Ten processes send, the bank answers, and owners cancel, all at once.
func TestTenSendersSealEachPayoutOnce(t *testing.T) {
	w := openFiled(t, func(w *filedWorld) { w.way.Agreement.Most = 7 })
	w.earn(may, 100_000, "hkd", 0)
	w.tutor("acct_b", "000111111113", 100_000)
	var all []*payouts.Payout
	for i := range 40 {
		all = append(all, w.due([]string{may, "acct_b"}[i%2], int64(100+i)))
	}
	var busy sync.WaitGroup
	for i := range 10 {
		service := payouts.New(w.pool, payouts.Config{
			Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Keyring: w.ring, Reader: w.read,
			Rails: rail.Modes{Test: rail.Set{w.way}},
		})
		busy.Go(func() {
			for range 3 {
				if _, err := service.Send(t.Context(), false, w.clock.Now()); err != nil {
					t.Error(err)
				}
				if err := w.clerk.Work(w.clock.Now()); err != nil {
					t.Error(err)
				}
				if _, err := w.service.Apply(t.Context(), false, "paper", []rail.Report{{Reference: all[i].ID, State: rail.Accepted}}, w.clock.Now()); err != nil {
					t.Error(err)
				}
			}
		})
		busy.Go(func() { _ = w.cancel(all[39-i]) })
	}
	busy.Wait()
	w.send()
	w.work()
	orders, states := w.clerk.Orders(), map[payouts.Status]int{}
	for i := 1; i < len(orders); i++ {
		if orders[i] == orders[i-1] {
			t.Errorf("%s was told twice", orders[i])
		}
	}
	for _, p := range all {
		states[w.again(p).Status]++
	}
	if states[payouts.Pending]+states[payouts.InTransit] > 0 || len(orders)+states[payouts.Canceled] != len(all) {
		t.Errorf("%v, and the bank has %d", states, len(orders))
	}
	for i, b := range w.batches() {
		if b.Number != int64(i+1) || b.Status != payouts.BatchDone {
			t.Errorf("batch %d is number %d and %s", i+1, b.Number, b.Status)
		}
	}
	w.expectItemised()
	w.expectZero()
}
