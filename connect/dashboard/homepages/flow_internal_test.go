package homepages

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// shownEntry is an entry as the API shows it.
func shownEntry(n int, e ledger.Entry) wire.LedgerEntry {
	w := wire.LedgerEntry{ID: fmt.Sprint("le_", n), Kind: e.Kind, Source: wire.To(e.Source)}
	for _, p := range e.Postings {
		posting := wire.LedgerPosting{Account: string(p.Account.Kind), Owner: p.Account.Owner, Currency: string(p.Amount.Currency), Debit: p.Amount.Minor}
		if p.Side == ledger.Credit {
			posting.Debit, posting.Credit = 0, p.Amount.Minor
		}
		w.Postings = append(w.Postings, posting)
	}
	return w
}

func TestLegsOfAChargeAndItsRefund(t *testing.T) {
	id := func() string { return "txn_1" }
	charge := journal.Charge{ID: "ch_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(60000, "hkd"), ProcessingFee: 2340, At: noon,
		Legs: []journal.Leg{{Transfer: "tr_1", Payment: "py_1", Destination: "acct_c", Amount: 60000, ApplicationFee: 6000, FeeID: "fee_1"}}}
	whole := charge
	whole.Legs = []journal.Leg{{Transfer: "tr_1", Payment: "py_1", Destination: "acct_c", Amount: 60000}}
	refund := journal.Refund{ID: "re_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(30000, "hkd"), At: noon,
		Unwound: []journal.Unwound{{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "acct_c", Amount: 30000}},
		Fees:    []journal.FeeReturn{{ID: "fr_1", Account: "acct_c", Amount: 3000}}}
	failed := journal.FailedRefund{ID: "re_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(30000, "hkd"), At: noon}
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		want    []leg
	}{
		{"destination", []ledger.Entry{journal.ChargeSucceeded(charge, id)}, []leg{
			{fromPayer, processor, 2340, "le_0-1"}, {fromPayer, "acct_p", 3660, "le_0-3"}, {fromPayer, "acct_c", 54000, "le_0-4"}}},
		{"the platform pays the processor out of its own", []ledger.Entry{journal.ChargeSucceeded(whole, id)}, []leg{
			{"acct_p", processor, 2340, "le_0-1"}, {fromPayer, "acct_c", 60000, "le_0-4"}}},
		{"refunded in part", []ledger.Entry{journal.ChargeSucceeded(charge, id), journal.Refunded(refund, id)}, []leg{
			{fromPayer, processor, 2340, "le_0-1"}, {fromPayer, "acct_p", 3660, "le_0-3"}, {fromPayer, "acct_c", 54000, "le_0-4"},
			{"acct_p", toPayer, 3000, "le_1-0"}, {"acct_c", toPayer, 27000, "le_1-0"}}},
		{"a refund that failed", []ledger.Entry{journal.ChargeSucceeded(charge, id), journal.Refunded(refund, id), journal.RefundFailed(failed, id)}, []leg{
			{fromPayer, processor, 2340, "le_0-1"}, {fromPayer, "acct_p", 3660, "le_0-3"}, {fromPayer, "acct_c", 54000, "le_0-4"},
			{"acct_c", "acct_p", 27000, "le_1-1"}}}, // what the receiver gave back stays with the platform
	} {
		var entries []wire.LedgerEntry
		for i, e := range c.entries {
			entries = append(entries, shownEntry(i, e))
		}
		got := legs(entries)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestLegsSumToTheChargeAndEndInTheBalances(t *testing.T) {
	id := func() string { return "txn_1" }
	rapid.Check(t, func(r *rapid.T) {
		amount := rapid.Int64Range(100, 1_000_000).Draw(r, "amount")
		fee := rapid.Int64Range(0, amount).Draw(r, "fee")
		c := journal.Charge{ID: "ch_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(amount, "hkd"), ProcessingFee: fee, At: noon}
		left := amount
		for i := range rapid.IntRange(0, 4).Draw(r, "legs") {
			part := rapid.Int64Range(0, left).Draw(r, "part")
			left -= part
			if part > 0 {
				c.Legs = append(c.Legs, journal.Leg{Transfer: fmt.Sprint("tr_", i), Payment: fmt.Sprint("py_", i), Destination: fmt.Sprint("acct_", i), Amount: part})
			}
		}
		entries := []wire.LedgerEntry{shownEntry(0, journal.ChargeSucceeded(c, id))}
		refunded := int64(0)
		for n := range rapid.IntRange(0, 3).Draw(r, "refunds") {
			back := rapid.Int64Range(0, amount-refunded).Draw(r, "back")
			if back == 0 {
				continue
			}
			refunded += back
			refund := journal.Refund{ID: fmt.Sprint("re_", n), Owner: "acct_p", Platform: "acct_p", Amount: money.New(back, "hkd"), At: noon}
			for i, l := range c.Legs {
				if part := rapid.Int64Range(0, l.Amount/4).Draw(r, "taken"); part > 0 {
					refund.Unwound = append(refund.Unwound, journal.Unwound{Reversal: fmt.Sprint("trr_", n, i), PaymentRefund: fmt.Sprint("pyr_", n, i), Destination: l.Destination, Amount: part})
				}
			}
			entries = append(entries, shownEntry(n+1, journal.Refunded(refund, id)))
		}
		balances := map[string]int64{}
		for _, e := range entries {
			for _, p := range e.Postings {
				if p.Account == "available" || p.Account == "pending" {
					balances[p.Owner] += p.Credit - p.Debit
				}
			}
		}
		var taken int64
		flows := map[string]int64{}
		for _, l := range legs(entries) {
			if l.From == fromPayer {
				taken += l.Amount
			}
			if l.Amount <= 0 || l.Posting == "" {
				r.Fatalf("leg %+v", l)
			}
			flows[l.To] += l.Amount
			flows[l.From] -= l.Amount
		}
		if taken != amount || flows[processor] != fee || flows[toPayer] != refunded {
			r.Fatalf("legs take %d of %d, the processor has %d of %d, %d of %d went back", taken, amount, flows[processor], fee, flows[toPayer], refunded)
		}
		for owner, balance := range balances {
			if flows[owner] != balance {
				r.Fatalf("%s has %d, its legs say %d", owner, balance, flows[owner])
			}
		}
	})
}

func TestAmountsAreReadAsPeopleTypeThem(t *testing.T) {
	for _, c := range []struct {
		typed, currency string
		want            int64
		ok              bool
	}{
		{"510", "hkd", 51000, true}, {"HK$1,510.5", "hkd", 151050, true}, {"0.05", "hkd", 5, true}, {"1.234", "hkd", 0, false}, {"-5", "hkd", 0, false},
		{"", "hkd", 0, false}, {"1200", "jpy", 1200, true}, {"12.5", "jpy", 0, false}, {"1.234", "kwd", 1234, true}, {"1.2.3", "hkd", 0, false},
		{"99999999999999999999", "hkd", 0, false}, {"5", "xxx", 0, false},
	} {
		if got, ok := minor(c.typed, c.currency); ok != c.ok || ok && got != c.want {
			t.Errorf("%q %s: %d %v", c.typed, c.currency, got, ok)
		}
	}
}
