package payouts_test

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

func TestInstantPayoutsGoAtOnceOverARailThatHasThem(t *testing.T) {
	w := openFiled(t)
	fast := w.way
	fast.Way = rail.Capabilities{Name: "fast", Instant: true, Currencies: []money.Currency{"hkd"}, Countries: []string{"HK"}, Most: map[money.Currency]int64{"hkd": 5000}}
	fast.Agreement.Gather = time.Hour // what is instant does not wait for others
	w.extra = rail.Set{fast}
	w.restart()
	w.earn(may, 9000, "hkd", 0)
	w.people.accounts[may].Destinations[0].Country = "HK"
	for _, c := range []struct {
		country string
		params  payouts.CreateParams
		code    string
	}{
		{"US", payouts.CreateParams{Amount: 100, Currency: "hkd", Method: "instant"}, "instant_payouts_unsupported"},
		{"HK", payouts.CreateParams{Amount: 5001, Currency: "hkd", Method: "instant"}, "instant_payouts_limit_exceeded"},
		{"HK", payouts.CreateParams{Amount: 5001, Currency: "hkd"}, "payouts_limit_exceeded"},
		{"HK", payouts.CreateParams{Amount: 1, Currency: "hkd", Method: "quick"}, ""},
	} {
		w.people.accounts[may].Destinations[0].Country = c.country
		_, err := w.create(may, c.params)
		w.expectCode(err, c.code)
	}
	w.pays("acct_us", payouts.Manual, "usd", "000123456")
	w.people.accounts["acct_us"].Destinations[0].Country = "HK"
	_, err := w.create("acct_us", payouts.CreateParams{Amount: 100, Currency: "usd", Method: "instant"})
	w.expectCode(err, "instant_payouts_currency_disabled")

	p, err := w.create(may, payouts.CreateParams{Amount: 4000, Currency: "hkd", Method: "instant"})
	if err != nil {
		t.Fatal(err)
	}
	w.send()
	got := w.again(p)
	if got.Method != "instant" || got.Rail != "fast" || got.Status != payouts.InTransit || !got.ArrivalDate.Equal(noon.Truncate(24*time.Hour)) {
		t.Errorf("%+v", got)
	}
	if b := w.onlyBatch(); !b.Instant {
		t.Errorf("%+v", b)
	}
	w.expectLines(p, `
		charge                        9000
		payout                       -4000
		payout_minimum_balance_hold  -5000`)
}
