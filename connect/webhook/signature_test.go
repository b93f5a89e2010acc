package webhook

import (
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
)

func TestSignaturesVerifyWithTheLibrariesOfBothSchemes(t *testing.T) {
	for range 50 { // '+' and '/' in some of the secrets
		key, err := newSigningSecret()
		if err != nil {
			t.Fatal(err)
		}
		header, body := http.Header{}, []byte(`{"id":"evt_1","amount":600}`)
		if err := sign(header, []Secret{{ID: "whs_1", Key: key}}, "evt_1", time.Now(), body); err != nil {
			t.Fatal(err)
		}
		if err := stripewebhook.ValidatePayload(body, header.Get("Stripe-Signature"), key.Reveal()); err != nil {
			t.Fatalf("stripe-go: %v", err)
		}
		standard, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := standard.Verify(body, header); err != nil {
			t.Fatalf("standard webhooks: %v", err)
		}
		body[0] = ' '
		if stripewebhook.ValidatePayload(body, header.Get("Stripe-Signature"), key.Reveal()) == nil || standard.Verify(body, header) == nil {
			t.Fatal("an altered body verifies")
		}
	}
}
