package connect

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/wire"
)

func TestWhoIsGivenMoreOfAPayoutIsNewAndWhoIsGivenLessIsNot(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Unix(int64(n)*86400, 0) }
	a := Account{ExternalAccounts: []ExternalAccount{
		{ID: "ba_a", Currency: "hkd", Default: true, CreatedAt: day(1)},
		{ID: "ba_b", Currency: "hkd", CreatedAt: day(2)},
		{ID: "ba_c", Currency: "hkd", CreatedAt: day(2)},
	}}
	give := func(at int, shares ...PayoutShareParams) {
		t.Helper()
		a.at = day(at)
		given, err := a.payoutShares(shares, "d")
		if err != nil {
			t.Fatal(err)
		}
		a.Settings.Payouts.Destinations = given
	}
	expect := func(want ...wire.PayoutShare) {
		t.Helper()
		if diff := cmp.Diff(want, a.Settings.Payouts.Destinations); diff != "" {
			t.Error(diff)
		}
	}
	give(10, PayoutShareParams{"ba_a", "60"}, PayoutShareParams{"ba_b", "40.0"})
	expect(wire.PayoutShare{ID: "ba_a", Percent: "60", Since: 86400}, wire.PayoutShare{ID: "ba_b", Percent: "40", Since: 864000})
	give(11, PayoutShareParams{"ba_b", "30"}, PayoutShareParams{"ba_a", "60"}, PayoutShareParams{"ba_c", "10"})
	expect(wire.PayoutShare{ID: "ba_b", Percent: "30", Since: 864000}, wire.PayoutShare{ID: "ba_a", Percent: "60", Since: 86400},
		wire.PayoutShare{ID: "ba_c", Percent: "10", Since: 11 * 86400})
	if same, err := a.payoutShares(nil, "d"); err != nil || len(same) != 3 {
		t.Errorf("silence leaves %v, %v", same, err)
	}
	if none, err := a.payoutShares([]PayoutShareParams{}, "d"); err != nil || none != nil {
		t.Errorf("an empty list leaves %v, %v", none, err)
	}
}
