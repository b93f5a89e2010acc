package balance_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/money"
)

// Balances are sums and may exceed what one amount may be: they mature all the same.
func TestMoreThanOneAmountMatures(t *testing.T) {
	b := open(t)
	for range 3 {
		b.earn("acct_a", money.MaxMinor, 1)
	}
	b.earn("acct_b", 500, 1)
	for range 2 {
		b.refund("acct_c", money.MaxMinor, 1)
	}
	b.mature(noon.AddDate(0, 0, 1))
	for account, want := range map[string]int64{"acct_a": 3 * money.MaxMinor, "acct_b": 500, "acct_c": -2 * money.MaxMinor} {
		got, err := balance.In(t.Context(), b.pool, purse(account))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(balance.Funds{Currency: "hkd", Available: want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", account, diff)
		}
	}
	if again := b.mature(noon.AddDate(0, 0, 1)); len(again) != 0 {
		t.Errorf("matured twice: %v", again)
	}
}

// What accounts owe together may exceed one amount too: the reserve follows in steps.
func TestAReserveOfMoreThanOneAmount(t *testing.T) {
	b := open(t)
	b.earn("acct_p", 1000, 0)
	b.refund("acct_a", money.MaxMinor, 0)
	b.refund("acct_b", 500, 0)
	for range 3 {
		b.reserve()
	}
	got, err := balance.In(t.Context(), b.pool, purse("acct_p"))
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(money.MaxMinor + 500); got.Reserved != want {
		t.Errorf("reserved %d, want %d", got.Reserved, want)
	}
}
