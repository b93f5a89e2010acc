package main

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/sluicepay/sluice/ledger/balance"
)

func TestACaptureIsAnsweredWithWhatItWasAskedOn(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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

// What is asked again is answered again, even if it would be refused by now: the card's
// token is spent. And a key that a refused request named is free.
func TestARetryWhoseTokenIsSpentGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.send(http.StatusOK, letter{method: "POST", path: "/v1/tokens", form: "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123"}).at("id").(string)
	pay := func(path, form, key string) reply {
		return h.exchange(letter{method: "POST", path: path, form: "amount=60000&currency=hkd&" + form, header: map[string]string{"Idempotency-Key": key}})
	}
	first := pay("/v1/charges", "source="+token, "lesson-1")
	again := pay("/v1/charges", "source="+token, "lesson-1")
	if first.status != http.StatusOK || again.status != http.StatusOK || string(again.raw) != string(first.raw) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %d, again %d: %s", first.status, again.status, again.raw)
	}
	if other := pay("/v1/charges", "source="+token, "lesson-2"); other.at("error", "code") != "token_already_used" {
		t.Errorf("under another key: %s", other.raw)
	}
	if free := pay("/v1/charges", "source=tok_visa", "lesson-2"); free.status != http.StatusOK || free.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the key that the refused request named: %d %s", free.status, free.raw)
	}
	if misused := pay("/v1/charges", "source=nobody", "lesson-1"); misused.at("error", "type") != "idempotency_error" {
		t.Errorf("the key with other parameters, wrong ones: %s", misused.raw)
	}
}
