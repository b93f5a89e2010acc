package main

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/sluicepay/sluice/ledger/balance"
)

func TestACaptureIsAnsweredWithWhatItWasAskedOn(t *testing.T) {
	h := newHouse(t)
	for path, object := range map[string]string{"/v1/charges/%s/capture": "charge", "/v1/payment_intents/%s/capture": "payment_intent"} {
		pi := h.call("POST", "/v1/payment_intents", url.Values{"amount": {"60000"}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"},
			"confirm": {"true"}, "capture_method": {"manual"}})
		ids := map[string]any{"charge": pi["latest_charge"], "payment_intent": pi["id"]}
		if got := h.call("POST", fmt.Sprintf(path, ids[object]), nil); got["object"] != object {
			t.Errorf("%s is answered with a %v", path, got["object"])
		}
	}
}

// Money that was available at once caused no event that makes a payout due.
func TestMoneyAvailableAtOnceIsPaidOutOnTheNextPayday(t *testing.T) {
	h := newHouse(t)
	id := h.call("POST", "/v1/accounts", url.Values{"type": {"custom"}, "country": {"HK"}, "external_account": {"btok_hk"},
		"capabilities[card_payments][requested]": {"true"}})["id"].(string)
	h.send(http.StatusOK, letter{
		method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_bypassPending", header: map[string]string{"Stripe-Account": id},
	})
	h.call("POST", "/v1/test_helpers/world_clock/advance", url.Values{"duration": {"2d"}})
	funds, err := balance.In(t.Context(), h.app.pool, balance.Purse{Account: id, Currency: "hkd"})
	if err != nil || funds.Available != 0 {
		t.Errorf("after a payday %d is available (%v)", funds.Available, err)
	}
}
