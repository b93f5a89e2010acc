package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// Who takes over an account changes where its money goes; its contact hears of each step.
func TestAChangeToWhereTheMoneyGoesIsMailedToTheContactOldAndNew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	tutor := ada.post("/v1/accounts", "type=custom&country=HK&email=yan@example.com&external_account=btok_hk&capabilities[transfers][requested]=true")["id"].(string)
	banks := "/v1/accounts/" + tutor + "/external_accounts"
	first := idsOf(ada.get(banks))[0]
	const details = "external_account[object]=bank_account&external_account[country]=HK&external_account[currency]=hkd" +
		"&external_account[routing_number]=110-000&external_account[account_number]="
	ada.post(banks, details+"000777778888")
	second := idsOf(ada.get(banks))[0]
	ada.post(banks+"/"+second, "default_for_currency=true")
	ada.post(banks+"/"+second, "metadata[seen]=yes") // nobody is mailed about that
	ada.ask("DELETE", banks+"/"+first, "")
	ada.post("/v1/accounts/"+tutor, "email=thief@example.com")

	inbox := h.app.mails.inbox
	bustest.Eventually(t, "the old contact is mailed", func() bool { return len(inbox.Mails("yan@example.com")) == 4 })
	if len(inbox.Mails("thief@example.com")) == 0 {
		t.Error("the new contact heard of nothing")
	}
	var got []string
	for _, m := range inbox.Mails("yan@example.com") {
		got = append(got, m.Text[:len(m.Text)-len(moneyWarning)])
	}
	slices.Sort(got) // mails overtake one another
	if diff := cmp.Diff([]string{
		"A bank account was added to your account: the bank account ending in 8888.",
		"Payouts can no longer go to the bank account ending in 3456: it was removed from your account.",
		"Payouts in HKD go to the bank account ending in 8888 from now on.",
		"The contact address of your account was changed. Mails about it go to the new address from now on.",
	}, got); diff != "" {
		t.Error(diff)
	}
}
