package main

import (
	"testing"

	"github.com/sluicepay/sluice/platform/tenant"
)

func TestConsentIsAsked(t *testing.T) {
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	g.signIn("Chan May")
	g.open(connectLink(app, tenant.ReadWrite, "state", "xyz")).reads("TutorHub HK asks for access to your account")
	t.Log(g.words())
	g.submit(map[string]string{"decision": "approve"})
	t.Log(g.left)
	g.open("/accounts")
}
