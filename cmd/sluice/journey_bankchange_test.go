package main

import (
	"testing"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/secret"
)

// A tutor's bank says that his account has another number. Two keys of the platform
// take it over: the tutor is mailed, his share goes along, and the one key that tried
// alone is on record.
func TestABanksNewNumberIsTakenOverByTwoKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	tutor := ada.post("/v1/accounts", "type=custom&country=HK&email=yan@example.com&external_account=btok_hk"+
		"&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true")["id"].(string)
	yan := ada.of(tutor)
	banks := "/v1/accounts/" + tutor + "/external_accounts"
	old := idsOf(ada.get(banks))[0]
	yan.post("/v1/balance_settings", "payments[payouts][destinations][0][id]="+old+"&payments[payouts][destinations][0][percent]=100")
	yan.post("/v1/charges", "amount=10000&currency=hkd&source=tok_bypassPending")
	po := yan.post("/v1/payouts", "amount=1000&currency=hkd&method=instant")
	yan.until("/v1/payouts/"+po["id"].(string), "it is paid", func(p map[string]any) bool { return p["status"] == "paid" })
	must[payouts.Applied](t)(h.app.payouts.Apply(t.Context(), false, po["rail"].(string), []rail.Report{{
		Reference: po["id"].(string), Reason: "C01", Change: &rail.Change{Code: "C01", Number: secret.New("000777778888")},
	}}, h.app.clocks.For(false).Now()))

	const all = "/v1/payout_bank_changes"
	change := all + "/" + idsOf(ada.get(all + "?status=pending"))[0]
	bob := ada.post("/v1/api_keys", "type=secret")["secret"].(string)
	weak := ada.post("/v1/api_keys", "type=restricted&scopes[]=payouts:write")["secret"].(string)
	if first := ada.post(change+"/accept", ""); first["status"] != "pending" || at(first, "corrected", "last4") != "8888" {
		t.Errorf("after one key: %v", first)
	}
	if got := ada.refused(403, "POST", change+"/accept", "")["code"]; got != "four_eyes" {
		t.Errorf("the same key again: %v", got)
	}
	if status, got := ada.raw("POST", change+"/accept", "", weak); status != 403 {
		t.Errorf("a key that may not approve: %d %v", status, got)
	}
	status, done := ada.raw("POST", change+"/accept", "", bob)
	if status != 200 || done["status"] != "accepted" {
		t.Fatalf("%d %v", status, done)
	}
	var tried int
	for _, o := range ada.get(change)["opinions"].([]any) {
		if at(o, "refusal") != nil {
			tried++
		}
	}
	if tried != 2 {
		t.Errorf("%d attempts are on record, want 2", tried)
	}
	now := ada.get(banks)["data"].([]any)
	if len(now) != 1 || at(now[0], "id") == old || at(now[0], "id") != done["replacement"] || at(now[0], "last4") != "8888" ||
		at(now[0], "default_for_currency") != true || at(now[0], "account_holder_name") != "Jenny Rosen" {
		t.Errorf("the tutor has %v", now)
	}
	shares := at(ada.get("/v1/accounts/"+tutor), "settings", "payouts", "destinations").([]any)
	if len(shares) != 1 || at(shares[0], "id") != done["replacement"] {
		t.Errorf("his shares are %v", shares)
	}
	bustest.Eventually(t, "the tutor is mailed", func() bool {
		for _, m := range h.app.mails.inbox.Mails("yan@example.com") {
			if m.Text == "A bank account was added to your account. Payouts in HKD go to the bank account ending in 8888 from now on."+moneyWarning {
				return true
			}
		}
		return false
	})
}
