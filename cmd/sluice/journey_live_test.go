package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// The first minutes as the banner tells them, on the pages: what its curl pays is on the
// open list without a reload, and two days later, which is one click, it is a paid payout
// whose rows make up its amount.
//
// A page is told within two seconds: the desk looks every half of one, and the page waits
// 0.4 s for more news (connect/dashboard/live.go, app.js). The test waits for the fact and
// tells how long it took, because a busy machine says nothing about speed.
func TestThePaymentOfTheBannerShowsByItselfAndBecomesAPaidPayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	tutor := ada.tutor()
	g := h.guest("en")
	h.joins(g.signIn("Ada Leung"), h.platform, "owner")
	tab := uitest.Browser(t).Tab(t, uitest.Language("en"))
	tab.Cookies(h.url, g.http.Jar.Cookies(g.home()))
	ada.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")
	tab.Open(h.url + h.deskOf("/payments"))
	tab.WaitText("HK$10.00")
	tab.Eval(`window.openedOnce = true`, nil)
	showing := func(text string) (there bool) {
		tab.Eval(fmt.Sprintf(`document.body.innerText.includes(%q)`, text), &there)
		return there
	}
	// The stream of a page that has just opened may not be there yet, and what happens
	// before it is not told: payments come until one of them shows.
	for n := 11; ; n++ {
		if n == 100 {
			t.Fatal("no payment shows by itself")
		}
		ada.post("/v1/charges", fmt.Sprintf("amount=%d00&currency=hkd&source=tok_visa", n))
		late, told := time.Now().Add(2*time.Second), false
		for ; !told && time.Now().Before(late); told = showing(fmt.Sprintf("HK$%d.00", n)) {
		}
		if told {
			break
		}
	}

	paid := (&developer{t: t}).pastes(tryCurl(h.url, h.key, tutor))
	began := time.Now()
	tab.WaitText("HK$600.00")
	t.Logf("on the open page after %s", time.Since(began).Round(time.Millisecond))
	var same bool
	tab.Eval(`window.openedOnce === true`, &same)
	if !same || paid["status"] != "succeeded" {
		t.Errorf("the payment is %v; the page is the one that was opened: %v", paid["status"], same)
	}

	tab.Open(h.url + h.deskOf("/sandbox"))
	tab.ClickThrough("2 days")
	tab.ClickThrough("Advance by 2 days")
	tab.WaitText("The sandbox has moved on")
	payout := ada.of(tutor).until("/v1/payouts?status=paid", "a paid payout", func(list map[string]any) bool {
		return len(list["data"].([]any)) == 1
	})["data"].([]any)[0].(map[string]any)
	id, amount := payout["id"].(string), int64(payout["amount"].(float64))
	if amount != 51_000 {
		t.Errorf("the tutor is paid %d", amount)
	}
	tab.Open(h.url + h.deskOf("/payouts/"+id))
	tab.WaitText("HK$510.00")
	tab.WaitText("Paid")
	uitest.Audit(t, tab)
	if sum, lines := h.netOnPages(g, id); sum != amount || lines == 0 {
		t.Errorf("%d rows on the page of a payout of %d make %d", lines, amount, sum)
	}
	h.closeBooks()
}
