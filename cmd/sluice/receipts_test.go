package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/bus/bustest"
)

func TestAReceiptIsMailedWheneverItsAddressIsNamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	paid := h.exchange(letter{method: "POST", path: "/v1/payment_intents", form: "amount=60000&currency=hkd&confirm=true&payment_method=pm_card_visa"}).at("latest_charge").(string)
	named := func(charge, form string) {
		h.send(http.StatusOK, letter{method: "POST", path: "/v1/charges/" + charge, form: form})
	}
	named(paid, "description=Algebra")
	if got := h.app.mails.inbox.Mails("lok@example.test"); len(got) != 0 {
		t.Fatalf("nobody asked for %v", got)
	}
	receipt := h.send(http.StatusOK, letter{method: "GET", path: "/v1/charges/" + paid}).at("receipt_url").(string)
	for n := 1; n <= 2; n++ { // the second time it goes where it went before
		named(paid, "receipt_email=lok@example.test")
		bustest.Eventually(t, "the receipt is mailed", func() bool { return len(h.app.mails.inbox.Mails("lok@example.test")) == n })
		got := h.app.mails.inbox.Mails("lok@example.test")
		if !strings.Contains(got[0].Text, receipt) || !strings.Contains(got[0].Text, "HK$600.00") {
			t.Fatalf("asked %d times, mailed %v", n, got)
		}
	}
}
