package payouts_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/platform/clock"
)

// faultRounds is how many faults a test goes through; SLUICE_PAYOUT_FAULTS=1000 is the acceptance.
func faultRounds() int {
	if n, err := strconv.Atoi(os.Getenv("SLUICE_PAYOUT_FAULTS")); err == nil {
		return n
	}
	return 100
}

// dice is the chance of a test; its seed is printed and can be given again.
func dice(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if again, err := strconv.ParseUint(os.Getenv("SLUICE_SIM_SEED"), 10, 64); err == nil {
		seed = again
	}
	t.Logf("SLUICE_SIM_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func pick[T any](chance *rand.Rand, of ...T) T { return of[chance.IntN(len(of))] }

// Files are lost, come twice and late; processes die after every step; nobody
// knows, and people decide. No payout is ever told to the bank twice.
func TestNoFaultAtHandOverTellsABankThatTakesFilesTwice(t *testing.T) {
	chance := dice(t)
	for _, keeps := range []bool{true, false} {
		t.Run(fmt.Sprintf("the bank leaves files where they are: %t", keeps), func(t *testing.T) {
			w := openFiled(t, func(w *filedWorld) {
				w.clerk.Keeps, w.courier.Keeps = keeps, keeps
				w.way.Agreement.Most = 3
			})
			tutors := []string{"acct_t0", "acct_t1", "acct_t2", "acct_t3"}
			for i, number := range []string{"000123456", "000111111113", "000222222227", "000555555558"} {
				w.tutor(tutors[i], number, 1_000_000)
			}
			for range faultRounds() / 2 {
				w.misfortune(chance, tutors)
			}
			w.calm()
			w.expectToldOnce(tutors)
		})
	}
}

// misfortune is one round: payouts are due, and something goes wrong with them.
func (w *filedWorld) misfortune(chance *rand.Rand, tutors []string) {
	for range 1 + chance.IntN(3) {
		tutor := pick(chance, tutors...)
		if p, err := w.create(tutor, payouts.CreateParams{Amount: 1 + chance.Int64N(900), Currency: "hkd"}); err == nil && chance.IntN(6) == 0 {
			_ = w.cancel(p)
		}
	}
	w.clock.Advance(time.Duration(10+chance.IntN(300)) * time.Minute)
	w.courier.fault = pick(chance, "lost", "silent", "refused", "twice", "")
	w.courier.blind = chance.IntN(3) == 0
	w.crash = pick(chance, payouts.Gathered, payouts.Sealed, payouts.Begun, payouts.Submitted, payouts.Accepted, payouts.Kept, "", "")
	if chance.IntN(8) == 0 {
		w.on[payouts.Gathered] = func() { w.cancelAny(chance, tutors) }
	}
	w.trySend()
	if w.crash == "" {
		w.restart()
	}
	switch chance.IntN(4) {
	case 0: // the bank is late
	case 1:
		if err := w.clerk.Work(w.clock.Now()); err != nil {
			w.Fatal(err)
		}
	case 2:
		w.decide()
	default:
		w.work()
	}
	w.trySend()
	w.crash = ""
}

// trySend runs the sender, whose errors are expected where files are refused.
func (w *filedWorld) trySend() {
	defer func() { _ = recover() }()
	_, _ = w.service.Send(w.Context(), false, w.clock.Now())
}

func (w *filedWorld) cancelAny(chance *rand.Rand, tutors []string) {
	if made := w.all(pick(chance, tutors...)); len(made) > 0 {
		_ = w.cancel(made[len(made)-1])
	}
}

// decide lets two people look at the bank and say the truth about what is unknown.
func (w *filedWorld) decide() {
	for _, b := range w.batches() {
		if b.Status != payouts.BatchUnknown {
			continue
		}
		outcome := "not_delivered"
		if w.clerk.Has(b.ID) {
			outcome = "delivered"
		}
		for _, name := range w.dropped() {
			if strings.HasSuffix(name, b.File) {
				outcome = "delivered"
			}
		}
		for _, actor := range []string{"key_1", "key_2"} {
			w.resolveOne(b.ID, actor, outcome)
		}
	}
}

// calm lets everything come to its end.
func (w *filedWorld) calm() {
	w.Helper()
	w.courier.fault, w.courier.blind, w.crash = "", false, ""
	w.restart()
	for range 6 {
		w.clock.Advance(24 * time.Hour)
		w.trySend()
		w.decide()
		w.trySend()
		w.work()
	}
}

// expectToldOnce holds every payout against what the bank was told and has paid.
func (w *filedWorld) expectToldOnce(tutors []string) {
	w.Helper()
	told := map[string]int{}
	for _, name := range w.clerk.Orders() {
		told[name]++
	}
	var paid, booked int64
	states := map[payouts.Status]int{}
	for _, tutor := range tutors {
		for _, p := range w.everyone(tutor) {
			states[p.Status]++
			debits, returns := w.clerk.Debits(p.ID)
			switch {
			case told[p.ID] > 1 || debits > 1:
				w.Errorf("%s was told %d times and paid %d times", p.ID, told[p.ID], debits)
			case (debits-returns == 1) != (p.Status == payouts.Paid):
				w.Errorf("%s is %s, the bank has paid it %d times and got it back %d times", p.ID, p.Status, debits, returns)
			case p.Status == payouts.Canceled && told[p.ID] > 0:
				w.Errorf("%s is canceled, but the bank was told", p.ID)
			case p.Status == payouts.Pending || p.Status == payouts.InTransit:
				w.Errorf("%s is still %s", p.ID, p.Status)
			}
			paid += p.Amount * int64(debits-returns)
		}
	}
	err := w.pool.NewRaw(`SELECT coalesce(sum(debits - credits), 0)::bigint FROM ledger.accounts WHERE kind = 'bank'`).Scan(w.Context(), &booked)
	if err != nil {
		w.Fatal(err)
	}
	if booked != -paid {
		w.Errorf("our books say %d left the bank, the bank says %d", -booked, paid)
	}
	for _, u := range w.odd {
		w.Errorf("unmatched: %+v", u)
	}
	w.expectItemised()
	w.expectZero()
	w.Logf("%v in %d batches", states, len(w.batches()))
}

// expectZero is the trial balance, and all that `sluice ledger verify` looks at.
func (w *world) expectZero() {
	w.Helper()
	var sum int64
	if err := w.pool.NewRaw(`SELECT coalesce(sum(debits - credits), 0)::bigint FROM ledger.accounts`).Scan(w.Context(), &sum); err != nil || sum != 0 {
		w.Errorf("the trial balance is %d, %v", sum, err)
	}
	report, err := audit.Verify(w.Context(), w.pool, nil)
	if err != nil {
		w.Fatal(err)
	}
	for _, found := range report.Findings {
		w.Errorf("the ledger does not verify: %s", found)
	}
}

// everyone lists all payouts of an account.
func (w *world) everyone(account string) (all []*payouts.Payout) {
	w.Helper()
	var ids []string
	if err := w.pool.NewRaw(`SELECT id FROM payouts.payouts WHERE account = ? ORDER BY id`, account).Scan(w.Context(), &ids); err != nil {
		w.Fatal(err)
	}
	for _, id := range ids {
		p, err := w.service.Get(w.Context(), w.pool, scopeOf(account), id)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// mischief is a bank on whose way things go wrong; it counts what reaches it.
type mischief struct {
	rail.Direct
	mu      sync.Mutex
	fault   string // of the next telling: "lost" or "silent"
	blind   bool   // look-ups say unknown
	reached map[string]int
}

func (m *mischief) Submit(ctx context.Context, i rail.Instruction) rail.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	fault := m.fault
	m.fault = ""
	if fault == "lost" {
		return rail.Result{Err: errors.New("no answer")}
	}
	m.reached[i.Reference]++
	got := m.Direct.Submit(ctx, i)
	if fault == "silent" {
		return rail.Result{Err: errors.New("no answer")}
	}
	return got
}

func (m *mischief) Lookup(ctx context.Context, q rail.Query) rail.Result {
	m.mu.Lock()
	blind := m.blind
	m.mu.Unlock()
	if blind {
		return rail.Result{Err: errors.New("no answer")}
	}
	return m.Direct.Lookup(ctx, q)
}

func TestNoFaultAtHandOverTellsABankTwiceThatTakesInstructionsOneByOne(t *testing.T) {
	chance := dice(t)
	w := open(t)
	bank := &mischief{Direct: banksim.New(w.pool), reached: map[string]int{}}
	restart := func() {
		w.service = payouts.New(w.pool, payouts.Config{
			Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Rails: rail.Modes{Test: rail.Set{bank}},
			After: func(step string) {
				if step == w.crash {
					w.crash = ""
					panic("crashed after " + step)
				}
			},
		})
	}
	tutors := []string{"acct_t0", "acct_t1", "acct_t2", "acct_t3", "acct_t4"}
	for i, number := range []string{"000123456", "000111111113", "000555555558", "000777777777", "000444444440"} {
		w.pays(tutors[i], payouts.Manual, "hkd", number)
		w.earn(tutors[i], 1_000_000, "hkd", 0)
	}
	round := func(fault, crash string, blind bool) {
		bank.mu.Lock()
		bank.fault, bank.blind = fault, blind
		bank.mu.Unlock()
		w.crash = crash
		restart()
		w.job(w.service.Send)
		restart()
		w.job(w.service.Settle)
		w.crash = ""
	}
	for range faultRounds() {
		for range chance.IntN(3) {
			p, err := w.create(pick(chance, tutors...), payouts.CreateParams{Amount: 1 + chance.Int64N(900), Currency: "hkd"})
			if err == nil && chance.IntN(6) == 0 {
				_ = w.cancel(p)
			}
		}
		w.clock.Advance(time.Duration(10+chance.IntN(300)) * time.Minute)
		round(pick(chance, "lost", "silent", "", ""), pick(chance, payouts.Sealed, payouts.Submitted, payouts.Accepted, payouts.Settled, ""), chance.IntN(3) == 0)
	}
	for range 12 {
		w.clock.Advance(24 * time.Hour)
		round("", "", false)
	}
	for id, n := range bank.reached {
		if n > 1 {
			t.Errorf("%s reached the bank %d times", id, n)
		}
	}
	w.expectItemised()
	w.expectAgreement(tutors)
	w.expectZero()
}
