package payouts_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/report"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
)

// charges is a direct charge of which the processor keeps a fee.
func (w *world) charges(account string, amount, fee int64, currency money.Currency) {
	w.Helper()
	w.count++
	c := journal.Charge{ID: fmt.Sprintf("ch_%d", w.count), Owner: account, Platform: hub, Amount: money.New(amount, currency), ProcessingFee: fee, At: w.clock.Now()}
	if account != hub {
		c.Direct = &journal.Direct{}
	}
	w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := w.book.Post(ctx, tx, journal.ChargeSucceeded(c, func() string { return id.New("txn") }))
		if err == nil {
			err = results[0].Err
		}
		return err
	})
}

func (w *world) refunds(account string, amount int64, currency money.Currency) {
	w.Helper()
	w.count++
	r := journal.Refund{ID: fmt.Sprintf("re_%d", w.count), Owner: account, Platform: hub, Amount: money.New(amount, currency), At: w.clock.Now()}
	w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := w.book.Post(ctx, tx, journal.Refunded(r, func() string { return id.New("txn") }))
		if err == nil {
			err = results[0].Err
		}
		return err
	})
}

// direct is a world whose bank pays at once and takes money as well.
func direct(t *testing.T) *world {
	w := open(t)
	w.service = payouts.New(w.pool, payouts.Config{
		Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people,
		Rails:      rail.Modes{Test: rail.Set{banksim.New(w.pool)}},
		PlatformOf: func(context.Context, string, bool) (string, error) { return hub, nil },
	})
	w.intake = payouts.NewIntake(w.service)
	for _, p := range w.people.accounts {
		p.Destinations[0].Country = "HK"
	}
	return w
}

// explained is the equation of a payout, one line "term amount lines" each.
func (w *world) explained(p *payouts.Payout) (terms []string) {
	w.Helper()
	e, err := w.service.Explain(w.Context(), w.pool, p.Scope(), p.ID)
	if err != nil {
		w.Fatal(err)
	}
	for _, t := range e.Terms {
		terms = append(terms, fmt.Sprintf("%s %d %d", t.Name, t.Amount, t.Lines))
	}
	return terms
}

func TestTheTermsOfAPayoutAreItsMoneyByMeaning(t *testing.T) {
	manual := func(w *world, amount int64) *payouts.Payout {
		w.clock.Advance(time.Hour)
		return w.mustCreate(may, amount)
	}
	for name, c := range map[string]struct {
		happens func(w *world) *payouts.Payout
		want    string
	}{
		"a charge with a fee": {func(w *world) *payouts.Payout {
			w.charges(may, 60_000, 2_340, "hkd")
			return manual(w, 57_660)
		}, `
			gross  60000  1
			fees   -2340  1`},
		"a refund": {func(w *world) *payouts.Payout {
			w.charges(may, 60_000, 0, "hkd")
			w.refunds(may, 10_000, "hkd")
			return manual(w, 50_000)
		}, `
			gross    60000  1
			refunds -10000  1`},
		"a part is left": {func(w *world) *payouts.Payout {
			w.charges(may, 60_000, 0, "hkd")
			return manual(w, 40_000)
		}, `
			gross           60000  1
			left_for_later -20000  1`},
		"the part that was left comes with the next": {func(w *world) *payouts.Payout {
			w.charges(may, 60_000, 0, "hkd")
			manual(w, 40_000)
			w.clock.Advance(time.Hour)
			w.charges(may, 1_000, 100, "hkd")
			return manual(w, 20_900)
		}, `
			gross            1000  1
			fees             -100  1
			carried_forward 20000  1`},
		"a debt is carried": {func(w *world) *payouts.Payout {
			w.charges(may, 5_000, 0, "hkd")
			manual(w, 5_000)
			w.refunds(may, 3_000, "hkd")
			w.clock.Advance(time.Hour)
			w.charges(may, 10_000, 0, "hkd")
			return manual(w, 7_000)
		}, `
			gross            10000  1
			carried_forward  -3000  1`},
		"a debit": {func(w *world) *payouts.Payout {
			w.people.accounts[may].DebitNegative = true
			w.refunds(may, 9_000, "hkd")
			w.clock.Advance(24 * time.Hour)
			w.job(w.service.RunDebits)
			return w.only(may)
		}, `
			refunds -9000  1`},
		"a canceled one": {func(w *world) *payouts.Payout {
			w.charges(may, 5_000, 0, "hkd")
			p := manual(w, 5_000)
			if err := w.cancel(p); err != nil {
				w.Fatal(err)
			}
			return w.again(p)
		}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			w := direct(t)
			p := c.happens(w)
			if diff := cmp.Diff(table(c.want), w.explained(p)); diff != "" {
				t.Errorf("the terms differ (-want +got):\n%s", diff)
			}
			w.expectItemised()
		})
	}
}

func TestAReversalIsExplainedByTheMoneyThatWaits(t *testing.T) {
	w := openFiled(t, withDebits)
	back, err := w.reverse(w.paidOut(may, 7000))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"left_for_later -7000 1"}, w.explained(back)); diff != "" {
		t.Errorf("the terms differ (-want +got):\n%s", diff)
	}
}

// theirs says that every account is connected.
type theirs struct{}

func (theirs) ConnectedTo(context.Context, string, string, bool) (bool, error) { return true, nil }

// net sums up the net of a report's rows by payout, in minor units.
func (w *world) net(reports *report.Service, r *report.Run, into map[string]int64, currencies map[string]money.Currency) {
	w.Helper()
	made, err := reports.Get(w.Context(), w.pool, r.Scope(), r.ID)
	if err != nil {
		w.Fatal(err)
	}
	var file bytes.Buffer
	if err := reports.Send(w.Context(), made, &file); err != nil {
		w.Fatal(err)
	}
	if made.Status != report.Succeeded || int64(file.Len()) != made.Size {
		w.Fatalf("%s is %s, with %d of %d bytes", made.ID, made.Status, file.Len(), made.Size)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		w.Fatal(err)
	}
	for _, row := range rows[1:] {
		minor, err := strconv.ParseInt(strings.ReplaceAll(row[1], ".", ""), 10, 64)
		if err != nil || money.New(minor, currencies[row[0]]).Decimal() != row[1] {
			w.Fatalf("%s is no amount of %s: %v", row[1], currencies[row[0]], err)
		}
		into[row[0]] += minor
	}
}

// Whatever a payout is, all four ways to itemise it sum to its amount.
// SLUICE_PAYOUTS says how many payouts are made, SLUICE_SIM_SEED repeats a run.
func TestEveryItemisationSumsToThePayout(t *testing.T) {
	seed, want := uint64(time.Now().UnixNano()), 200
	if again, err := strconv.ParseUint(os.Getenv("SLUICE_SIM_SEED"), 10, 64); err == nil {
		seed = again
	}
	if n, err := strconv.Atoi(os.Getenv("SLUICE_PAYOUTS")); err == nil {
		want = n
	}
	t.Logf("SLUICE_SIM_SEED=%d SLUICE_PAYOUTS=%d", seed, want)
	chance := rand.New(rand.NewPCG(seed, 1))
	w := direct(t)
	type purse struct {
		account  string
		currency money.Currency
	}
	var purses []purse
	for i, number := range []string{"000123456", "000123456", "000111111113", "000222222227"} {
		for _, currency := range []money.Currency{"hkd", "jpy", "kwd"} {
			account := fmt.Sprintf("acct_%s%d", currency, i)
			w.pays(account, []payouts.Interval{payouts.Daily, payouts.Manual}[i%2], currency, number)
			p := w.people.accounts[account]
			p.Destinations[0].Country, p.DebitNegative = "HK", true
			p.Retain = map[money.Currency]int64{currency: chance.Int64N(500)}
			purses = append(purses, purse{account, currency})
		}
	}
	everything := payouts.Walk{Platform: hub}
	made := func() (all []*payouts.Payout) {
		w.Helper()
		err := everything.Each(t.Context(), w.pool, func(found []*payouts.Payout) error {
			all = append(all, found...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	var all []*payouts.Payout
	for len(all) < want {
		for range 30 {
			p := purses[chance.IntN(len(purses))]
			switch chance.IntN(9) {
			case 0, 1, 2:
				amount := 1000 + chance.Int64N(90_000)
				w.charges(p.account, amount, chance.Int64N(amount/10), p.currency)
				w.handle(w.available(p.account, p.currency))
			case 3:
				w.refunds(p.account, 1+chance.Int64N(40_000), p.currency)
			case 4, 5, 6:
				method := []string{"", payouts.Standard, payouts.Instant}[chance.IntN(3)]
				// A refusal, as of more than there is, changes nothing.
				_, _ = w.create(p.account, payouts.CreateParams{Amount: 1000 + chance.Int64N(30_000), Currency: string(p.currency), Method: method})
			case 7:
				if mine := w.all(p.account); len(mine) > 0 {
					_ = w.cancel(mine[len(mine)-1]) // may be too late
				}
			case 8:
				w.clock.Advance(time.Duration(1+chance.IntN(20)) * time.Hour)
				w.people.accounts[p.account].Destinations[0].Errored = false
				w.jobs()
				w.job(w.service.RunDebits)
				w.mature()
			}
		}
		all = made()
	}
	w.job(w.service.Send)
	all = made()

	reports := report.New(w.pool, theirs{})
	currencies, kinds := map[string]money.Currency{}, map[string]int{}
	var runs []*report.Run
	ask := func(p *payouts.Payout) {
		params := report.Params{Type: "connected_account_payout_reconciliation.itemized.5"}
		params.Parameters.Columns = []string{"payout_id", "net"}
		if p == nil {
			start, end := int64(0), w.clock.Now().AddDate(1, 0, 0).Unix()
			params.Parameters.IntervalStart, params.Parameters.IntervalEnd = &start, &end
		} else {
			params.Type, params.Parameters.Payout = "connected_account_payout_reconciliation.by_id.itemized.4", p.ID
		}
		if err := db.InTx(t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
			run, err := reports.Create(ctx, tx, scopeOf(hub), params, noon)
			runs = append(runs, run)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	ask(nil)
	for _, p := range all {
		currencies[p.ID] = p.Currency
		ask(p)
	}
	if err := reports.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	itemised, byID := map[string]int64{}, map[string]int64{}
	w.net(reports, runs[0], itemised, currencies)
	for _, run := range runs[1:] {
		w.net(reports, run, byID, currencies)
	}
	for _, p := range all {
		wanted := p.Amount
		switch {
		case p.Status == payouts.Failed || p.Status == payouts.Canceled:
			wanted = 0
			kinds[string(p.Status)]++
		case p.Amount < 0:
			kinds["debit"]++
		case p.Automatic:
			kinds["automatic"]++
		default:
			kinds[p.Method]++
		}
		kinds[string(p.Currency)]++
		var terms int64
		e, err := w.service.Explain(t.Context(), w.pool, p.Scope(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range e.Terms {
			terms += term.Amount
		}
		if lines := w.linesOf(p); lines != wanted || terms != wanted || itemised[p.ID] != wanted || byID[p.ID] != wanted {
			t.Errorf("%s %s of %d: lines %d, terms %d, itemised %d, by id %d", p.ID, p.Status, p.Amount, lines, terms, itemised[p.ID], byID[p.ID])
		}
	}
	t.Log(len(all), "payouts:", kinds)
	for _, kind := range []string{"automatic", payouts.Standard, payouts.Instant, "debit", "failed", "canceled", "hkd", "jpy", "kwd"} {
		if kinds[kind] == 0 {
			t.Errorf("no payout was %s", kind)
		}
	}
}

// linesOf sums up the statement lines that a payout's list shows, its own not among them.
func (w *world) linesOf(p *payouts.Payout) (sum int64) {
	w.Helper()
	limit := int64(100)
	params := page.Params{Limit: &limit}
	for {
		found, err := balance.List(w.Context(), w.pool, p.Scope(), balance.Filter{Payout: p.ID}, params)
		if err != nil {
			w.Fatal(err)
		}
		for _, line := range found.Items {
			if !payouts.OwnLine(line.Type) {
				sum += line.Net
			}
			params.StartingAfter = line.ID
		}
		if !found.HasMore {
			return sum
		}
	}
}
