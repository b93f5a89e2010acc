package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestANoteIsThePlatformsAloneWithItsAuthor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan")
	tab, at := h.desk(t, "Mei Cheung", session.Support, uitest.NoScript)
	tab.Open(at + "/accounts/" + tutor)
	tab.Fill("text", "Called about the bank account.\nCall again on Monday.")
	tab.ClickThrough("Add the note")
	tab.WaitText("Call again on Monday.")
	if text := tab.Text(); !strings.Contains(text, "You") {
		t.Errorf("the note has no author:\n%s", text)
	}
	uitest.Audit(t, tab)
	shot(tab, "account-notes")
	for method, form := range map[string]string{http.MethodGet: "", http.MethodPost: "text=mine"} {
		answer := h.exchange(letter{method: method, path: "/v1/account_notes?account=" + tutor, form: form, header: map[string]string{"Stripe-Account": tutor}})
		if answer.status != http.StatusForbidden || strings.Contains(string(answer.raw), "Monday") {
			t.Errorf("%s for the tutor: %d %s", method, answer.status, answer.raw)
		}
	}
	tab.ClickThrough("Remove")
	tab.WaitText("No notes yet")
	acts := h.call("GET", "/v1/audit_log?action=account_notes&outcome=done", nil)["data"].([]any)
	if len(acts) != 2 {
		t.Errorf("%d acts are remembered, want that it was written and removed", len(acts))
	}
}

func TestThoseWhoOweAreRemindedByMailAfterTheirNumberWasSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, at := h.desk(t, "Mei Cheung", session.Owner)
	for _, email := range []string{"may@example.com", "lok@example.com"} {
		h.call("POST", "/v1/accounts", url.Values{"type": {"express"}, "country": {"HK"}, "email": {email}, "capabilities[transfers][requested]": {"true"}, "sluice[requirements]": {"enforced"}})
	}
	tab.Open(at + "/accounts")
	uitest.Audit(t, tab)
	shot(tab, "accounts")
	tab.ClickThrough("Remind by e-mail")
	tab.WaitText("2 people are e-mailed")
	uitest.Audit(t, tab)
	shot(tab, "remind")
	tab.Eval(`document.querySelector("[aria-label=\"Remind lok@example.com\"]").click()`, nil)
	tab.ClickThrough("Send the reminders")
	tab.WaitText("1 people are e-mailed")
	if n := len(h.app.mails.inbox.Mails("may@example.com")); n != 1 {
		t.Errorf("May has %d mails", n)
	}
	if n := len(h.app.mails.inbox.Mails("lok@example.com")); n != 0 {
		t.Errorf("Lok was not ticked and has %d mails", n)
	}
	tab.Open(at + "/accounts/remind")
	tab.WaitText("Was reminded within the last day")
}

func TestTheListOfAccountsSaysWhatCameIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan")
	h.call("POST", "/v1/charges", url.Values{"amount": {"60000"}, "currency": {"hkd"}, "source": {"tok_visa"}, "transfer_data[destination]": {tutor}, "transfer_data[amount]": {"51000"}})
	(&paymentsDesk{t: t, house: h}).addUp()
	tab, at := h.desk(t, "Mei Cheung", session.Viewer, uitest.NoScript)
	tab.Open(at + "/accounts")
	tab.WaitText("HK$510.00")
}
