package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// Ada, who owns TutorHub HK, walks through the pages of developers: what they do is
// what the API then says.

// adasDesk is a browser in which Ada is signed in, and where her desk is.
func adasDesk(t *testing.T, h *house) (tab *uitest.Tab, desk string) {
	t.Helper()
	ada := h.guest("en")
	h.joins(ada.signIn("Ada Leung"), h.platform, session.Owner)
	tab = uitest.Browser(t).Tab(t, uitest.Language("en"))
	tab.Cookies(h.url, ada.http.Jar.Cookies(ada.home()))
	return tab, h.url + "/dashboard/" + h.platform + "/test"
}

func TestADeveloperSeesAnAttemptAndReplaysARange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bell := clerk{house: h}.doorbell("enabled_events[]=charge.succeeded")
	for range 3 {
		h.send(http.StatusOK, letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_visa"})
	}
	for range 3 {
		<-bell.rung
	}
	tab, desk := adasDesk(t, h)
	tab.Open(desk + "/webhooks")
	tab.ClickThrough(bell.url)
	tab.WaitText("100 %")
	openFirst(tab)
	tab.WaitURL("/deliveries/")
	tab.WaitText("Try 1")
	tab.Click("Request, answer and timing")
	tab.WaitText("POST " + bell.url)
	uitest.Audit(t, tab)
	tab.ClickThrough("Send again")
	tab.WaitText("It is on its way again")
	<-bell.rung

	tab.Open(desk + "/webhooks/" + bell.id)
	tab.ClickThrough("Send a test")
	tab.WaitURL("/deliveries/")
	<-bell.rung
	tab.Open(desk + "/webhooks/" + bell.id)
	tab.ClickThrough("Pause")
	tab.WaitText("Paused: events are kept, nothing is sent")
	tab.ClickThrough("Resume")
	tab.ClickThrough("Roll the secret")
	tab.ClickThrough("Make the new secret")
	tab.WaitText("whsec_")
	tab.Open(desk + "/events?type=charge.succeeded")
	openFirst(tab)
	tab.ClickThrough("Send again")
	tab.WaitText("It is on its way again")
	<-bell.rung

	tab.Open(desk + "/webhooks/" + bell.id)
	tab.ClickThrough("Replay a range")
	tab.Check("Delivered: it gets them a second time")
	tab.ClickThrough("Count them")
	tab.WaitText("deliveries will be sent again")
	tab.ClickThrough("Start the replay")
	tab.WaitURL("/replays/")
	tab.WaitText("All were made due")
	for range 3 {
		<-bell.rung
	}
}

// openFirst opens the first row of the list.
func openFirst(tab *uitest.Tab) {
	var to string
	for to == "" { // a list that was just told of news is being drawn anew
		tab.Eval(`document.querySelector("[data-rows] .row-link")?.href ?? ""`, &to)
	}
	tab.Open(to)
}

func TestADeveloperMakesAndRollsAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, desk := adasDesk(t, h)
	tab.Open(desk + "/api-keys")
	tab.ClickThrough("Create a key")
	tab.Fill("name", "Lesson shop")
	tab.ClickThrough("Create a key")
	first := secretOn(tab)
	works := func(key string) bool {
		return h.exchange(letter{method: "GET", path: "/v1/balance", header: map[string]string{"Authorization": "Bearer " + key}}).status == http.StatusOK
	}
	if !works(first) {
		t.Fatal("the key that was shown does not work")
	}
	tab.ClickThrough("I have saved it")
	tab.WaitText("Lesson shop")
	if strings.Contains(tab.Text(), first) {
		t.Error("the key is shown again")
	}
	tab.ClickThrough("Roll this key")
	tab.Fill("grace", "At once")
	tab.ClickThrough("Make the new key")
	second := secretOn(tab)
	if second == first || !works(second) {
		t.Error("the new key does not work")
	}
	for asked := time.Now(); works(first); { // other nodes hear of it within five seconds
		if time.Since(asked) > 6*time.Second {
			t.Fatal("the old key still works")
		}
	}
	tab.Open(desk + "/audit?action=api_keys.roll")
	tab.WaitText("You")
	tab.WaitText("api_keys.roll")
}

// secretOn is the secret key that the page shows.
func secretOn(tab *uitest.Tab) (key string) {
	tab.WaitText("sk_test_")
	tab.Eval(`document.querySelector(".secret code").textContent`, &key)
	return key
}

func TestARequestAppearsByItselfInTheLogWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, desk := adasDesk(t, h)
	tab.Open(desk + "/requests?status=4xx")
	asked := time.Now()
	h.exchange(letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_chargeDeclined&description=For+Chan+Ka+Yan&metadata[phone]=91234567"})
	tab.WaitText("card_declined") // by itself: nobody loads the page again
	t.Logf("on the page after %v", time.Since(asked))
	h.exchange(letter{method: "GET", path: "/v1/charges/ch_nowhere"}) // of which no event tells
	tab.WaitText("/v1/charges/{id}")
	tab.Click("Live")
	tab.Wait(`document.querySelector("[data-live-switch]").getAttribute("aria-pressed") === "false"`)
	uitest.Audit(t, tab)
	tab.Open(desk + "/requests?status=4xx&code=card_declined")
	openFirst(tab)
	request := tab.URL()
	tab.WaitText("Your card was declined.")
	for _, seen := range []string{"[redacted]", "60000", "tok_chargeDeclined", "-d 'amount=60000'", "charge.failed"} {
		if seen == "charge.failed" {
			tab.ClickThrough("evt_")
			tab.WaitText("charge.failed")
			tab.WaitText("POST /v1/charges")
			continue
		}
		if !strings.Contains(tab.Text(), seen) {
			t.Errorf("the page lacks %q", seen)
		}
	}
	tab.Open(request)
	tab.WaitText("Your card was declined.")
	for _, hidden := range []string{"Ka Yan", "91234567"} {
		if strings.Contains(tab.Text(), hidden) {
			t.Errorf("the page shows %q", hidden)
		}
	}
}

func TestADeveloperMovesTheSandboxOnAndMakesAnEventHappen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_visa"})
	tab, desk := adasDesk(t, h)
	before := h.app.clocks.Test.Now()
	tab.Open(desk + "/sandbox")
	tab.ClickThrough("7 days")
	tab.WaitText("Becomes available on this account")
	tab.ClickThrough("Advance by 7 days")
	tab.WaitText("The sandbox has moved on")
	if moved := h.app.clocks.Test.Now().Sub(before); moved < 7*24*time.Hour {
		t.Errorf("moved on by %v", moved)
	}
	tab.Fill("event", "customer.created")
	tab.ClickThrough("Make it happen")
	tab.WaitURL("/events/evt_")
	tab.WaitText("customer.created")
	uitest.Audit(t, tab)
}
