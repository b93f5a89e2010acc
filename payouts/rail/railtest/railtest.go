// Package railtest is what every rail must pass: Run those that take instructions
// one by one, RunFiled those that take files. Paper is the plainest format of files,
// and Clerk a bank behind a directory that reads it, for tests of what carries them.
package railtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// Subject is a rail with what the tests must know of its bank.
type Subject struct {
	Rail rail.Direct
	Pool *bun.DB // any database, to stand inside a transaction
	Now  time.Time
	Good rail.Creditor
	// Bad are creditors that fail with the code.
	Bad map[string]rail.Creditor
	// Silent are creditors on whose first telling no answer comes.
	Silent []rail.Creditor
	// Debits is how often the bank paid for a reference.
	Debits func(reference string) int
}

// Run tests the rail that open makes, anew for each test.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"an instruction is paid on its day, not before", paidOnItsDay},
		{"one reference is paid once, however often it is told", paidOnce},
		{"one reference is paid once, told at the same moment", paidOnceConcurrently},
		{"what was never told is absent", absent},
		{"failures carry codes a payout can show", failures},
		{"a lost answer is unknown and a look-up finds the truth", silence},
		{"no call inside a transaction", notInside},
		{"steps are positive", steps},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

const day = 24 * time.Hour

func (s Subject) instruction(to rail.Creditor) rail.Instruction {
	return rail.Instruction{
		Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: to, Statement: "LESSONS",
		ExecuteOn: s.Now.Add(day), At: s.Now,
	}
}

func (s Subject) expect(t *testing.T, want rail.State, got rail.Result) {
	t.Helper()
	if got.State != want {
		t.Fatalf("the bank says %s %s (%v), want %s", got.State, got.Code, got.Err, want)
	}
}

func (s Subject) lookup(t *testing.T, reference string, at time.Time) rail.Result {
	return s.Rail.Lookup(t.Context(), rail.Query{Reference: reference, At: at})
}

func (s Subject) expectDebits(t *testing.T, reference string, want int) {
	t.Helper()
	if got := s.Debits(reference); got != want {
		t.Errorf("the bank paid %d times, want %d", got, want)
	}
}

func paidOnItsDay(t *testing.T, s Subject) {
	i := s.instruction(s.Good)
	s.expect(t, rail.Accepted, s.Rail.Submit(t.Context(), i))
	s.expect(t, rail.Accepted, s.lookup(t, i.Reference, i.ExecuteOn.Add(-time.Second)))
	s.expectDebits(t, i.Reference, 0)
	s.expect(t, rail.Paid, s.lookup(t, i.Reference, i.ExecuteOn.Add(time.Hour)))
	s.expect(t, rail.Paid, s.lookup(t, i.Reference, i.ExecuteOn.Add(2*time.Hour)))
	s.expectDebits(t, i.Reference, 1)
}

func paidOnce(t *testing.T, s Subject) {
	i := s.instruction(s.Good)
	s.expect(t, rail.Accepted, s.Rail.Submit(t.Context(), i))
	s.expect(t, rail.Accepted, s.Rail.Submit(t.Context(), i))
	s.expect(t, rail.Paid, s.lookup(t, i.Reference, i.ExecuteOn.Add(time.Hour)))
	s.expect(t, rail.Paid, s.Rail.Submit(t.Context(), i))
	s.expectDebits(t, i.Reference, 1)
}

func paidOnceConcurrently(t *testing.T, s Subject) {
	i := s.instruction(s.Good)
	var told sync.WaitGroup
	for range 8 {
		told.Go(func() { s.Rail.Submit(t.Context(), i) })
	}
	told.Wait()
	for range 8 {
		told.Go(func() { s.Rail.Lookup(t.Context(), rail.Query{Reference: i.Reference, At: i.ExecuteOn.Add(time.Hour)}) })
	}
	told.Wait()
	s.expect(t, rail.Paid, s.lookup(t, i.Reference, i.ExecuteOn.Add(time.Hour)))
	s.expectDebits(t, i.Reference, 1)
}

func absent(t *testing.T, s Subject) {
	s.expect(t, rail.Absent, s.lookup(t, id.New("po"), s.Now))
}

func failures(t *testing.T, s Subject) {
	for code, creditor := range s.Bad {
		i := s.instruction(creditor)
		s.Rail.Submit(t.Context(), i)
		got := s.lookup(t, i.Reference, i.ExecuteOn.Add(time.Hour))
		if got.State != rail.Failed || got.Code != code {
			t.Errorf("%s: the bank says %s %s (%v)", code, got.State, got.Code, got.Err)
		}
		if rail.Codes[got.Code] == "" {
			t.Errorf("%q is not a code of rail.Codes", got.Code)
		}
		s.expectDebits(t, i.Reference, 0)
	}
}

func silence(t *testing.T, s Subject) {
	for _, creditor := range s.Silent {
		i := s.instruction(creditor)
		s.expect(t, rail.Unknown, s.Rail.Submit(t.Context(), i))
		switch got := s.lookup(t, i.Reference, s.Now); got.State {
		case rail.Accepted:
		case rail.Absent:
			s.expect(t, rail.Accepted, s.Rail.Submit(t.Context(), i))
		default:
			t.Errorf("after a lost answer the bank says %s", got.State)
		}
		s.expect(t, rail.Paid, s.lookup(t, i.Reference, i.ExecuteOn.Add(time.Hour)))
		s.expectDebits(t, i.Reference, 1)
	}
}

func notInside(t *testing.T, s Subject) {
	i := s.instruction(s.Good)
	err := db.InTx(t.Context(), s.Pool, func(ctx context.Context, _ bun.Tx) error {
		s.expect(t, rail.Unknown, s.Rail.Submit(ctx, i))
		s.expect(t, rail.Unknown, s.Rail.Lookup(ctx, rail.Query{Reference: i.Reference, At: s.Now}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, rail.Absent, s.lookup(t, i.Reference, s.Now))
}

func steps(t *testing.T, s Subject) {
	for _, c := range []money.Currency{"hkd", "jpy", "kwd", "huf", "twd"} {
		if step := s.Rail.Capabilities().Step(c); step < 1 {
			t.Errorf("a step of %d in %s", step, c)
		}
	}
}
