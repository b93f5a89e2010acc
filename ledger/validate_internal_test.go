package ledger

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// Whatever amounts an entry brings, in the whole of int64: what is let in is within bounds
// and adds up exactly, without anything having wrapped.
func FuzzEntriesThatAreLetInAddUp(f *testing.F) {
	f.Add(int64(10_000), int64(10_000), int64(10_000), int64(340))
	f.Add(int64(9660), int64(9660), int64(10_000), int64(340))
	f.Add(int64(1), int64(1), int64(math.MinInt64), int64(math.MaxInt64)) // their difference wraps to 1
	f.Add(int64(money.MaxMinor), int64(money.MaxMinor), int64(money.MaxMinor), int64(0))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), int64(-1), int64(1))
	f.Fuzz(func(t *testing.T, debit, credit, gross, fee int64) {
		e := Entry{Kind: "charge", Source: "ch_1", At: time.Unix(1, 0), Postings: []Posting{
			{Account: Account{Owner: "acct_1", Kind: "processor_clearing"}, Side: Debit, Amount: money.New(debit, "hkd")},
			{Account: Account{Owner: "acct_1", Kind: Available}, Side: Credit, Amount: money.New(credit, "hkd"),
				Line: &Line{ID: "txn_1", Type: "charge", Source: "ch_1", Amount: gross, Fee: fee}},
		}}
		if e.validate() != nil {
			return
		}
		if debit != credit || debit < 0 || debit > money.MaxMinor {
			t.Fatalf("%d against %d", debit, credit)
		}
		net := new(big.Int).Sub(big.NewInt(gross), big.NewInt(fee))
		if net.Cmp(big.NewInt(credit)) != 0 {
			t.Fatalf("a line of %d less %d, which is %s, on a posting of %d", gross, fee, net, credit)
		}
	})
}
