package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// A tutor has his payouts divided between two bank accounts: through balance
// settings, seen in the account, mailed to him, and paid to the cent.
func TestATutorsPayoutsAreDividedBetweenTwoBankAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	platform := clerk{house: h}
	tutor := platform.post("/v1/accounts", "type=custom&country=HK&email=yan@example.com&external_account=btok_hk"+
		"&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true")["id"].(string)
	yan := platform.of(tutor)
	banks := "/v1/accounts/" + tutor + "/external_accounts"
	first := idsOf(platform.get(banks))[0]
	platform.post(banks, "external_account[object]=bank_account&external_account[country]=HK&external_account[currency]=hkd"+
		"&external_account[routing_number]=110-000&external_account[account_number]=000777778888")
	second := idsOf(platform.get(banks))[0]

	const settings, prefix = "/v1/balance_settings", "payments[payouts][destinations]"
	share := func(n, id, percent string) string {
		return prefix + "[" + n + "][id]=" + id + "&" + prefix + "[" + n + "][percent]=" + percent
	}
	for name, c := range map[string]struct{ form, param string }{
		"nobody's":   {share("0", "ba_nobody", "100"), prefix + "[0][id]"},
		"twice":      {share("0", first, "50") + "&" + share("1", first, "50"), prefix + "[1][id]"},
		"too little": {share("0", first, "60") + "&" + share("1", second, "39.9999"), prefix + "[1][percent]"},
		"too much":   {share("0", first, "60") + "&" + share("1", second, "41"), prefix + "[1][percent]"},
		"nothing":    {share("0", first, "100") + "&" + share("1", second, "0"), prefix + "[1][percent]"},
		"no number":  {share("0", first, "1e2"), prefix + "[0][percent]"},
		"no percent": {prefix + "[0][id]=" + first, prefix + "[0][percent]"},
	} {
		if got := yan.refused(400, "POST", settings, c.form)["param"]; got != c.param {
			t.Errorf("%s: refused %v, want %s", name, got, c.param)
		}
	}
	yan.post(settings, share("0", first, "66.67")+"&"+share("1", second, "33.33"))
	seen := at(platform.get("/v1/accounts/"+tutor), "settings", "payouts", "destinations")
	if len(seen.([]any)) != 2 || at(seen.([]any)[1], "percent") != "33.33" {
		t.Errorf("the account shows %v", seen)
	}
	platform.refused(400, "DELETE", banks+"/"+second, "")
	const mail = "How your payouts are divided among bank accounts was changed. From now on: " +
		"66.67 % in HKD to the bank account ending in 3456, 33.33 % in HKD to the bank account ending in 8888."
	bustest.Eventually(t, "the tutor is mailed", func() bool {
		for _, m := range h.app.mails.inbox.Mails("yan@example.com") {
			if m.Text == mail+moneyWarning {
				return true
			}
		}
		return false
	})

	// 94.26 are left after the fee of the payment.
	yan.post("/v1/charges", "amount=10001&currency=hkd&source=tok_bypassPending")
	h.days("2d")
	paid := yan.until("/v1/payouts", "two payouts", func(answer map[string]any) bool { return len(answer["data"].([]any)) == 2 })
	got := map[any]any{}
	for _, p := range paid["data"].([]any) {
		got[at(p, "destination")] = at(p, "amount")
		if siblings := at(p, "split", "siblings").([]any); len(siblings) != 1 {
			t.Errorf("a part knows of %v", siblings)
		}
	}
	if diff := cmp.Diff(map[any]any{first: 6284., second: 3142.}, got); diff != "" {
		t.Error(diff)
	}
}
