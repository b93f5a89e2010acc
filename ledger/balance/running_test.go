package balance_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/page"
)

// Whatever happened, the newest balance is what the account has, each balance is the
// one below it plus its line, the oldest is its line, and pages join without a gap.
func TestEveryLineLeadsFromTheBalanceBelowItToItsOwn(t *testing.T) {
	b := open(t)
	rapid.Check(t, func(r *rapid.T) {
		account := "acct_" + newID()
		for range rapid.IntRange(1, 12).Draw(r, "acts") {
			days := rapid.IntRange(0, 2).Draw(r, "days")
			amount := rapid.Int64Range(1, 90000).Draw(r, "amount")
			if rapid.Bool().Draw(r, "refund") {
				b.refund(account, amount, days)
			} else {
				b.earn(account, amount, days)
			}
		}
		b.earn("acct_other", 700, 0)
		size := int64(rapid.IntRange(1, 5).Draw(r, "page"))
		funds, err := balance.In(context.Background(), b.pool, purse(account))
		if err != nil {
			r.Fatal(err)
		}
		expected, params := funds.Available+funds.Pending, page.Params{Limit: &size}
		for {
			found, err := balance.Running(context.Background(), b.pool, purse(account), page.Range{}, params)
			if err != nil {
				r.Fatal(err)
			}
			for _, line := range found.Items {
				if line.Balance != expected {
					r.Fatalf("after %s the balance is %d, want %d", line.ID, line.Balance, expected)
				}
				expected -= line.Net
				params.StartingAfter = line.ID
			}
			if !found.HasMore {
				break
			}
		}
		if expected != 0 {
			r.Fatalf("before the first line there was %d", expected)
		}
	})
}
