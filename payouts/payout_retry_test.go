package payouts_test

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
)

func TestARetryIsANewPayoutOfTheSameAmountToABankAccountThatWorks(t *testing.T) {
	w := openFiled(t)
	w.pays(may, payouts.Manual, "hkd", "000111111113")
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	_, err := w.retry(p, "")
	w.expectCode(err, "payout_not_retryable")
	w.send()
	w.work()
	w.expectStatus(p, payouts.Failed)
	_, err = w.retry(p, "")
	w.expectCode(err, "bank_account_unusable")

	w.people.numbers["ba_new"] = "000123456"
	w.people.accounts[may].Destinations[0].Default = false
	w.people.accounts[may].Destinations = append(w.people.accounts[may].Destinations, payouts.Destination{ID: "ba_new", Currency: "hkd", Default: true})
	made, err := w.retry(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if made.ID == p.ID || made.RetryOf != p.ID || w.again(p).RetriedBy != made.ID || made.Amount != 7000 || made.Destination != "ba_new" {
		t.Errorf("%+v", made)
	}
	w.expectLines(made, `
		charge  7000
		payout -7000`)
	_, err = w.retry(p, "")
	w.expectCode(err, "payout_not_retryable")
	w.clock.Advance(time.Hour)
	w.send()
	w.work()
	w.expectStatus(made, payouts.Paid)
	w.expectStatus(p, payouts.Failed)
	w.expectEvents(p, "1 payout.created", "2 payout.updated", "3 payout.failed", "4 payout.updated")
}

func TestARetryTakesTheMoneyAnewAndIsRefusedWithoutIt(t *testing.T) {
	w := openFiled(t)
	w.pays(may, payouts.Manual, "hkd", "000222222227")
	w.earn(may, 7000, "hkd", 0)
	p := w.due(may, 7000)
	w.send()
	w.work()
	other := w.due(may, 1)
	_, err := w.retry(p, "")
	w.expectCode(err, "balance_insufficient")
	if err := w.cancel(other); err != nil {
		t.Fatal(err)
	}
	if _, err := w.retry(p, "ba_"+may+"hkd"); err != nil {
		t.Error(err)
	}
}
