package balance_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/db"
)

// ownedBy knows the accounts of these tests: acct_q and acct_q1 are one platform, all others another.
func ownedBy(_ context.Context, account string, _ bool) (string, error) {
	if strings.HasPrefix(account, "acct_q") {
		return "acct_q", nil
	}
	return "acct_p", nil
}

// reserve does what the job does, once, and tells what moved.
func (b *books) reserve() (moved []string) {
	b.Helper()
	covers, err := balance.Covers(b.Context(), b.pool, false, ownedBy)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range covers {
		var n int64
		b.in(func(ctx context.Context, tx bun.Tx) (err error) {
			n, err = balance.Reserve(ctx, tx, b.book, c, noon)
			return err
		})
		if n != 0 {
			moved = append(moved, fmt.Sprintf("%s %d", c.Account, n))
		}
	}
	return moved
}

// The reserve of a platform is the sum of its accounts' negative available balances.
const reserveTable = `
what happens    acct_a  acct_b  acct_p  reserved  acct_q
nobody owes          0       0    1000         0     100
a owes            -300       0     700       300     100
b owes too        -300    -150     550       450     100
a owes more       -900    -150     -50      1050     100
a pays back        200    -150     850       150     100
b pays back        200       0    1000         0     100
q owes itself      200       0    1000         0     -50`

func TestAPlatformSetsAsideWhatItsAccountsOwe(t *testing.T) {
	b := open(t)
	acts := map[string]func(){
		"nobody owes":   func() { b.earn("acct_p", 1000, 0); b.earn("acct_q", 100, 0) },
		"a owes":        func() { b.refund("acct_a", 300, 0) },
		"b owes too":    func() { b.refund("acct_b", 150, 0) },
		"a owes more":   func() { b.refund("acct_a", 600, 0) },
		"a pays back":   func() { b.earn("acct_a", 1100, 0) },
		"b pays back":   func() { b.earn("acct_b", 150, 0) },
		"q owes itself": func() { b.refund("acct_q", 150, 0) },
	}
	for _, row := range strings.Split(reserveTable, "\n")[2:] {
		acts[strings.TrimSpace(row[:14])]()
		b.reserve()
		p := b.funds("acct_p")
		got := fmt.Sprint(b.funds("acct_a").Available, b.funds("acct_b").Available, p.Available, p.Reserved, b.funds("acct_q").Available)
		if want := strings.Join(strings.Fields(row[14:]), " "); got != want {
			t.Errorf("%s balances are %s, want %s", row[:14], got, want)
		}
		if again := b.reserve(); again != nil {
			t.Errorf("%s the reserve moved again: %v", row[:14], again)
		}
	}
}

func TestEachPlatformCoversItsOwnAccounts(t *testing.T) {
	b := open(t)
	b.refund("acct_a", 300, 0)
	b.refund("acct_q1", 70, 0)
	b.refund("acct_q2", 5, 2) // pending money that is owed is not covered yet
	if diff := cmp.Diff([]string{"acct_p 300", "acct_q 70"}, b.reserve()); diff != "" {
		t.Error(diff)
	}
}

func TestReservingAtOnceReservesOnce(t *testing.T) {
	b := open(t)
	b.refund("acct_a", 300, 0)
	covers, err := balance.Covers(t.Context(), b.pool, false, ownedBy)
	if err != nil || len(covers) != 1 {
		t.Fatal(covers, err)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			err := db.InTx(t.Context(), b.pool, func(ctx context.Context, tx bun.Tx) error {
				_, err := balance.Reserve(ctx, tx, b.book, covers[0], noon)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if p := b.funds("acct_p"); p.Reserved != 300 || p.Available != -300 {
		t.Errorf("reserved %+v", p)
	}
}
